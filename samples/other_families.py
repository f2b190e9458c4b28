"""Records of log families that share the hub and say nothing about access to data."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from samples.estate import CONTOSO, DAY, ENGINEER, MACHINE, OPERATOR, PRODUCTION, SUBSCRIPTIONS
from tools.azure_records import Record, random_guid, timestamp

_SECONDS = 86_400


def other_families(rng: Random, records: int) -> Iterator[Record]:
    """Yield records of Policy, Alert, ResourceHealth, Entra sign-ins, function logs and metrics."""
    builders = (_policy, _alert, _resource_health, _sign_in, _function_log, _metric)
    for _ in range(records):
        moment = DAY + timedelta(seconds=rng.random() * _SECONDS)
        yield rng.choice(builders)(rng, moment)


def _machine(rng: Random) -> str:
    return rng.choice(SUBSCRIPTIONS).resource("rg-web", MACHINE, f"vm-{rng.randrange(60):02d}")


def _activity(rng: Random, moment: datetime, category: str, operation: str, properties: dict[str, Any]) -> Record:
    machine = _machine(rng)
    return {
        "time": timestamp(moment),
        "resourceId": machine.upper(),
        "operationName": operation,
        "category": category,
        "resultType": "Active",
        "durationMs": "0",
        "correlationId": random_guid(rng),
        "level": "Information",
        "properties": {"eventCategory": category, "entity": machine, **properties},
        "tenantId": CONTOSO.id,
    }


def _policy(rng: Random, moment: datetime) -> Record:
    policies = f'[{{"policyDefinitionId":"{random_guid(rng)}","policyDefinitionEffect":"Audit"}}]'
    return _activity(
        rng,
        moment,
        "Policy",
        "MICROSOFT.AUTHORIZATION/POLICIES/AUDIT/ACTION",
        {"isComplianceCheck": "True", "policies": policies},
    )


def _alert(rng: Random, moment: datetime) -> Record:
    return _activity(
        rng,
        moment,
        "Alert",
        "Microsoft.Insights/ActivityLogAlerts/Activated/action",
        {"eventProperties": {"status": "Activated"}},
    )


def _resource_health(rng: Random, moment: datetime) -> Record:
    health = {"title": "Unplanned restart", "currentHealthStatus": "Available"}
    return _activity(
        rng,
        moment,
        "ResourceHealth",
        "Microsoft.Resourcehealth/healthevent/Activated/action",
        {"eventProperties": health},
    )


def _sign_in(rng: Random, moment: datetime) -> Record:
    person = rng.choice((OPERATOR, ENGINEER))
    return {
        "time": timestamp(moment),
        "resourceId": f"/tenants/{CONTOSO.id}/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity",
        "operationVersion": "1.0",
        "category": "NonInteractiveUserSignInLogs",
        "tenantId": CONTOSO.id,
        "resultType": "0",
        "resultSignature": "SUCCESS",
        "durationMs": 0,
        "callerIpAddress": person.address,
        "correlationId": random_guid(rng),
        "identity": person.name,
        "Level": 4,
        "location": "NL",
        "properties": {
            "id": random_guid(rng),
            "createdDateTime": timestamp(moment),
            "userPrincipalName": person.user_name,
            "userId": person.object_id,
            "userType": "Member",
            "appDisplayName": "Office 365 Exchange Online",
            "resourceDisplayName": "Office 365 Exchange Online",
            "ipAddress": person.address,
            "status": {"errorCode": 0},
        },
    }


def _function_log(rng: Random, moment: datetime) -> Record:
    """Return a function log, whose `properties` are text in single quotes instead of JSON."""
    return {
        "time": moment.strftime("%m/%d/%Y %H:%M:%S"),
        "resourceId": PRODUCTION.resource("rg-web", "Microsoft.Web/sites", "orders-functions").upper(),
        "category": "FunctionAppLogs",
        "operationName": "Microsoft.Web/sites/functions/log",
        "level": "Informational",
        "location": "West Europe",
        "properties": f"{{'appName':'orders-functions','message':'Executed in {rng.randrange(900)} ms'}}",
    }


def _metric(rng: Random, moment: datetime) -> Record:
    return {
        "count": 1,
        "total": rng.randrange(100),
        "minimum": 0,
        "maximum": 100,
        "average": rng.randrange(100),
        "resourceId": _machine(rng).upper(),
        "time": timestamp(moment),
        "metricName": "Percentage CPU",
        "timeGrain": "PT1M",
    }
