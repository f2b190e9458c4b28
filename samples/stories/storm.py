"""The course of Storm-0501's cloud campaigns: weakening, keys, copies, destruction.

https://www.microsoft.com/security/blog/2025/08/27/storm-0501s-evolving-techniques-lead-to-cloud-based-ransomware/
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from samples.estate import (
    ANALYTICS,
    ARCHIVE,
    FINANCE,
    OPERATOR,
    PAYROLL,
    PRODUCTION,
    SNAPSHOT,
    TERRAFORM,
    VAULT,
    at,
)
from samples.stories.scene import CONTAINERS, LIST_KEYS, STORAGE, Scene, download, ordinary_requests
from tools.azure_records import (
    Account,
    Failure,
    Record,
    Role,
    Sas,
    copy_engine_read,
    sas_query,
    synthetic_guid,
)

_INTRUDER = replace(OPERATOR, address="203.0.113.77", role=Role.OWNER, methods="pwd")
_AUTHORIZATION = "Microsoft.Authorization"
_FABRICS = "Microsoft.RecoveryServices/Vaults/backupFabrics"
_COLLECTION = "Microsoft.Compute/restorePointCollections"
_BLOCK = 33_554_432


def storm(rng: Random) -> Iterator[Record]:
    """Yield the records of one night: an ordinary beginning, then two hours of one stolen administrator."""
    yield from ordinary_requests(rng, (FINANCE, ARCHIVE, PAYROLL, VAULT), 60, hours=2)
    for number, account in enumerate((FINANCE, ARCHIVE)):
        yield from _put_closed(rng, f"00:{10 + number}", account)
    intruder = Scene(rng, _INTRUDER, PRODUCTION)
    yield from _weaken(intruder)
    yield from _take_keys(rng)
    yield from _copy_out(rng)
    yield from _destroy(intruder)


def _put_closed(rng: Random, clock: str, account: Account) -> list[Record]:
    """Return the nightly run that puts an account whole, closed to everyone."""
    closed = {"allowBlobPublicAccess": False, "networkAcls": {"defaultAction": "Deny"}}
    desired = {"location": account.region, "sku": {"name": "Standard_ZRS"}, "kind": "StorageV2", "properties": closed}
    terraform = Scene(rng, TERRAFORM, PRODUCTION)
    return terraform.call(clock, f"{STORAGE}/write", account.resource_id, desired, response=desired)


def _weaken(intruder: Scene) -> Iterator[Record]:
    assignment = synthetic_guid("role assignment", "storm")
    roles = f"{_AUTHORIZATION}/roleAssignments"
    role = f"{PRODUCTION.scope}/providers/{_AUTHORIZATION}/roleDefinitions/{Role.OWNER.definition_id}"
    owner = {"properties": {"principalId": _INTRUDER.object_id, "principalType": "User", "roleDefinitionId": role}}
    yield from intruder.call("02:01", f"{_AUTHORIZATION}/elevateAccess/action", f"/providers/{_AUTHORIZATION}")
    yield from intruder.call("02:03", f"{roles}/write", f"{PRODUCTION.scope}/providers/{roles}/{assignment}", owner)
    lock = PRODUCTION.resource("rg-finance", f"{_AUTHORIZATION}/locks", "do-not-delete")
    yield from intruder.call("02:10", f"{_AUTHORIZATION}/locks/delete", lock)
    policy = f"{ARCHIVE.blob_service}/containers/ledgers/immutabilityPolicies/default"
    yield from intruder.call("02:12", f"{CONTAINERS}/immutabilityPolicies/delete", policy)
    for number, account in enumerate((FINANCE, ARCHIVE)):
        yield from intruder.patch(f"02:{15 + number}", account, networkAcls={"defaultAction": "Allow"})
    yield from intruder.patch("02:18", FINANCE, allowBlobPublicAccess=True)
    public = {"properties": {"publicAccess": "Container"}}
    yield from intruder.call("02:19", f"{CONTAINERS}/write", f"{FINANCE.blob_service}/containers/exports", public)


def _take_keys(rng: Random) -> Iterator[Record]:
    """Yield the reading of all keys in reach, and the refusals where the role does not reach."""
    branches = [Account(f"contosobranch{number:02d}", PRODUCTION, "rg-branches") for number in range(8)]
    yield from _list_keys(rng, (FINANCE, ARCHIVE, PAYROLL, VAULT, *branches), 20)
    tests = [Account(f"contosotrial{number:02d}", ANALYTICS, "rg-trials") for number in range(12)]
    yield from _list_keys(rng, tests, 30, Failure())


def _list_keys(
    rng: Random, accounts: Sequence[Account], first_minute: int, failure: Failure | None = None
) -> Iterator[Record]:
    """Yield two calls a minute, beginning at that minute of the hour."""
    for number, account in enumerate(accounts):
        intruder = Scene(rng, _INTRUDER, account.subscription)
        minutes, half = divmod(number, 2)
        clock = f"02:{first_minute + minutes:02d}:{30 * half:02d}"
        yield from intruder.call(clock, LIST_KEYS, account.resource_id, failure=failure)


def _copy_out(rng: Random) -> Iterator[Record]:
    """Yield a download from one account, and a copy by the storage service from the other."""
    query = sas_query("rl", at("02:40", day=2), starts=at("02:40"), services="b", resource_types="sco")
    every = timedelta(seconds=6)
    yield from download(
        rng, ARCHIVE, at("02:45"), Sas(query, "storm archive"), _INTRUDER.address, blocks=400, every=every, block=_BLOCK
    )
    finance = Sas(query, "storm finance")
    for index in range(60):
        blob, part = divmod(index, 5)
        path = f"/exports/ledger-2026-{blob:03d}.bak"
        moment = at("02:50") + index * timedelta(seconds=10)
        yield copy_engine_read(rng, FINANCE, moment, finance, path=path, offset=part * _BLOCK, size=_BLOCK)


def _destroy(intruder: Scene) -> Iterator[Record]:
    for number in range(6):
        snapshot = PRODUCTION.resource("rg-backup", SNAPSHOT, f"weekly-{number:02d}")
        yield from intruder.lasting_call(f"03:4{number}", f"{SNAPSHOT}/delete", snapshot)
    for number in range(2):
        collection = PRODUCTION.resource("rg-backup", _COLLECTION, f"points-sql-{number:02d}")
        yield from intruder.lasting_call(f"03:5{number}", f"{_COLLECTION}/delete", collection)
    vault = PRODUCTION.resource("rg-backup", "Microsoft.RecoveryServices/vaults", "contoso-recovery")
    container = f"{vault}/backupFabrics/Azure/protectionContainers/StorageContainer;storage;rg-finance;{FINANCE.name}"
    yield from intruder.lasting_call("03:55", f"{_FABRICS}/protectionContainers/delete", container)
    for number, account in enumerate((FINANCE, ARCHIVE, PAYROLL)):
        yield from intruder.call(f"04:0{number}", f"{STORAGE}/delete", account.resource_id)
