"""What has to be looked at when its time has come.

That is calls that nobody saw end, grants that may have outlived their time, and days of use that are over.

Entries lie in buckets by the hour in which they are due, or were noted if that is later, so that a sweep reads hours
that have passed and nothing else. Nobody writes into an hour that is long past: it goes when it is empty.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey, Owner, address_of_entity
from grantwatch.model.operation import OperationKey
from grantwatch.ports import Row, StateStore

_HOURS = digest("due-hours")
_ENDS = digest("ends-of-input")
_HOUR = "%Y%m%d%H"
_LATE = timedelta(hours=2)


class Cause(StrEnum):
    """Why something is due."""

    CALL = "call"
    GRANT = "grant"
    USE = "use"


class _Due(Struct, omit_defaults=True, kw_only=True):
    version: int = 2
    at: datetime
    owner: Owner
    grant: bool = False
    use: bool = False

    @property
    def cause(self) -> Cause:
        return Cause.USE if self.use else Cause.GRANT if self.grant else Cause.CALL


class _Began(Struct):
    """A call whose end is waited for, as the first version noted it."""

    began: datetime
    key: OperationKey


_DECODER = msgspec.json.Decoder(_Due)
_OF_FIRST_VERSION = msgspec.json.Decoder(_Began)
_WAITED = timedelta(hours=1)


class Due(Struct, frozen=True):
    """An entity that is due, why, and the row that says so."""

    key: EntityKey
    at: datetime
    cause: Cause
    row: Row


def due_rows(key: EntityKey, at: datetime, now: datetime, cause: Cause) -> tuple[Row, Row]:
    """What to insert for an entity that is due at that time; the first row is the same for the whole hour."""
    hour = max(at, now).astimezone(UTC).strftime(_HOUR)
    owner, _ = address_of_entity(key)
    name = f"{owner}-{cause}-{at.astimezone(UTC).isoformat(timespec='microseconds')}"
    content = msgspec.json.encode(_Due(at=at, owner=Owner.of(key), grant=cause is Cause.GRANT, use=cause is Cause.USE))
    return Row(_HOURS, hour, b"{}"), Row(_bucket(hour), name, content)


def due(store: StateStore, now: datetime | None) -> Iterator[Sequence[Due]]:
    """What is due by now (None: everything), an hour at a time. Deletes hours in which there was nothing any more."""
    latest = None if now is None else now.astimezone(UTC).strftime(_HOUR)
    hours = store.scan([_HOURS])
    for hour in sorted((row for row in hours if latest is None or row.name <= latest), key=lambda row: row.name):
        noted = [_noted(row) for row in store.scan([_bucket(hour.name)])]
        if noted:
            yield [each for each in noted if now is None or each.at <= now]
        elif now is not None and hour.name < (now - _LATE).astimezone(UTC).strftime(_HOUR):
            store.delete([hour])


def end_of_input(store: StateStore, latest: datetime | None) -> datetime | None:
    """The latest event of all inputs that came to their end on this store, this one's ``latest`` among them."""
    if latest is not None:
        store.insert([Row(_ENDS, latest.astimezone(UTC).isoformat(timespec="microseconds"), b"{}")])
    return max((datetime.fromisoformat(row.name) for row in store.scan([_ENDS])), default=None)


def _noted(row: Row) -> Due:
    try:
        entry = _DECODER.decode(row.content)
    except msgspec.ValidationError:
        began = _OF_FIRST_VERSION.decode(row.content)
        return Due(began.key, began.began + _WAITED, Cause.CALL, row)
    return Due(entry.owner.key, entry.at, entry.cause, row)


def _bucket(hour: str) -> str:
    return digest(("due", hour))
