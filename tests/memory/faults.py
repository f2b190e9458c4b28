"""Ports that misbehave as stores and sinks do: they lose races, fail before or after the work, and let others in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from grantwatch.adapters.in_memory import MemoryStore
from grantwatch.model.finding import Finding
from grantwatch.model.grant_row import GrantRow
from grantwatch.ports import Found, Parked, Parking, Row, RowKey, Sink, StateStore


class OutageError(Exception):
    """What a port raises while it is down."""


@dataclass
class Ports:
    """The three ports, each call of which passes ``before`` and ``after``."""

    store: StateStore
    sink: Sink
    parking: Parking
    before: Callable[[str], None] = lambda name: None
    after: Callable[[str], None] = lambda name: None

    def insert(self, rows: Sequence[Row]) -> None:
        self.before("insert")
        self.store.insert(rows)
        self.after("insert")

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        self.before("read")
        found = self.store.read(keys)
        self.after("read")
        return found

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        self.before("scan")
        found = self.store.scan(partitions)
        self.after("scan")
        return found

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self.before("swap")
        lost = self.store.swap(rows)
        self.after("swap")
        return lost

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        self.before("replace")
        versions = self.store.replace(rows)
        self.after("replace")
        return versions

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self.before("delete")
        changed = self.store.delete(rows)
        self.after("delete")
        return changed

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        """Each part a call of its own, in the order that finds the least."""
        found = Found(self.read(read) if read else {}, self.scan(scan) if scan else ())
        if insert:
            self.insert(insert)
        return found

    def publish(self, findings: Sequence[Finding], grants: Sequence[GrantRow] = ()) -> None:
        self.before("publish")
        self.sink.publish(findings, grants)
        self.after("publish")

    def park(self, items: Sequence[Parked]) -> None:
        self.before("park")
        self.parking.park(items)
        self.after("park")


@dataclass
class Outage:
    """Fails one call of all, before or after it did its work."""

    at: int
    after_the_work: bool
    calls: int = 0

    def before(self, name: str) -> None:
        self.calls += 1
        if self.calls == self.at and not self.after_the_work:
            raise OutageError(name)

    def after(self, name: str) -> None:
        if self.calls == self.at and self.after_the_work:
            raise OutageError(name)


@dataclass
class Intrusion:
    """Lets somebody else do a whole piece of work before one call of all."""

    at: int
    work: Callable[[], object]
    calls: int = 0

    def __call__(self, name: str) -> None:
        self.calls += 1
        if self.calls == self.at:
            self.work()


@dataclass
class ContendedStore(MemoryStore):
    """Loses some of the swaps and deletions that a MemoryStore would let win, as if another writer had been quicker."""

    random: Random
    losing: float = 0.3
    lost: int = field(default=0)

    def __post_init__(self) -> None:
        super().__init__()

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        lucky, unlucky = self._drawn(rows)
        return [*super().swap(lucky), *unlucky]

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        return super().replace(self._drawn(rows)[0])

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        lucky, unlucky = self._drawn(rows)
        return [*super().delete(lucky), *unlucky]

    def _drawn(self, rows: Sequence[Row]) -> tuple[list[Row], set[RowKey]]:
        unlucky = {row.key for row in rows if self.random.random() < self.losing}
        self.lost += len(unlucky)
        return [row for row in rows if row.key not in unlucky], unlucky
