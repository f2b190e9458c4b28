"""The law of conservation: whatever fails, and wherever the process dies, every record is ignored, remembered,
published or parked, and in the end the tables say what they say after a quiet day.
"""

import gc
import os
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from grantwatch.adapters.in_memory import MemoryPlace, MemoryStore, MemoryTables
from grantwatch.contract import Patience
from grantwatch.delivery import Delivery
from grantwatch.errors import SinkUnavailableError, UnavailableError
from grantwatch.model.finding import TABLE
from grantwatch.model.severity import Severity
from grantwatch.parking import DEAD_LETTERS, OUTBOX, parked_in
from tests.service.rig import MANY, Clock, Rig
from tests.service.weather import KillAt, KilledError, StormyPlace, StormyStore, StormyTables, Weather
from tests.support import Record, cases, encoded, standing
from tests.world import NOON, ordinary_read

STORMS = int(os.environ.get("STORMS", "240"))
ENUMERATED = 4
AFTER_ALL = NOON + timedelta(days=400)
_BROKEN_BODIES = (b"", b"\xff\xfe\x00", b"{'records': 'pseudo'}", b'{"records": [{"time": ', b"[1, 2, 3]")


@dataclass
class Cloud:
    """All that survives a process: state, tables, parked things, and what time it is."""

    store: MemoryStore = field(default_factory=MemoryStore)
    tables: MemoryTables = field(default_factory=MemoryTables)
    place: MemoryPlace = field(default_factory=MemoryPlace)
    clock: Clock = field(default_factory=Clock)
    started: int = 0

    def process(self, weather: Weather) -> Rig:
        """A new process, which remembers nothing."""
        self.started += 1
        return Rig(
            patience=Patience(attempts=4, time=timedelta(minutes=20)),
            clock=self.clock,
            store=StormyStore(self.store, weather),
            tables=StormyTables(self.tables, weather),
            place=StormyPlace(self.place, weather),
            process=f"process-{self.started}",
        )

    def settle(self) -> None:
        """In calm weather: drain and replay until nothing moves any more, and until whatever may be due is.

        The end of all input would not do: which event is the latest depends on what this process was given again.
        """
        rig = self.process(Weather())
        rig.service.replay(1000)
        rig.service.replay(1000)
        rig.engine.sweep(AFTER_ALL)
        while self.place.names(OUTBOX, MANY):
            assert rig.service.drain().delivered

    @property
    def table(self) -> dict[str, dict[str, Any]]:
        """What the findings table says."""
        return standing(self.tables.rows.get(TABLE, []))

    @property
    def unheard(self) -> set[str]:
        """Findings whose present severity no row ever announced in ``RaisedTo``, which alerts are made of."""
        raised: dict[str, set[str | None]] = {}
        for row in self.tables.rows.get(TABLE, []):
            raised.setdefault(row["FindingId"], set()).add(row["RaisedTo"])
        return {name for name, row in self.table.items() if not _announced(row["Severity"], raised[name])}

    @property
    def dead_letters(self) -> set[tuple[str, bytes]]:
        """What remains parked, and why."""
        names = self.place.names(DEAD_LETTERS, MANY)
        return {(item.reason, item.body) for name in names for item in parked_in(self.place.contents[name])}


def _announced(severity: str, raised: set[str | None]) -> bool:
    return any(each is not None and Severity(each) >= severity for each in raised)


@dataclass
class Day:
    """Records of several cases, with ordinary and damaged ones between them, and broken bodies."""

    records: list[Record]
    broken: tuple[bytes, ...]

    @classmethod
    def of(cls, random: Random) -> "Day":
        records = [record for case in random.sample(cases(), 5) for record in case.records]
        records += [ordinary_read(number) for number in range(random.randint(0, 5))]
        damaged = dict(random.choice(records), time="yesterday")
        return cls([*records, damaged], tuple(random.sample(_BROKEN_BODIES, 2)))

    def deliveries(self, random: Random) -> list[Delivery]:
        """In any order, some records twice, cut anyhow into bodies and batches."""
        records = [*self.records, *(record for record in self.records if random.random() < 0.2)]
        random.shuffle(records)
        bodies = [encoded(part) for part in _cut(records, random, 4)] + list(self.broken)
        random.shuffle(bodies)
        return [
            Delivery("activity_log", tuple(part), str(number % 3), tuple(range(len(part))))
            for number, part in enumerate(_cut(bodies, random, 3))
        ]


def _cut(things: Sequence[Any], random: Random, most: int) -> Iterator[Sequence[Any]]:
    start = 0
    while start < len(things):
        end = start + random.randint(1, most)
        yield things[start:end]
        start = end


def quiet(day: Day) -> Cloud:
    """The same day on which nothing happens."""
    cloud = Cloud()
    rig = cloud.process(Weather())
    for body in [*(encoded([record]) for record in day.records), *day.broken]:
        rig.service.deliver(Delivery("activity_log", (body,)))
    cloud.settle()
    return cloud


