"""How much each SAS was used on a day, told when the day is over.

Whoever counts requests notes that their day has to be told, before it stores them: an entry of the due list, an hour
after the day's end, so that what comes half an hour late is still told at once. For what comes later it is due an hour
after the next full hour. So an entry whose time has not come was not swept, and need not be noted again until shortly
before.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from grantwatch.memory.due import Cause, due_rows
from grantwatch.memory.entities import EntityKey, address_of_entity, restored
from grantwatch.memory.events import events_of
from grantwatch.memory.volumes import Bucket, amount_in
from grantwatch.model.bounded import Bounded
from grantwatch.model.day_of_use import DayOfUse, end_of_day, midnight
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.storage_access import StorageAccess
from grantwatch.ports import Clock, Row, StateStore

_HOUR = timedelta(hours=1)
_LATE = timedelta(minutes=30)
_REMEMBERED = 150_000
_READ_AT_ONCE = 8
"""Days, of which each can be some megabytes: 288 buckets of 1,024 requests."""


class DaysOfUse:
    """The days that one engine waits for, over one state store."""

    def __init__(self, store: StateStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._awaited: Bounded[EntityKey, datetime] = Bounded(_REMEMBERED)

    def expect(self, buckets: Iterable[Bucket]) -> None:
        """Note that the days of these buckets have to be told."""
        now = self._clock()
        soon = now + _LATE  # by then what is noted now is stored, and a sweep that begins earlier might miss it
        new = {key: _due(key, now) for key in {key for key, _ in buckets} if self._awaited.get(key, now) <= soon}
        if new:
            rows = {row.key: row for key, at in new.items() for row in due_rows(key, at, now, Cause.USE)}
            self._store.insert(list(rows.values()))
        for key, at in new.items():
            self._awaited[key] = at

    def of(self, keys: Iterable[EntityKey]) -> Iterator[DayOfUse]:
        """What is known of these days now."""
        days = {address_of_entity(key): key for key in keys if isinstance(key, GatheringKey)}
        addresses = list(days)
        for start in range(0, len(addresses), _READ_AT_ONCE):
            part = addresses[start : start + _READ_AT_ONCE]
            rows: dict[str, list[Row]] = {partition: [] for partition, _ in part}
            for row in self._store.scan(list(rows)):
                rows[row.partition].append(row)
            for address in part:
                yield from self._day(days[address], rows[address[0]])

    def forget(self, keys: Iterable[EntityKey]) -> None:
        """Their entries are gone: whatever comes has to be noted anew."""
        for key in keys:
            self._awaited.pop(key, None)

    def _day(self, key: GatheringKey, rows: Iterable[Row]) -> Iterator[DayOfUse]:
        """Nothing where requests were counted but their uses not stored: these are going to be delivered again."""
        by_name = {row.name: row for row in rows}
        entity = restored(key, by_name.get(address_of_entity(key)[1]))
        found = (amount_in(row.name, row.content, midnight(key.natural)) for row in by_name.values())
        amounts = sorted(filter(None, found), key=lambda amount: amount.at)
        for uses in events_of(key, entity.accesses, known_use=entity.known_use):
            if isinstance(uses, StorageAccess):
                yield DayOfUse(uses, tuple(amounts), more=entity.is_full)


def _due(key: GatheringKey, now: datetime) -> datetime:
    over = end_of_day(key.natural)
    if now <= over + _LATE:
        return over + _HOUR
    return now.replace(minute=0, second=0, microsecond=0) + 2 * _HOUR
