"""Which rows were made in which hour, so that old ones are found without scanning the table.

Table Storage deletes nothing by itself and has no index but its keys. So before rows are made, their keys are listed
in the bucket of the hour, a partition, and the hour in a small partition of hours. This law holds whatever happens:

    Every row that exists is listed in the bucket of an hour that is listed.

- The hour is written first, then the list, then the rows. A crash between them leaves a list of rows that are not
  there, which goes with the others.
- A list is named by the digest of its keys, so writing it again changes nothing.
- When a bucket is due, the retention after its hour has ended, each of its rows is deleted if the service says that it
  was last written before the retention, and only as it was then: one that is written meanwhile stays.
- A row that stays is listed anew, in the hour after its last writing, before its old list is removed; the hour is
  removed when its bucket is empty. So an expiry can be cut off anywhere, and two can run at once. The new bucket
  ends more than an hour after the present: nobody else finds it due, empty and removable while it is written.

An hour's lists share one partition, which takes about 2,000 of them a second. What was listed in the present hour is
remembered, so that work that is done again costs no list.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic

import msgspec

from grantwatch.adapters.azure_table import Table
from grantwatch.adapters.table_rows import Entity, Key, Stored, content_of, properties_of
from grantwatch.ports import Clock

_HOURS = "~hours"
_HOUR = timedelta(hours=1)
_KEYS_IN_A_LIST = 250
_LISTS_AT_ONCE = 20
_REMEMBERED = 65_536


class Journal:
    """The lists of one table, and the end of the rows in them."""

    def __init__(self, table: Table, clock: Clock, retention: timedelta) -> None:
        self._table = table
        self._clock = clock
        self._retention = retention
        self._hour = ""
        self._listed: set[Key] = set()
        self._hours: set[str] = set()
        self._lock = Lock()

    @contextmanager
    def listing(self, keys: Iterable[Key]) -> Iterator[AbstractSet[Key]]:
        """List the keys of rows that are made in this context; yields those that were not yet listed in this hour."""
        hour = _name_of(self._clock())
        with self._lock:
            if hour != self._hour or len(self._listed) > _REMEMBERED:
                self._hour, self._listed = hour, set()
            news = set(keys) - self._listed
        self._list(hour, news)
        yield news
        with self._lock:
            if hour == self._hour:
                self._listed |= news

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
            self._list(hour, keys)

    def _list(self, hour: str, keys: AbstractSet[Key]) -> None:
        if not keys:
            return
        if hour not in self._hours:
            self._table.create({"PartitionKey": _HOURS, "RowKey": hour})
            self._hours.add(hour)
        self._table.side_by_side(self._table.create, _lists(hour, sorted(keys)))


def _lists(hour: str, keys: Sequence[Key]) -> Iterator[Entity]:
    for start in range(0, len(keys), _KEYS_IN_A_LIST):
        content = msgspec.json.encode(keys[start : start + _KEYS_IN_A_LIST])
        name = hashlib.blake2b(content, digest_size=16).hexdigest()
        yield {"PartitionKey": _bucket(hour), "RowKey": name, **properties_of(content)}


def _bucket(hour: str) -> str:
    return f"~listed-{hour}"


def _name_of(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H")