def host(cloud: Cloud, deliveries: Sequence[Delivery], weather: Weather, random: Random) -> None:
    """Delivers as the Functions host does: each batch until it returns, another process when one dies, some twice."""
    rig = cloud.process(weather)
    waiting = list(deliveries)
    while waiting:
        at = random.randrange(min(3, len(waiting)))
        try:
            rig.service.deliver(waiting[at])
            done = waiting.pop(at)
            if random.random() < 0.1:
                waiting.insert(random.randint(0, len(waiting)), done)
            _other_work(rig, random)
        except UnavailableError:
            cloud.clock.advance(timedelta(seconds=random.randint(5, 60)))
        except KilledError:
            rig = cloud.process(weather)


def _other_work(rig: Rig, random: Random) -> None:
    match random.randrange(8):
        case 0:
            rig.service.drain()
        case 1:
            rig.service.replay(3)
        case 2:
            rig.service.write_counters()


def assert_conserved(cloud: Cloud, calm: Cloud) -> None:
    assert cloud.dead_letters == calm.dead_letters
    assert cloud.table == calm.table
    assert not cloud.unheard
    assert not cloud.place.names(OUTBOX, MANY)


@pytest.mark.parametrize("seed", range(STORMS))
def test_nothing_is_lost_in_a_storm(seed: int) -> None:
    random = Random(seed)
    day, cloud = Day.of(random), Cloud()
    bad = random.choice((0.02, 0.1, 0.25))
    weather = Weather(random, faults=bad, kills=bad / 4, refusals=random.choice((0.0, 0.1, 0.5)))

    host(cloud, day.deliveries(random), weather, random)
    cloud.settle()

    assert_conserved(cloud, quiet(day))


@pytest.mark.parametrize("seed", range(ENUMERATED))
def test_nothing_is_lost_wherever_the_process_dies(seed: int) -> None:
    day = Day.of(Random(seed))
    calm = quiet(day)
    passed = KillAt()
    host(Cloud(), day.deliveries(Random(seed)), passed, Random(seed))
    assert passed.passed > 20

    for moment in range(1, passed.passed + 1):
        cloud = Cloud()
        host(cloud, day.deliveries(Random(seed)), KillAt(moment=moment), Random(seed))
        cloud.settle()
        assert_conserved(cloud, calm)


@pytest.mark.parametrize("seed", range(5))
def test_partitions_that_share_a_process_do_not_disturb_each_other(seed: int) -> None:
    random = Random(seed)
    day, cloud = Day.of(random), Cloud()
    rig = cloud.process(Weather())
    partitions: dict[str | None, list[Delivery]] = {}
    for delivery in day.deliveries(random):
        partitions.setdefault(delivery.partition, []).append(delivery)

    def take(deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            rig.service.deliver(delivery)

    with ThreadPoolExecutor() as threads:
        list(threads.map(take, partitions.values()))
    cloud.settle()

    assert_conserved(cloud, quiet(day))


def test_ten_minutes_without_a_sink_lose_nothing_and_hold_little() -> None:
    random = Random(10)
    day, rig = Day.of(random), Rig(patience=Patience())
    partitions = [
        Delivery("activity_log", (encoded(part),), str(at)) for at, part in enumerate(_cut(day.records, random, 9))
    ]
    rig.tables.is_down = True
    tracemalloc.start()
    held: list[int] = []
    while rig.clock.now < NOON + timedelta(minutes=10):
        rig.clock.advance(timedelta(seconds=75))
        for delivery in partitions:
            with suppress(SinkUnavailableError):
                rig.service.deliver(delivery)
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert not rig.tables.rows
    rig.tables.is_down = False

    for delivery in partitions:
        rig.service.deliver(delivery)

    cloud = Cloud(rig.store, rig.tables, rig.place, rig.clock)
    cloud.settle()
    assert cloud.table == quiet(Day(day.records, ())).table
    assert max(held) - held[0] < 256 * 1024


def test_ten_minutes_of_refusals_drain_by_severity() -> None:
    random = Random(11)
    day, rig = Day.of(random), Rig()
    rig.tables.refuses = lambda row: True
    for number, record in enumerate(day.records):
        rig.service.deliver(Delivery("activity_log", (encoded([record]),), str(number)))
        rig.clock.advance(timedelta(minutes=10) / len(day.records))
    assert not rig.tables.rows[TABLE]
    rig.tables.refuses = lambda row: False

    drained = rig.service.drain()

    rows = rig.tables.rows[TABLE]
    ranks = [Severity(row["Severity"]).rank for row in rows]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) > 1
    assert drained.delivered == sum(map(len, rig.tables.rows.values()))
    assert not rig.place.names(OUTBOX, MANY)
