"""Calls that nobody has seen end yet, by the hour they began, so that a sweep reads hours and never scans."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.entities import Entity, address_of_entity
from grantwatch.model.operation import OperationKey
from grantwatch.ports import Row, StateStore

_HOURS = digest("due-hours")
_HOUR = "%Y%m%d%H"


class _Due(Struct, kw_only=True):
    version: int = 1
    began: datetime
    key: OperationKey


_DECODER = msgspec.json.Decoder(_Due)


def due_rows(entity: Entity) -> Iterator[Row]:
    """What to insert for an entity with a call that has not ended; nothing for any other."""
    if not entity.is_unfinished or not isinstance(entity.key, OperationKey):
        return
    began = min(phase.time for phase in entity.phases.values())
    hour = began.astimezone(UTC).strftime(_HOUR)
    content = msgspec.json.encode(_Due(began=began, key=entity.key))
    yield Row(_HOURS, hour, b"{}")
    owner, _ = address_of_entity(entity.key)
    yield Row(digest(("due", hour)), owner, content)


def due(store: StateStore, before: datetime | None) -> Iterable[OperationKey]:
    """The calls begun before that event time (None: all) that had not ended when they were noted."""
    hours = [row.name for row in store.scan([_HOURS])]
    if before is not None:
        hours = [hour for hour in hours if hour <= before.astimezone(UTC).strftime(_HOUR)]
    for row in store.scan([digest(("due", hour)) for hour in sorted(hours)]):
        noted = _DECODER.decode(row.content)
        if before is None or noted.began < before:
            yield noted.key
