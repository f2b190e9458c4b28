"""A compromised application and a foreign guest make SAS in their own names."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from samples.downloads import BLOCK
from samples.estate import ARCHIVE, CONTOSO, FABRIKAM, LAKE, MODELS, at
from samples.stories.scene import download, ordinary_requests
from tools.azure_records import (
    AZURE_CLI,
    Account,
    Caller,
    CallerKind,
    Delegation,
    DelegationSas,
    OAuth,
    Record,
    Role,
    sas_query,
    storage_request,
)

_APPLICATION = Caller(CallerKind.SERVICE_PRINCIPAL, "contoso-reporting", CONTOSO, "203.0.113.120", Role.BLOB_READER)
_GUEST = Caller(CallerKind.GUEST, "Juno Abel", FABRIKAM, "203.0.113.201", Role.BLOB_READER, AZURE_CLI)
_ELSEWHERE = ("192.0.2.44", "2001:db8:44::9")


def delegation_sas(rng: Random) -> Iterator[Record]:
    """Yield the records of one day: two delegation keys, and what was read with the SAS made of them."""
    yield from ordinary_requests(rng, (ARCHIVE, LAKE, MODELS), 60)
    yield _key(rng, ARCHIVE, _APPLICATION, "08:30")
    sas = _sas(_APPLICATION, "08:30", "of the application")
    for number, address in enumerate((_APPLICATION.address, *_ELSEWHERE)):
        yield from _reads(rng, ARCHIVE, f"{9 + 2 * number:02d}:00", sas, address)
    yield _key(rng, LAKE, _GUEST, "13:30")
    yield from _reads(rng, LAKE, "14:00", _sas(_GUEST, "13:30", "of the guest"), _GUEST.address)


def _key(rng: Random, account: Account, caller: Caller, clock: str) -> Record:
    token = OAuth(caller, Role.BLOB_READER)
    return storage_request(rng, account, "GetUserDelegationKey", at(clock), token, caller.address, size=612)


def _sas(delegator: Caller, clock: str, label: str) -> DelegationSas:
    """Return a SAS for one container that lasts as long as its key, a little less than a week."""
    starts, expires = at(clock), at(clock, day=6)
    key = Delegation(delegator.object_id, delegator.home.id, starts, expires)
    return DelegationSas(sas_query("rl", expires, starts=starts, resource="c", delegation=key), label, delegator)


def _reads(rng: Random, account: Account, clock: str, sas: DelegationSas, address: str) -> Iterator[Record]:
    return download(rng, account, at(clock), sas, address, blocks=30, every=timedelta(seconds=8), block=BLOCK)
