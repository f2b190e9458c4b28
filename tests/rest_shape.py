"""Activity records in the shape of the REST interface and the portal, made from those that Event Hubs delivers.

Names and values as in https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema; the role assignment
that let the caller in, ``authorization.evidence``, is in the Event Hubs shape alone.
"""

from typing import Any

from tests.support import Record

_STATUS = {"Start": "Started", "Accept": "Accepted", "Success": "Succeeded", "Failure": "Failed"}
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"


def in_rest_shape(record: Record) -> Record:
    """The same event, as the REST interface tells it."""
    claims, authorization = record["identity"]["claims"], record["identity"]["authorization"]
    properties = record["properties"]
    begins = record["resultType"] == "Start"
    return {
        "authorization": {name: authorization[name] for name in ("action", "scope")},
        "caller": claims.get(_UPN) or claims[_OBJECT_ID],
        "channels": "Operation",
        "claims": claims,
        "correlationId": record["correlationId"],
        "description": "",
        "eventDataId": record["correlationId"][::-1],
        "eventName": _named("BeginRequest" if begins else "EndRequest", "Begin request" if begins else "End request"),
        "category": _named(record["category"], record["category"]),
        "httpRequest": {"clientRequestId": record["correlationId"], "clientIpAddress": record["callerIpAddress"]},
        "level": "Informational",
        "resourceId": properties["entity"],
        "operationName": _named(properties["message"], properties["message"]),
        "properties": properties,
        "status": _named(_STATUS[record["resultType"]], _STATUS[record["resultType"]]),
        "subStatus": _named(properties.get("statusCode", ""), properties.get("statusCode", "")),
        "eventTimestamp": record["time"],
        "submissionTimestamp": record["time"],
        "tenantId": record.get("tenantId"),
    }


def _named(value: str, localized: str) -> dict[str, Any]:
    return {"value": value, "localizedValue": localized}
