"""Counters that outlive a process: each keeps its own in memory, and writes them to state every minute.

Instances share no memory. A row belongs to one process, one source and one window of five minutes, and holds the sum so
far; reading adds up the rows of a window. What a process counted since it last wrote is lost when it is killed, and
nothing else is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from grantwatch import __version__
from grantwatch.delivery import Delivery
from grantwatch.errors import ParkingUnavailableError, SinkUnavailableError, StateUnavailableError
from grantwatch.memory.digests import digest
from grantwatch.ports import Row, RowKey, StateStore
from grantwatch.tally import Tally

if TYPE_CHECKING:
    from grantwatch.model.health import Health

WINDOW = timedelta(minutes=5)
_TRIES = 3
_SETTLED_AFTER = timedelta(minutes=1)
_MOST_AT_ONCE = 12
M = TypeVar("M", float, datetime)


class Counters(Struct, kw_only=True):
    """What was counted for one source."""

    version: int = 1
    events: int = 0
    records: int = 0
    selected: int = 0
    ignored: int = 0
    rejected: int = 0
    parked: int = 0
    published: int = 0
    sink_failures: int = 0
    state_failures: int = 0
    parking_failures: int = 0
    engine_faults: int = 0
    oldest: float | None = None
    latest: datetime | None = None

    def plus(self, other: "Counters") -> "Counters":
        """Both together."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in SUMS}
        return Counters(oldest=_most(self.oldest, other.oldest), latest=_most(self.latest, other.latest), **sums)


SUMS = tuple(
    name for name in Counters.__struct_fields__ if isinstance(getattr(Counters(), name), int) and name != "version"
)
"""The counters that add up."""

_DECODER = msgspec.json.Decoder(Counters)


@dataclass
class Logbook:
    """The counters of this process. ``process`` names it among all that share the state. Safe to use from threads."""

    store: StateStore
    process: str
    _windows: dict[tuple[datetime, str], Counters] = field(default_factory=dict)
    _written: dict[tuple[datetime, str], Counters] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def note(self, delivery: Delivery, tally: Tally, now: datetime) -> None:
        """A delivery that is done."""
        oldest = delivery.oldest
        self._add(
            delivery.source,
            now,
            Counters(
                events=len(delivery.bodies),
                records=tally.records,
                selected=tally.selected,
                ignored=tally.ignored,
                rejected=tally.rejected,
                parked=tally.parked,
                published=tally.published,
                oldest=max(0.0, (now - oldest).total_seconds()) if oldest else None,
                latest=delivery.latest,
            ),
        )

    def note_fault(self, source: str, error: Exception, now: datetime) -> None:
        """A delivery that failed, and will be tried again or parked."""
        match error:
            case SinkUnavailableError():
                counted = Counters(sink_failures=1)
            case StateUnavailableError():
                counted = Counters(state_failures=1)
            case ParkingUnavailableError():
                counted = Counters(parking_failures=1)
            case _:
                counted = Counters(engine_faults=1)
        self._add(source, now, counted)

    def write(self, now: datetime) -> Mapping[str, Counters]:
        """Write what is new, and return that by source. Raises what the store raises; nothing is lost by it."""
        with self._lock:
            due = {key: counters for key, counters in self._windows.items() if self._written.get(key) != counters}
        for (window, source), counters in due.items():
            _put(self.store, _partition(window), f"{self.process} {source}", counters)
            if counters.latest is not None:
                _move_on(self.store, (_LATEST, source), counters.latest)
        news: dict[str, Counters] = {}
        with self._lock:
            for (window, source), counters in due.items():
                fresh = _since(self._written.get((window, source)), counters)
                news[source] = news.get(source, Counters()).plus(fresh)
            self._written |= due
            for key in [key for key in self._written if key[0] < now - 2 * WINDOW]:
                del self._windows[key], self._written[key]
        return news

    def _add(self, source: str, now: datetime, counted: Counters) -> None:
        with self._lock:
            key = (window_of(now), source)
            self._windows[key] = self._windows.get(key, Counters()).plus(counted)


