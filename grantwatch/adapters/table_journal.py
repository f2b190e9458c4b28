"""Which rows were made in which hour, so that old ones are found without scanning the table.

Table Storage deletes nothing by itself and has no index but its keys. So when rows are made, their keys are listed in
the bucket of the hour, a partition, and the hour in a small partition of hours. This law holds whatever happens:

    Every row whose making was told as done is listed in the bucket of an hour that is listed.

- The hour is written first, then the list. A list of rows that are not there does no harm, and goes with the others.
- Rows that are inserted are made beside their list. Where that fails, the process owes the list, and writes it with the
  next; where the process ends, the work is done again by another, which does not remember the keys and lists them.
- Rows that are swapped in are made after their list: who does that work again finds the row and makes none. To save
  the wait, rows that were looked for in vain are expected, and listed with the next that are inserted.
- A list is named by the digest of its keys, so writing it again changes nothing.
- A row that is deleted and made again in one hour is still in the list of that hour, which is not due before it is old.
- When a bucket is due, the retention after its hour has ended, each of its rows is deleted if the service says that it
  was last written before the retention, and only as it was then: one that is written meanwhile stays.
- A row that stays is listed anew, in the hour after its last writing, before its old list is removed; the hour is
  removed when its bucket is empty. So an expiry can be cut off anywhere, and two can run at once. The new bucket
  ends more than an hour after the present: nobody else finds it due, empty and removable while it is written.

An hour's lists share one partition, which takes about 2,000 of them a second. What was listed in the present hour is
remembered, so that work that is done again costs no list.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic

import msgspec
from msgspec import Struct, field

from grantwatch.adapters.azure_table import Table
from grantwatch.adapters.table_rows import Entity, Key, Stored, content_of, properties_of
from grantwatch.ports import Clock

_HOURS = "~hours"
_HOUR = timedelta(hours=1)
_KEYS_IN_A_LIST = 250
_LISTS_AT_ONCE = 20
_REMEMBERED = 65_536


class Listing(Struct, frozen=True):
    """Lists that are being written, and the keys that were not yet in one of this hour."""

    news: AbstractSet[Key]
    lists: Sequence[Future[str | None]]


class _Hour(Struct):
    """The keys that this process knows to be listed in an hour, and those that it expects to be."""

    name: str
    listed: set[Key] = field(default_factory=set)
    expected: set[Key] = field(default_factory=set)


class Journal:
    """The lists of one table, and the end of the rows in them."""

    def __init__(self, table: Table, clock: Clock, retention: timedelta) -> None:
        self._table = table
        self._clock = clock
        self._retention = retention
        self._hour = _Hour("")
        self._owed: set[Key] = set()
        self._hours: set[str] = set()
        self._lock = Lock()

    @contextmanager
    def listing(self, keys: Iterable[Key]) -> Iterator[Listing]:
        """Begin to list the keys of rows that are made in this context, which has to finish the lists.

        Keys that are expected, or owed because this failed, are listed with them.
        """
        with self._lock:
            hour = self._present()
            news = set(keys) - hour.listed
            expected, owed = self._taken(hour) if news else (set(), set())
        try:
            yield Listing(news, self._begin(hour.name, news | expected | owed))
        except BaseException:
            with self._lock:
                self._owed |= owed if len(self._owed) > _REMEMBERED else news | owed
            raise
        with self._lock:
            hour.listed |= news | expected

    def expect(self, keys: Collection[Key]) -> None:
        """Take rows that are not there to be made soon: their keys are listed when others are."""
        if keys:
            with self._lock:
                hour = self._present()
                hour.expected |= set(keys) - hour.listed

    def expire(self, now: datetime, within: timedelta) -> int:
        """Delete the rows that were not written since the retention; returns how many.

        Stops soon after ``within``, though there may be more: it is to be called again and again.
        """
        end = monotonic() + within.total_seconds()
        deleted = 0
        for hour in self._due(now):
            while lists := self._table.query(_bucket(hour), most=_LISTS_AT_ONCE):
                deleted += self._settle(lists, now)
                if monotonic() >= end:
                    return deleted
            self._hours.discard(hour)
            self._table.remove((_HOURS, hour))
        return deleted

    def _present(self) -> _Hour:
        name = _name_of(self._clock())
        if name != self._hour.name or len(self._hour.listed) + len(self._hour.expected) > _REMEMBERED:
            self._hour = _Hour(name)
        return self._hour

    def _taken(self, hour: _Hour) -> tuple[set[Key], set[Key]]:
        """What is to be listed with other keys: what is expected, and what is owed."""
        expected, hour.expected = hour.expected, set()
        owed, self._owed = self._owed, set()
        return expected, owed

    def _due(self, now: datetime) -> Sequence[str]:
        last = _name_of(now - self._retention - _HOUR)
        return [hour.entity["RowKey"] for hour in self._table.query(_HOURS, f" and RowKey le '{last}'")]

    def _settle(self, lists: Sequence[Stored], now: datetime) -> int:
        """Delete or list anew what these lists name, then the lists."""
        keys = {key for each in lists for key in msgspec.json.decode(content_of(each.entity), type=list[Key])}
        found = [each for each in self._table.side_by_side(self._table.age, sorted(keys)) if each is not None]
        limit = now - self._retention
        old = [each for each in found if each.written <= limit]
        gone = self._table.side_by_side(lambda each: self._table.remove(each.key, each.version), old)
        staying = {each.key: each.written for each in found if each.written > limit}
        staying |= {each.key: now for each, is_gone in zip(old, gone, strict=True) if not is_gone}
        self._list_anew(staying)
        self._table.side_by_side(lambda each: self._table.remove(each.key), lists)
        return sum(gone)

    def _list_anew(self, staying: Mapping[Key, datetime]) -> None:
        hours: dict[str, set[Key]] = {}
        for key, written in staying.items():
            hours.setdefault(_name_of(written + _HOUR), set()).add(key)
        for hour, keys in hours.items():
            self._table.finish(self._begin(hour, keys))

    def _begin(self, hour: str, keys: AbstractSet[Key]) -> Sequence[Future[str | None]]:
        if not keys:
            return ()
        if hour not in self._hours:
            self._table.create({"PartitionKey": _HOURS, "RowKey": hour})
            self._hours.add(hour)
        return self._table.begin(self._table.create, _lists(hour, sorted(keys)))


def _lists(hour: str, keys: Sequence[Key]) -> Iterator[Entity]:
    for start in range(0, len(keys), _KEYS_IN_A_LIST):
        content = msgspec.json.encode(keys[start : start + _KEYS_IN_A_LIST])
        name = hashlib.blake2b(content, digest_size=16).hexdigest()
        yield {"PartitionKey": _bucket(hour), "RowKey": name, **properties_of(content)}


def _bucket(hour: str) -> str:
    return f"~listed-{hour}"


def _name_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H")
