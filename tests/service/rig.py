"""A service on ports in memory that fail when they are told to, and a clock that moves when it is told to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from detectors.catalogue import CATALOGUE
from grantwatch.adapters.in_memory import MemoryParking, MemoryPlace, MemoryStore, MemoryTables
from grantwatch.contract import PATIENCE, Patience
from grantwatch.delivery import Delivery
from grantwatch.detection.detector import Detector
from grantwatch.engine import Engine
from grantwatch.errors import ParkingUnavailableError, SinkUnavailableError, StateUnavailableError
from grantwatch.parking import DEAD_LETTERS, parked_in
from grantwatch.ports import Parked, Refused, Row, RowKey
from grantwatch.publishing import TableSink
from grantwatch.service import Service
from grantwatch.settings import Settings
from tests.world import NOON

MANY = 10_000


@dataclass
class Clock:
    """The time, which passes only when somebody says so."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, time: timedelta) -> None:
        self.now += time


@dataclass
class Tables(MemoryTables):
    """Tables that can be down, and that refuse the rows that they are told to."""

    is_down: bool = False
    refuses: Callable[[bytes], bool] = lambda row: False

    def __post_init__(self) -> None:
        super().__init__()

    def write(self, table: str, rows: Sequence[bytes]) -> Sequence[Refused]:
        if self.is_down:
            raise SinkUnavailableError("the tables do not answer")
        refused = [row for row in rows if self.refuses(row)]
        super().write(table, [row for row in rows if row not in refused])
        return [Refused(row, "a column is unknown") for row in refused]


@dataclass
class Store(MemoryStore):
    """State that can be down."""

    is_down: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        if self.is_down:
            raise StateUnavailableError("state does not answer")
        return super().read(keys)

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        if self.is_down:
            raise StateUnavailableError("state does not answer")
        return super().scan(partitions)


@dataclass
class Place(MemoryPlace):
    """A parking place that can be down."""

    is_down: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def put(self, name: str, content: bytes, metadata: Mapping[str, str]) -> None:
        if self.is_down:
            raise ParkingUnavailableError("the parking place does not answer")
        super().put(name, content, metadata)

    def names(self, folder: str, most: int) -> Sequence[str]:
        if self.is_down:
            raise ParkingUnavailableError("the parking place does not answer")
        return super().names(folder, most)


@dataclass
class Rig:
    """A service and everything that it stands on."""

    catalogue: Sequence[Detector] = CATALOGUE
    patience: Patience = PATIENCE
    clock: Clock = field(default_factory=Clock)
    store: Any = field(default_factory=Store)
    tables: Any = field(default_factory=Tables)
    place: Any = field(default_factory=Place)
    process: str = "one"

    def __post_init__(self) -> None:
        self.engine = Engine(
            self.catalogue,
            store=self.store,
            sink=TableSink(self.tables, self.place),
            parking=MemoryParking(),
            clock=self.clock,
            settings=Settings(),
        )
        self.service = Service(
            self.engine,
            state=self.store,
            tables=self.tables,
            place=self.place,
            clock=self.clock,
            process=self.process,
            sources=("activity_log", "storage_log"),
            later=lambda work: None,
            patience=self.patience,
        )

    @property
    def detectors_found(self) -> list[str]:
        return sorted(row["Detector"] for row in self.tables.rows.get("GrantWatchFindings_CL", []))

    @property
    def parked(self) -> list[Parked]:
        return [item for name in self.place.names(DEAD_LETTERS, MANY) for item in parked_in(self.place.contents[name])]


def delivery(*bodies: bytes, source: str = "activity_log", enqueued: datetime | None = None) -> Delivery:
    """These bodies as a trigger brings them: numbered from 100 on one partition."""
    return Delivery(
        source=source,
        bodies=bodies,
        partition="3",
        sequence_numbers=tuple(range(100, 100 + len(bodies))),
        enqueued=(enqueued,) * len(bodies),
    )
