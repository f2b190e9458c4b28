"""Activity log records, in any of their three shapes, as phases of operations.

Event Hubs sends flat upper-case texts, the REST interface and the portal objects with ``value``, and the Python SDK the
same in snake_case. https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from grantwatch.model.bodies import Body
from grantwatch.model.network import LONGEST_ADDRESS, address_of
from grantwatch.model.operation import OperationKey, Phase
from grantwatch.model.resource import folded_id, subscription_in
from grantwatch.model.severity import Outcome
from grantwatch.wire.bodies import reduced
from grantwatch.wire.claims import actor_of
from grantwatch.wire.fields import UnreadableRecordError, guid, mapping, moment, safe, text, word

_OUTCOMES = {
    "start": Outcome.ATTEMPTED,
    "started": Outcome.ATTEMPTED,
    "accept": Outcome.ACCEPTED,
    "accepted": Outcome.ACCEPTED,
    "success": Outcome.SUCCEEDED,
    "succeeded": Outcome.SUCCEEDED,
    "failure": Outcome.FAILED,
    "failed": Outcome.FAILED,
}

# Write, Action and Delete stood here until 2018; the categories that are left out do not report ARM calls.
_CALL_CATEGORIES = frozenset(("", "administrative", "write", "action", "delete"))
_CATEGORIES = _CALL_CATEGORIES | {
    "alert",
    "autoscale",
    "policy",
    "recommendation",
    "resourcehealth",
    "security",
    "servicehealth",
}

_EVENT_HUBS_NAMES = {
    "eventTimestamp": "time",
    "event_timestamp": "time",
    "operation_name": "operationName",
    "resource_id": "resourceId",
    "correlation_id": "correlationId",
    "status": "resultType",
    "sub_status": "resultSignature",
    "tenant_id": "tenantId",
    "http_request": "httpRequest",
    "client_ip_address": "clientIpAddress",
}


class Occurrence(NamedTuple):
    """Where and when something happened: owner tenant, subscription, time. What lies in no subscription has none."""

    tenant: str
    subscription: str
    time: datetime


def reports_a_call(record: Mapping[str, Any]) -> bool:
    """Whether an Activity record is of a category that tells of ARM calls; a missing category is given the benefit."""
    return _is_of(record, _CALL_CATEGORIES)


def occurrence_of(record: Mapping[str, Any], owner_tenant: str) -> Occurrence | None:
    """What an Activity record of any category tells of its subscription, whatever else it says.

    None for records of other logs, and for those of which the time or the resource cannot be read. Views are read as
    they are: whoever asks for this asks of many records and keeps nothing of them.
    """
    try:
        if not _is_of(record, _CATEGORIES):
            return None
        time = moment(_named(record, "time", "eventTimestamp", "event_timestamp"))
        resource = text(_named(record, "resourceId", "resource_id")) or text(_properties(record).get("entity"))
        if time is None or resource is None:
            return None
        tenant = guid(_named(record, "tenantId", "tenant_id")) or _tenant_above(_properties(record))
        return Occurrence(tenant or owner_tenant, subscription_in(folded_id(resource)) or "", time)
    except ValueError:  # a number that is longer than Python reads
        return None


def phase_of(
    record: Mapping[str, Any],
    name: str,
    requests: Sequence[type[Body]],
    responses: Sequence[type[Body]],
    *,
    owner_tenant: str,
    salvaged: bool,
) -> tuple[OperationKey, Phase]:
    """The call that a record tells of, and what it tells. ``owner_tenant`` is for records that do not name theirs.

    Raises UnreadableRecordError when time, resource or outcome cannot be read.
    """
    flat = _flat(record)
    time = moment(flat.get("time"))
    if time is None:
        raise UnreadableRecordError("the record has no readable time")
    properties = mapping(flat.get("properties"))
    identity = mapping(flat.get("identity"))
    authorization = mapping(identity.get("authorization"))
    resource = text(flat.get("resourceId")) or text(properties.get("entity"))
    if resource is None:
        raise UnreadableRecordError("the record names no resource")
    outcome = _OUTCOMES.get(word(flat.get("resultType")).lower().strip(". "))
    if outcome is None:
        raise UnreadableRecordError("the record has no known result")
    address = word(flat.get("callerIpAddress")) or word(mapping(flat.get("httpRequest")).get("clientIpAddress"))
    key = OperationKey(
        tenant=guid(flat.get("tenantId")) or _tenant_above(properties) or owner_tenant,
        correlation_id=(text(flat.get("correlationId")) or "").lower(),
        name=name,
        resource=folded_id(resource),
    )
    return key, Phase(
        time=time,
        outcome=outcome,
        resource=_as_typed(resource, authorization.get("scope"), properties.get("entity")),
        actor=actor_of(identity, address_of(address[:LONGEST_ADDRESS]), text(flat.get("caller"))),
        status=text(properties.get("statusCode")),
        requests=reduced(properties.get("requestbody") or properties.get("requestBody"), requests),
        responses=reduced(properties.get("responseBody") or properties.get("responsebody"), responses),
        salvaged=salvaged,
    )


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record under the names, and with the plain values, that Event Hubs uses."""
    if isinstance(record.get("resultType"), str) and "time" in record and "identity" in record:
        return record
    flat = {_EVENT_HUBS_NAMES.get(name, name): value for name, value in record.items()}
    for name in ("operationName", "resultType", "resultSignature", "category"):
        value = flat.get(name)
        if isinstance(value, dict):
            flat[name] = value.get("value")
    if isinstance(flat.get("httpRequest"), dict):
        flat["httpRequest"] = {_EVENT_HUBS_NAMES.get(name, name): value for name, value in flat["httpRequest"].items()}
    if "identity" not in flat:
        flat["identity"] = {"claims": flat.get("claims"), "authorization": flat.get("authorization")}
    return flat


def _is_of(record: Mapping[str, Any], categories: frozenset[str]) -> bool:
    category = record.get("category")
    if isinstance(category, Mapping):
        category = category.get("value")
    return not isinstance(category, str) or category.strip().lower() in categories


def _named(record: Mapping[str, Any], *names: str) -> Any:
    """What stands under the first of these names that a record has."""
    return next((value for name in names if (value := record.get(name)) is not None), None)


def _properties(record: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = record.get("properties")
    return properties if isinstance(properties, Mapping) else mapping(properties)


def _tenant_above(properties: Mapping[str, Any]) -> str | None:
    """The tenant that the resource belongs to, where the record does not name it; the caller's token does not tell.

    The hierarchy runs from the tenant to the subscription; a lone element is not known to be the tenant.
    """
    levels = [each for each in (text(properties.get("hierarchy")) or "").split("/") if each]
    return guid(levels[0]) if len(levels) > 1 else None


def _as_typed(resource: str, *spellings: Any) -> str:
    """The resource id as the caller typed it; Event Hubs records have it in capitals."""
    folded = resource.strip("/").lower()
    for spelling in spellings:
        spelled = word(spelling).strip("/")
        if spelled.lower() == folded and spelled != spelled.upper():
            return "/" + safe(spelled)
    return "/" + resource.strip("/")
