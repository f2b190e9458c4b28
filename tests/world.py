"""A small organisation whose raw records the tests send in, and the engine they send them to."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.model.finding import Finding
from grantwatch.ports import Parked
from grantwatch.settings import Settings
from grantwatch.tally import Tally
from tests.support import content
from tools.azure_records import (
    AZURE_CLI,
    Account,
    Caller,
    CallerKind,
    OAuth,
    Record,
    Role,
    Sas,
    Subscription,
    Tenant,
    activity_call,
    sas_query,
    storage_request,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
OWNER = Tenant("owner")
STRANGER = Tenant("stranger")
SUBSCRIPTION = Subscription("production", OWNER, ("platform",))
ACCOUNT = Account("contosodata", SUBSCRIPTION, "data")
ADMIN = Caller(CallerKind.USER, "Ada Admin", OWNER, "203.0.113.7", Role.OWNER, AZURE_CLI)
DISK = SUBSCRIPTION.resource("servers", "Microsoft.Compute/disks", "payroll-os")
BEGIN = "Microsoft.Compute/disks/beginGetAccess/action"
END = "Microsoft.Compute/disks/endGetAccess/action"
LIST_ACCOUNT_SAS = "Microsoft.Storage/storageAccounts/listAccountSas/action"


@dataclass(frozen=True)
class Result:
    """What an engine made of some bodies."""

    tally: Tally
    findings: list[Finding]
    parked: list[Parked]
    store: MemoryStore

    @property
    def is_balanced(self) -> bool:
        return self.tally.records == self.tally.selected + self.tally.ignored + self.tally.rejected


def run(*bodies: bytes, finish: bool = False, **settings: Any) -> Result:
    """What a new engine makes of these bodies, given together."""
    store, sink, parking = MemoryStore(), MemorySink(), MemoryParking()
    engine = local.engine(store=store, sink=sink, parking=parking, settings=Settings(**settings))
    tally = engine.process(bodies)
    if finish:
        tally += engine.sweep()
    return Result(tally, sink.current(), parking.items, store)


def body_of(records: Iterable[Any]) -> bytes:
    return json.dumps({"records": list(records)}).encode()


def ordinary_read(number: int = 0, at: datetime = NOON) -> Record:
    """A read with a token: nothing to report."""
    path = f"/reports/{number}.csv"
    return storage_request(Random(number), ACCOUNT, "GetBlob", at, OAuth(ADMIN), "10.1.2.3", path=path)


def sas_read(
    number: int = 0, at: datetime = NOON, *, label: str = "leaked", address: str = "198.51.100.23", **more: Any
) -> Record:
    """A read, or another request, with a container SAS from outside."""
    query = sas_query("rl", at.replace(hour=0, minute=0) + timedelta(days=6), resource="c")
    path, operation = more.pop("path", f"/reports/{number}.csv"), more.pop("operation", "GetBlob")
    return storage_request(Random(number), ACCOUNT, operation, at, Sas(query, label), address, path=path, **more)


def disk_access(number: int = 0, at: datetime = NOON, resource: str = DISK, **more: Any) -> list[Record]:
    """The records of one call for the download address of a disk."""
    asked: dict[str, Any] = {"request": {"access": "Read", "durationInSeconds": 3600}, "accepted": True}
    return activity_call(Random(number), ADMIN, SUBSCRIPTION, BEGIN, resource, at, **(asked | more))


def account_sas(number: int = 0, at: datetime = NOON, **more: Any) -> list[Record]:
    """The records of one call for an account SAS."""
    request = {
        "signedServices": "bfqt",
        "signedResourceTypes": "sco",
        "signedPermission": "rwdlacup",
        "signedExpiry": "2026-09-01T00:00:00Z",
        "keyToSign": "key1",
    }
    return activity_call(
        Random(number),
        ADMIN,
        SUBSCRIPTION,
        LIST_ACCOUNT_SAS,
        ACCOUNT.resource_id,
        at,
        **({"request": request} | more),
    )


def content_of(findings: Sequence[Finding]) -> dict[str, dict[str, Any]]:
    """What findings say, without what tells one revision or run from another."""
    return {row["FindingId"]: row for row in content(findings)}
