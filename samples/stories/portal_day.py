"""People look into containers in the Azure portal, with account keys and with their own roles."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from samples.estate import ANALYST, ANALYTICS, ENGINEER, LAKE, MODELS, ORDERS, STAGING, at
from samples.stories.scene import LIST_KEYS, Scene, ordinary_requests
from tools.azure_records import (
    PORTAL,
    Account,
    Caller,
    Credential,
    Failure,
    OAuth,
    Record,
    Role,
    Sas,
    portal_sas,
    storage_request,
)

_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/134.0.0.0 Safari/537.36"
_AT_HOME = replace(ANALYST, address="192.0.2.57")
_INTERN = replace(ENGINEER, name="Sam Okoye", role=Role.BLOB_READER)


def portal_day(rng: Random) -> Iterator[Record]:
    """Yield the records of one day: sessions by key in the office and at home, one by role, one refused."""
    yield from ordinary_requests(rng, (LAKE, STAGING, MODELS, ORDERS), 60)
    for clock, account in (("08:55", LAKE), ("13:20", LAKE), ("15:45", STAGING)):
        yield from _by_key(rng, ANALYST, account, clock)
    yield from _by_key(rng, _AT_HOME, MODELS, "19:30")
    yield from _browse(rng, _INTERN, LAKE, "10:11", OAuth(_INTERN, Role.BLOB_READER))
    refused = Failure(authorized=False)
    yield from Scene(rng, _INTERN, ANALYTICS).call("10:10", LIST_KEYS, LAKE.resource_id, failure=refused)


def _by_key(rng: Random, person: Caller, account: Account, clock: str) -> Iterator[Record]:
    """Yield a session in which the portal reads the keys and makes itself a nearly all-powerful SAS for a few hours."""
    yield from Scene(rng, person, account.subscription).call(clock, LIST_KEYS, account.resource_id)
    session = Sas(portal_sas(at(clock)), f"portal {person.name} {account.name} {clock}")
    yield from _browse(rng, person, account, clock, session)


def _browse(rng: Random, person: Caller, account: Account, clock: str, credential: Credential) -> Iterator[Record]:
    for index in range(16):
        yield storage_request(
            rng,
            account,
            "GetBlob" if index % 4 == 3 else "ListBlobs",
            at(clock) + timedelta(seconds=40 + 25 * index),
            credential,
            person.address,
            path=f"/curated/{index // 4}",
            agent=_BROWSER,
            size=rng.randrange(2_000, 40_000),
            referrer=PORTAL,
        )
