"""Activity log records of the Administrative category, phase by phase."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tools.records.identifiers import random_guid, timestamp
from tools.records.identities import Caller, authorization_evidence, claims
from tools.records.places import Subscription

Record = dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """Why a call was refused: the word of the HTTP status, ARM's error code and its explanation.

    `authorized` is false when no role let the caller in, and then the record has no evidence.
    """

    status: str = "Forbidden"
    code: str = "AuthorizationFailed"
    message: str = "The client does not have authorization to perform the action over the scope."
    authorized: bool = False


@dataclass(frozen=True)
class _Phase:
    kind: str
    signature: str
    offset: timedelta
    properties: dict[str, str | None]


def activity_call(
    rng: Random,
    caller: Caller,
    subscription: Subscription,
    operation: str,
    resource_id: str,
    at: datetime,
    *,
    request: Any = None,
    response: Any = None,
    status: str = "OK",
    accepted: bool = False,
    failure: Failure | None = None,
    lasting: timedelta = timedelta(seconds=2),
    correlation_id: str | None = None,
) -> list[Record]:
    """Return the records of one ARM call: Start, Accept if it is asynchronous, then Success or Failure.

    `operation` and `resource_id` are given in their original case, bodies as values. The request stands on
    the Start record; the response on the first record after it, as Azure does.
    """
    correlation = correlation_id or random_guid(rng)
    authorization: Record = {"scope": resource_id, "action": operation}
    if failure is None or failure.authorized:
        authorization["evidence"] = authorization_evidence(caller, subscription)
    identity = {"authorization": authorization, "claims": claims(caller, subscription.tenant, at, rng)}
    return [
        _record(rng, caller, subscription, operation, resource_id, at, correlation, identity, phase)
        for phase in _phases(rng, request, response, status, accepted, failure, lasting)
    ]


def _phases(
    rng: Random,
    request: Any,
    response: Any,
    status: str,
    accepted: bool,
    failure: Failure | None,
    lasting: timedelta,
) -> list[_Phase]:
    body = {} if response is None else {"responseBody": _escaped(response)}
    phases = [_Phase("Start", "Started.", timedelta(), {} if request is None else {"requestbody": _escaped(request)})]
    if accepted and failure is None:
        phases.append(
            _Phase(
                "Accept",
                "Accepted.Accepted",
                min(lasting, timedelta(seconds=1)),
                {"statusCode": "Accepted", "serviceRequestId": random_guid(rng), **body},
            )
        )
        body = {}
    if failure:
        error = {"error": {"code": failure.code, "message": failure.message}}
        phases.append(
            _Phase(
                "Failure",
                f"Failed.{failure.status}",
                lasting,
                {"statusCode": failure.status, "serviceRequestId": None, "statusMessage": _escaped(error)},
            )
        )
    else:
        phases.append(
            _Phase(
                "Success",
                f"Succeeded.{status}",
                lasting,
                {"statusCode": status, "serviceRequestId": random_guid(rng), **body},
            )
        )
    return phases


def _record(
    rng: Random,
    caller: Caller,
    subscription: Subscription,
    operation: str,
    resource_id: str,
    at: datetime,
    correlation: str,
    identity: Record,
    phase: _Phase,
) -> Record:
    return {
        "RoleLocation": "West Europe",
        "Stamp": "FDWeb",
        "ReleaseVersion": "6.2026.10.1+synthetic.release_2026w10",
        "time": timestamp(at + phase.offset + timedelta(microseconds=rng.randrange(900_000))),
        "resourceId": resource_id.upper(),
        "operationName": operation.upper(),
        "category": "Administrative",
        "resultType": phase.kind,
        "resultSignature": phase.signature,
        "durationMs": str(int(phase.offset.total_seconds() * 1000)),
        "callerIpAddress": caller.address,
        "correlationId": correlation,
        "identity": identity,
        "level": "Error" if phase.kind == "Failure" else "Information",
        "properties": {
            **phase.properties,
            "eventCategory": "Administrative",
            "entity": resource_id,
            "message": operation,
            "hierarchy": subscription.hierarchy,
        },
        "tenantId": subscription.tenant.id,
    }


def _escaped(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"))
