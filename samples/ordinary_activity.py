"""The ordinary Activity records of the day: machines, deployments, backups, Terraform, platform services."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from samples import estate
from samples.estate import ACCOUNTS, DAY, MACHINE, SUBSCRIPTIONS, at
from tools.azure_records import Account, Caller, Failure, Record, Subscription, activity_call

_NETWORK = "Microsoft.Network/networkInterfaces"
_DEPLOYMENT = "Microsoft.Resources/deployments"
_STORAGE = "Microsoft.Storage/storageAccounts"
_SECONDS = 86_400
_STATE = {"startTime": "2026-03-10T00:00:00+00:00", "status": "InProgress"}
_DISK = {
    "location": "westeurope",
    "sku": {"name": "Premium_LRS"},
    "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 64},
}
_INTERFACE = {"location": "westeurope", "properties": {"enableAcceleratedNetworking": True}}
_TEMPLATE = {"properties": {"mode": "Incremental", "templateLink": {"id": "template-specs/web/versions/12"}}}

_CHURN: tuple[tuple[str, str, Any, bool], ...] = (
    (MACHINE, "start/action", None, True),
    (MACHINE, "restart/action", None, True),
    (MACHINE, "deallocate/action", None, True),
    (estate.DISK, "write", _DISK, True),
    (estate.DISK, "delete", None, True),
    (_NETWORK, "write", _INTERFACE, False),
    (_NETWORK, "delete", None, True),
    ("Microsoft.Network/networkSecurityGroups", "write", _INTERFACE, False),
    (_DEPLOYMENT, "validate/action", _TEMPLATE, False),
    (_DEPLOYMENT, "write", _TEMPLATE, False),
    ("Microsoft.Web/sites/config", "write", {"properties": {"alwaysOn": True}}, False),
    ("Microsoft.Resources/tags", "write", {"properties": {"tags": {"stage": "production"}}}, False),
)


def ordinary_activity(rng: Random, calls: int) -> Iterator[Record]:
    """Yield the records of about `calls` calls of daily churn, and of the regular jobs beside it."""
    for _ in range(calls):
        yield from _churn(rng, DAY + timedelta(seconds=rng.random() * _SECONDS))
    yield from _backup_product(rng)
    yield from _platform_services(rng)
    yield from _terraform(rng)
    yield from activity_call(
        rng,
        estate.ANALYST,
        estate.ANALYTICS,
        f"{_STORAGE}/listKeys/action",
        estate.LAKE.resource_id,
        at("10:29"),
    )


def _churn(rng: Random, moment: datetime) -> list[Record]:
    kind, verb, request, accepted = rng.choice(_CHURN)
    subscription = rng.choice(SUBSCRIPTIONS)
    resource = subscription.resource(f"rg-team-{rng.randrange(9)}", kind, f"churn-{rng.randrange(400):03d}")
    refused = Failure("Conflict", "AnotherOperationInProgress", "Another operation is in progress.", True)
    return activity_call(
        rng,
        rng.choice((estate.OPERATOR, estate.ENGINEER, estate.TERRAFORM)),
        subscription,
        f"{kind}/{verb}",
        resource,
        moment,
        request=request,
        response={"id": resource, **(request or _STATE)},
        accepted=accepted,
        failure=refused if rng.random() < 0.03 else None,
        lasting=timedelta(seconds=rng.randrange(1, 90)),
    )


def _backup_product(rng: Random) -> Iterator[Record]:
    """Yield the nightly snapshots of a backup product, each deleted in the evening."""
    for number, disk in enumerate(estate.PROTECTED_DISKS):
        name = f"backup-20260310-{number:02d}"
        snapshot = estate.PRODUCTION.resource("rg-backup", estate.SNAPSHOT, name)
        copy = {
            "location": "westeurope",
            "properties": {
                "creationData": {"createOption": "Copy", "sourceResourceId": disk},
                "incremental": True,
            },
        }
        begin = at("01:00") + number * timedelta(minutes=3)
        for verb, body, moment in (("write", copy, begin), ("delete", None, begin + timedelta(hours=20))):
            yield from activity_call(
                rng,
                estate.BACKUP_PRODUCT,
                estate.PRODUCTION,
                f"{estate.SNAPSHOT}/{verb}",
                snapshot,
                moment,
                request=body,
                response={"id": snapshot, **body} if body else None,
                accepted=True,
                lasting=timedelta(seconds=14),
            )


def _platform_services(rng: Random) -> Iterator[Record]:
    """Yield the key reads by which services of the platform reach their customers' accounts."""
    for hour in range(0, 24, 2):
        for number, account in enumerate(ACCOUNTS):
            service = estate.EVENT_DELIVERY if number % 2 else estate.BACKUP_SERVICE
            moment = DAY + timedelta(hours=hour, minutes=3 * number, seconds=rng.randrange(60))
            yield from activity_call(
                rng,
                service,
                account.subscription,
                f"{_STORAGE}/listKeys/action",
                account.resource_id,
                moment,
            )


def _terraform(rng: Random) -> Iterator[Record]:
    """Yield three runs that put every account again, whole and unchanged, some of them open all along."""
    for hour in (5, 8, 17):
        for number, account in enumerate(ACCOUNTS):
            moment = DAY + timedelta(hours=hour, minutes=10 + number)
            if hour < 9 or account not in (estate.FINANCE, estate.PAYROLL):
                yield from _put_account(rng, estate.TERRAFORM, account.subscription, account, moment)


def _put_account(
    rng: Random, caller: Caller, subscription: Subscription, account: Account, moment: datetime
) -> list[Record]:
    public = account is estate.WEBSITE
    desired = {
        "location": account.region,
        "sku": {"name": "Standard_ZRS"},
        "kind": "StorageV2",
        "properties": {
            "allowBlobPublicAccess": public,
            "allowCrossTenantReplication": False,
            "allowSharedKeyAccess": True,
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
            "publicNetworkAccess": "Enabled",
            "networkAcls": {
                "bypass": "AzureServices",
                "ipRules": [{"value": "198.51.100.0/24", "action": "Allow"}],
                "defaultAction": "Allow" if public or account is estate.ARCHIVE else "Deny",
            },
        },
    }
    return activity_call(
        rng,
        caller,
        subscription,
        f"{_STORAGE}/write",
        account.resource_id,
        moment,
        request=desired,
        response={"id": account.resource_id, **desired},
    )
