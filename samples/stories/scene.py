"""What stories are told with: calls of one caller, downloads, and the ordinary traffic beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from samples.downloads import AZCOPY_AGENT, ranged_read
from samples.estate import WORKLOADS, at
from tools.azure_records import (
    Account,
    AccountKey,
    Caller,
    Credential,
    OAuth,
    Record,
    Subscription,
    activity_call,
    storage_request,
)

STORAGE = "Microsoft.Storage/storageAccounts"
LIST_KEYS = f"{STORAGE}/listKeys/action"
CONTAINERS = f"{STORAGE}/blobServices/containers"
LASTING = timedelta(seconds=21)


@dataclass(frozen=True)
class Scene:
    """One caller at work in one subscription."""

    rng: Random
    caller: Caller
    subscription: Subscription

    def call(
        self, clock: str, operation: str, resource_id: str, request: Any = None, *, day: int = 0, **details: Any
    ) -> list[Record]:
        """Return the records of a call that is answered at once."""
        moment = at(clock, day=day)
        return activity_call(
            self.rng, self.caller, self.subscription, operation, resource_id, moment, request=request, **details
        )

    def lasting_call(
        self, clock: str, operation: str, resource_id: str, request: Any = None, *, day: int = 0, **details: Any
    ) -> list[Record]:
        """Return the records of a call that is accepted first and done later; a request with a location is echoed."""
        if isinstance(request, dict) and "location" in request:
            details = {"response": {"id": resource_id, **request}} | details
        lasting = {"accepted": True, "lasting": LASTING}
        return self.call(clock, operation, resource_id, request, day=day, **lasting | details)

    def patch(self, clock: str, account: Account, **properties: Any) -> list[Record]:
        """Return the records of a change of an account: the request holds the change and nothing else."""
        response = {"id": account.resource_id, "location": account.region, "properties": properties}
        request = {"properties": properties}
        return self.call(clock, f"{STORAGE}/write", account.resource_id, request, response=response)


def copy_of(source: str, *, incremental: bool = False) -> dict[str, Any]:
    """Return the body of a write that makes a snapshot or disk from another one."""
    properties: dict[str, Any] = {"creationData": {"createOption": "Copy", "sourceResourceId": source}}
    return {"location": "westeurope", "properties": properties | ({"incremental": True} if incremental else {})}


def download(
    rng: Random,
    account: Account,
    begin: datetime,
    credential: Credential,
    address: str,
    *,
    blocks: int,
    every: timedelta,
    block: int,
) -> Iterator[Record]:
    """Yield what AzCopy leaves: one listing, then block after block."""
    yield storage_request(
        rng, account, "ListBlobs", begin, credential, address, path="/exports", agent=AZCOPY_AGENT, size=184_320
    )
    for index in range(blocks):
        moment = begin + (index + 1) * every
        yield ranged_read(rng, account, moment, credential, address, index, block=block)


def ordinary_requests(rng: Random, accounts: Sequence[Account], requests: int, *, hours: int = 24) -> Iterator[Record]:
    """Yield reads and writes of workloads by token and by account key, over that many hours from midnight."""
    for _ in range(requests):
        workload = rng.choice(WORKLOADS)
        credential: Credential = OAuth(workload) if rng.random() < 0.6 else AccountKey(1)
        yield storage_request(
            rng,
            rng.choice(accounts),
            rng.choice(("GetBlob", "GetBlob", "PutBlob", "ListBlobs", "DeleteBlob")),
            at("00:00") + timedelta(seconds=rng.random() * hours * 3_600),
            credential,
            workload.address,
            path=f"/documents/{rng.randrange(40):02d}/file-{rng.randrange(100_000):05d}.json",
            size=rng.randrange(200, 900_000),
        )
