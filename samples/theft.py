"""The hostile part of the day: a stolen contractor account weakens, takes, copies and digs in."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from samples import estate
from samples.downloads import AZCOPY_AGENT, BLOCK, ranged_read
from samples.estate import ARCHIVE, FINANCE, PAYROLL, PRODUCTION, THIEF, VAULT, at
from tools.azure_records import (
    Account,
    Delegation,
    DelegationSas,
    Failure,
    OAuth,
    Record,
    Role,
    Sas,
    activity_call,
    copy_engine_read,
    sas_query,
    storage_request,
    synthetic_guid,
)

_STORAGE = "Microsoft.Storage/storageAccounts"
_SERVICES = "Microsoft.ManagedServices"
_UNTIL = at("09:20") + timedelta(days=7)
_ACCOUNT_SAS = Sas(
    sas_query("rl", _UNTIL, starts=at("09:20"), services="b", resource_types="sco"), "stolen account SAS"
)
_SERVICE_SAS = Sas(sas_query("rl", _UNTIL, starts=at("09:23"), resource="c"), "stolen service SAS")
_DELEGATION = Delegation(THIEF.object_id, THIEF.home.id, at("12:20"), at("12:20") + timedelta(days=6, hours=23))
_DELEGATION_SAS = DelegationSas(
    sas_query("rl", _DELEGATION.expires, starts=at("12:20"), resource="c", delegation=_DELEGATION),
    "stolen delegation SAS",
    THIEF,
)


def activity(rng: Random) -> Iterator[Record]:
    """Yield the Activity records of the theft."""
    yield from _weaken(rng)
    yield from _take_keys(rng)
    yield from _export_disks(rng)
    yield from _dig_in(rng)


def storage(rng: Random) -> Iterator[Record]:
    """Yield the storage records of the theft."""
    yield from _download(rng)
    yield from _delegate(rng)
    yield from _copy_out(rng)


def _call(
    rng: Random, clock: str, operation: str, resource_id: str, request: Any = None, **details: Any
) -> list[Record]:
    return activity_call(rng, THIEF, PRODUCTION, operation, resource_id, at(clock), request=request, **details)


def _patch(rng: Random, clock: str, account: Account, **properties: Any) -> list[Record]:
    """Return a PATCH of an account: the request holds the change alone, the response all that now is."""
    response = {"id": account.resource_id, "location": account.region, "properties": properties}
    return _call(rng, clock, f"{_STORAGE}/write", account.resource_id, {"properties": properties}, response=response)


def _weaken(rng: Random) -> Iterator[Record]:
    setting = f"{PAYROLL.blob_service}/providers/microsoft.insights/diagnosticSettings/to-event-hub"
    yield from _call(rng, "09:02", "microsoft.insights/diagnosticSettings/delete", setting)
    yield from _patch(rng, "09:06", FINANCE, networkAcls={"defaultAction": "Allow"})
    yield from _patch(rng, "09:09", FINANCE, allowBlobPublicAccess=True)
    public = {"properties": {"publicAccess": "Container"}}
    container = f"{FINANCE.blob_service}/containers/exports"
    yield from _call(rng, "09:11", f"{_STORAGE}/blobServices/containers/write", container, public)


def _take_keys(rng: Random) -> Iterator[Record]:
    keys = f"{_STORAGE}/listKeys/action"
    yield from _call(rng, "09:14", keys, VAULT.resource_id, failure=Failure())
    yield from _call(rng, "09:16", keys, FINANCE.resource_id)
    yield from _call(rng, "09:17", keys, ARCHIVE.resource_id)
    account_sas = {
        "signedServices": "b",
        "signedResourceTypes": "sco",
        "signedPermission": "rl",
        "signedStart": "2026-03-10T09:20:00Z",
        "signedExpiry": "2026-03-17T09:20:00Z",
        "signedProtocol": "https",
        "keyToSign": "key1",
    }
    yield from _call(rng, "09:20", f"{_STORAGE}/listAccountSas/action", FINANCE.resource_id, account_sas)
    service_sas = {
        "canonicalizedResource": f"/blob/{ARCHIVE.name}/ledgers",
        "signedResource": "c",
        "signedPermission": "rl",
        "signedStart": "2026-03-10T09:23:00Z",
        "signedExpiry": "2026-03-17T09:20:00Z",
        "keyToSign": "key1",
    }
    yield from _call(rng, "09:23", f"{_STORAGE}/listServiceSas/action", ARCHIVE.resource_id, service_sas)


def _export_disks(rng: Random) -> Iterator[Record]:
    snapshot = PRODUCTION.resource("rg-sql", estate.SNAPSHOT, "tmp-sql-prod-01")
    copy = {
        "location": "westeurope",
        "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": estate.DATABASE_DISK}},
    }
    copied = {"id": snapshot, "name": "tmp-sql-prod-01", **copy}
    read = {"access": "Read", "durationInSeconds": 86_400}
    lasting = {"accepted": True, "lasting": timedelta(seconds=21)}
    yield from _call(rng, "09:31", f"{estate.SNAPSHOT}/write", snapshot, copy, response=copied, **lasting)
    yield from _call(rng, "09:36", f"{estate.SNAPSHOT}/beginGetAccess/action", snapshot, read, **lasting)
    disk = estate.APPLICATION_DISK
    short = {"access": "Read", "durationInSeconds": 3_600}
    yield from _call(rng, "09:48", f"{estate.DISK}/beginGetAccess/action", disk, short, **lasting)
    yield from _call(rng, "10:20", f"{estate.DISK}/endGetAccess/action", disk, **lasting)


def _download(rng: Random) -> Iterator[Record]:
    """Yield the use of one account SAS from two addresses: a listing, then range after range."""
    for number, address in enumerate((THIEF.address, estate.THIEF_IPV6)):
        begin = at("10:05") + number * timedelta(minutes=55)
        yield storage_request(
            rng,
            FINANCE,
            "ListBlobs",
            begin,
            _ACCOUNT_SAS,
            address,
            path="/exports",
            agent=AZCOPY_AGENT,
            size=184_320,
        )
        for index in range(620 if number == 0 else 260):
            yield ranged_read(rng, FINANCE, begin + index * timedelta(seconds=9), _ACCOUNT_SAS, address, index)


def _delegate(rng: Random) -> Iterator[Record]:
    token = OAuth(THIEF, Role.BLOB_READER)
    yield storage_request(
        rng, ARCHIVE, "GetUserDelegationKey", at("12:20"), token, THIEF.address, agent=AZCOPY_AGENT, size=612
    )
    for index in range(120):
        moment = at("12:25") + index * timedelta(seconds=12)
        yield ranged_read(rng, ARCHIVE, moment, _DELEGATION_SAS, THIEF.address, index)


def _copy_out(rng: Random) -> Iterator[Record]:
    """Yield what the victim sees of a copy into a foreign account: reads by the storage service."""
    for index in range(96):
        moment = at("13:05") + index * timedelta(seconds=20)
        blob, part = divmod(index, 8)
        yield copy_engine_read(
            rng,
            ARCHIVE,
            moment,
            _SERVICE_SAS,
            path=f"/ledgers/year-{2014 + blob}.bak",
            offset=part * BLOCK,
            size=BLOCK,
        )


def _dig_in(rng: Random) -> Iterator[Record]:
    yield from _patch(rng, "14:10", FINANCE, allowCrossTenantReplication=True)
    policy = synthetic_guid("replication policy", FINANCE.name)
    replication = {
        "properties": {
            "sourceAccount": FINANCE.resource_id,
            "destinationAccount": estate.FOREIGN_ACCOUNT.resource_id,
            "rules": [{"ruleId": policy, "sourceContainer": "exports", "destinationContainer": "in"}],
        }
    }
    resource = f"{FINANCE.resource_id}/objectReplicationPolicies/{policy}"
    yield from _call(rng, "14:14", f"{_STORAGE}/objectReplicationPolicies/write", resource, replication)
    share = {"operationType": "Add", "groups": [{"type": "AADTenants", "ids": [estate.TAILSPIN.id]}]}
    gallery = PRODUCTION.resource("rg-images", "Microsoft.Compute/galleries", "contosoimages")
    yield from _call(rng, "14:40", "Microsoft.Compute/galleries/share/action", gallery, share, accepted=True)
    yield from _delegate_subscription(rng)


def _delegate_subscription(rng: Random) -> Iterator[Record]:
    definition = _provider_id("registrationDefinitions")
    offer = {
        "properties": {
            "registrationDefinitionName": "Remote operations",
            "managedByTenantId": estate.TAILSPIN.id,
            "authorizations": [
                {
                    "principalId": synthetic_guid("object", "tailspin", "operators"),
                    "roleDefinitionId": Role.CONTRIBUTOR.definition_id,
                }
            ],
        }
    }
    assignment = {"properties": {"registrationDefinitionId": definition}}
    yield from _call(rng, "15:05", f"{_SERVICES}/registrationDefinitions/write", definition, offer, status="Created")
    yield from _call(
        rng,
        "15:08",
        f"{_SERVICES}/registrationAssignments/write",
        _provider_id("registrationAssignments"),
        assignment,
        status="Created",
        accepted=True,
    )


def _provider_id(kind: str) -> str:
    return f"{PRODUCTION.scope}/providers/{_SERVICES}/{kind}/{synthetic_guid(kind, 'tailspin')}"