def window_of(moment: datetime) -> datetime:
    """The begin of the five minutes that a moment lies in."""
    seconds = int(moment.timestamp() // WINDOW.total_seconds() * WINDOW.total_seconds())
    return datetime.fromtimestamp(seconds, UTC)


def counted(store: StateStore, windows: Sequence[datetime]) -> dict[str, Counters]:
    """What all processes together counted in these windows, by source."""
    found: dict[str, Counters] = {}
    for row in store.scan([_partition(window) for window in windows]):
        source = row.name.partition(" ")[2]
        found[source] = found.get(source, Counters()).plus(_DECODER.decode(row.content))
    return found


def last_events(store: StateStore) -> dict[str, datetime]:
    """When the latest message of each source came into its hub."""
    return {row.name: latest for row in store.scan([_LATEST]) if (latest := _DECODER.decode(row.content).latest)}


def unreported(store: StateStore, now: datetime) -> list[datetime]:
    """The windows that nobody reported yet, of the last hour: those that ended a minute ago, so that all have written.

    A window is reported again if the report is cut off before ``note_reported``.
    """
    row = store.read([_REPORTED]).get(_REPORTED)
    last = _DECODER.decode(row.content).latest if row else None
    newest = window_of(now - _SETTLED_AFTER) - WINDOW
    windows = [newest - number * WINDOW for number in reversed(range(_MOST_AT_ONCE))]
    return [window for window in windows if last is None or window > last][-1 if last is None else 0 :]


def note_reported(store: StateStore, window: datetime) -> None:
    """That window, and all before it, need not be reported again."""
    _move_on(store, _REPORTED, window)


def health_rows(store: StateStore, sources: Iterable[str], window: datetime, now: datetime) -> "list[Health]":
    """A row for each source, also for one that was silent, and for others that were heard of."""
    counters, latest = counted(store, [window]), last_events(store)
    return [
        _health(source, counters.get(source, Counters()), latest.get(source), window, now)
        for source in dict.fromkeys([*sources, *sorted(counters)])
    ]


def _health(source: str, counters: Counters, latest: datetime | None, window: datetime, now: datetime) -> "Health":
    from grantwatch.model.health import SCHEMA_VERSION, Health

    return Health(
        TimeGenerated=now,
        WindowStart=window,
        Source=source,
        Events=counters.events,
        Records=counters.records,
        Selected=counters.selected,
        Ignored=counters.ignored,
        Rejected=counters.rejected,
        Parked=counters.parked,
        Findings=counters.published,
        SinkFailures=counters.sink_failures,
        StateFailures=counters.state_failures,
        ParkingFailures=counters.parking_failures,
        EngineFaults=counters.engine_faults,
        OldestEventAge=None if counters.oldest is None else int(counters.oldest),
        LastEventTime=latest,
        Version=__version__,
        SchemaVersion=SCHEMA_VERSION,
    )


_LATEST = digest(("health", "latest"))
_REPORTED = (digest(("health", "reported")), "window")


def _partition(window: datetime) -> str:
    return digest(("health", window))


def _put(store: StateStore, partition: str, name: str, counters: Counters) -> None:
    """Write a row that belongs to this process alone: a version it did not expect is its own, from a repeated call."""
    for _ in range(_TRIES):
        known = store.read([(partition, name)]).get((partition, name))
        content = msgspec.json.encode(counters)
        if not store.swap([Row(partition, name, content, known.version if known else None)]):
            return


def _move_on(store: StateStore, key: RowKey, latest: datetime) -> None:
    """Move a time in state on. Who loses to others leaves it: theirs is as good."""
    for _ in range(_TRIES):
        known = store.read([key]).get(key)
        before = _DECODER.decode(known.content).latest if known else None
        if before is not None and before >= latest:
            return
        content = msgspec.json.encode(Counters(latest=latest))
        if not store.swap([Row(*key, content, known.version if known else None)]):
            return


def _since(before: Counters | None, counters: Counters) -> Counters:
    if before is None:
        return counters
    sums = {name: getattr(counters, name) - getattr(before, name) for name in SUMS}
    return Counters(oldest=counters.oldest, latest=counters.latest, **sums)


def _most(one: M | None, other: M | None) -> M | None:
    return max((each for each in (one, other) if each is not None), default=None)
