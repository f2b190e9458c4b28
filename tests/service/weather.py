"""Ports under bad weather: they time out before and after the work, refuse rows, and the process dies between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from grantwatch.errors import (
    ParkingUnavailableError,
    SinkUnavailableError,
    StateUnavailableError,
    UnavailableError,
)
from grantwatch.ports import Found, ParkingPlace, Refused, Row, RowKey, StateStore, Tables

T = TypeVar("T")


class KilledError(BaseException):
    """The process ends here, as with ``kill -9``: nothing may catch this but the test."""


@dataclass
class Weather:
    """What happens around a port call, by chance: a fault, or the end of the process, before or after the work."""

    random: Random = field(default_factory=Random)
    faults: float = 0.0
    kills: float = 0.0
    refusals: float = 0.0

    def around(self, work: Callable[[], T], fault: type[UnavailableError]) -> T:
        self._strike(fault)
        result = work()
        self._strike(fault)
        return result

    def refuses(self) -> bool:
        return self.random.random() < self.refusals

    def _strike(self, fault: type[UnavailableError]) -> None:
        chance = self.random.random()
        if chance < self.kills:
            raise KilledError
        if chance < self.kills + self.faults:
            raise fault("bad weather")


@dataclass
class KillAt(Weather):
    """The process ends at one moment of all: before or after the work of one port call."""

    moment: int = 0
    passed: int = 0

    def _strike(self, fault: type[UnavailableError]) -> None:
        self.passed += 1
        if self.passed == self.moment:
            raise KilledError


@dataclass
class StormyStore:
    """State under weather."""

    store: StateStore
    weather: Weather

    def insert(self, rows: Sequence[Row]) -> None:
        self.weather.around(lambda: self.store.insert(rows), StateUnavailableError)

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        return self.weather.around(lambda: self.store.read(keys), StateUnavailableError)

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        return self.weather.around(lambda: self.store.scan(partitions), StateUnavailableError)

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        return self.weather.around(lambda: self.store.swap(rows), StateUnavailableError)

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        return self.weather.around(lambda: self.store.replace(rows), StateUnavailableError)

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        return self.weather.around(lambda: self.store.delete(rows), StateUnavailableError)

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        """Each part under weather of its own, in the order that finds the least."""
        found = Found(self.read(read) if read else {}, self.scan(scan) if scan else ())
        if insert:
            self.insert(insert)
        return found


@dataclass
class StormyTables:
    """Tables under weather, which also refuse rows now and then."""

    tables: Tables
    weather: Weather

    def write(self, table: str, rows: Sequence[bytes]) -> Sequence[Refused]:
        refused = [row for row in rows if self.weather.refuses()]
        taken = [row for row in rows if row not in refused]
        self.weather.around(lambda: self.tables.write(table, taken), SinkUnavailableError)
        return [Refused(row, "bad weather") for row in refused]


@dataclass
class StormyPlace:
    """A parking place under weather."""

    place: ParkingPlace
    weather: Weather

    def put(self, name: str, content: bytes, metadata: Mapping[str, str]) -> None:
        self.weather.around(lambda: self.place.put(name, content, metadata), ParkingUnavailableError)

    def names(self, folder: str, most: int) -> Sequence[str]:
        return self.weather.around(lambda: self.place.names(folder, most), ParkingUnavailableError)

    def get(self, name: str) -> bytes | None:
        return self.weather.around(lambda: self.place.get(name), ParkingUnavailableError)

    def remove(self, name: str) -> None:
        self.weather.around(lambda: self.place.remove(name), ParkingUnavailableError)
