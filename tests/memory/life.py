"""A machine that tells one history to several engines on one store in every way in which it may come about."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.errors import StateConflictError
from grantwatch.model.finding import Finding
from grantwatch.model.grant_row import GrantRow, Occasion
from grantwatch.ports import StateStore
from grantwatch.settings import Settings
from tests.memory.faults import ContendedStore, OutageError, Ports
from tests.memory.states import State, Witness
from tests.memory.subjects import Histories
from tests.world import NOON, OWNER, body_of, content_of
from tools.azure_records import Record

ENGINES = 4
END = NOON + timedelta(days=120)
LATEST = END - timedelta(hours=3)
"""Deliveries end here, so that all days of use are over in the end."""
_SETTINGS = Settings(owner_tenant_id=OWNER.id)
_OF_ONE_RUN = {"TimeGenerated", "Revision", "Summary"}


@dataclass
class Clock:
    """The time of all engines, which goes forward."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Trouble:
    """What happens at the n-th port call of an engine: it dies before or after it, or another works in between."""

    at: int = 0
    dies: bool = False
    after_the_work: bool = False
    meanwhile: Any = None
    calls: int = 0

    def before(self, name: str) -> None:
        self.calls += 1
        if self.calls != self.at:
            return
        if self.meanwhile is not None:
            self.meanwhile()
        if self.dies and not self.after_the_work:
            raise OutageError(name)

    def after(self, name: str) -> None:
        if self.calls == self.at and self.dies and self.after_the_work:
            raise OutageError(name)


@dataclass
class Outcome:
    """What stands in the tables and in the store in the end."""

    findings: dict[str, Any]
    grants: dict[str, Any]
    state: State

    @classmethod
    def of(cls, sink: MemorySink, store: Witness) -> "Outcome":
        return cls(content_of(current(sink)), _standing(sink.grants), store.state)


def current(sink: MemorySink) -> list[Finding]:
    """What stands in the table in the end, whoever published last."""
    table = MemorySink()
    table.publish(sorted(sink.findings, key=lambda each: each.Revision))
    return table.current()


def _standing(rows: Sequence[GrantRow]) -> dict[str, Any]:
    """Of each finding the rows of its latest revision, but for those withdrawn, and of each grant and day of use."""
    changes = [row for row in rows if row.RowKind is Occasion.CHANGE]
    uses = [row for row in rows if row.RowKind is Occasion.USE]
    latest = {row.FindingId: row.Revision for row in sorted(changes, key=lambda row: row.Revision)}
    standing = {f"{row.FindingId} {row.GrantId}": row for row in changes if row.Revision == latest[row.FindingId]}
    standing |= {f"{row.GrantId} {row.Day}": row for row in sorted(uses, key=lambda row: row.TimeGenerated)}
    return {
        name: row.model_dump(mode="json", exclude=_OF_ONE_RUN) for name, row in standing.items() if not row.Withdrawn
    }


def quiet(history: Sequence[Record]) -> Outcome:
    """What one engine comes to that gets the records one by one, in order."""
    store, sink = Witness(MemoryStore()), MemorySink()
    engine = local.engine(store=store, sink=sink, parking=MemoryParking(), settings=_SETTINGS, clock=Clock(LATEST))
    for record in history:
        engine.process([body_of([record])])
    engine.sweep(END)
    engine.sweep(END)
    return Outcome.of(sink, store)


def _differences(found: Any, expected: Any, place: str = "") -> Iterator[str]:
    """Where two values differ, and in what."""
    if not (isinstance(found, dict) and isinstance(expected, dict)):
        if found != expected:
            yield f"{place}: {found} instead of {expected}"
        return
    for name in sorted(found.keys() | expected.keys()):
        yield from _differences(found.get(name), expected.get(name), f"{place}/{name}")


@dataclass
class Running:
    """An engine, and the trouble that awaits it."""

    engine: Engine
    trouble: Trouble = field(default_factory=Trouble)


picks = st.lists(st.integers(0, 20), min_size=1, max_size=8)
engines = st.integers(0, ENGINES - 1)
calls = st.integers(1, 9)


class Life(RuleBasedStateMachine):
    """Whatever happens on the way, what stands in the end is what one engine finds on a quiet day."""

    histories: ClassVar[Histories]

    def wrong_in(self, findings: Sequence[Finding]) -> Iterator[str]:
        """What a machine knows better, however many engines agree on it."""
        yield from ()

    def store(self, random: Random, losing: float) -> StateStore:
        return ContendedStore(random, losing)

    @initialize(data=st.data(), losing=st.sampled_from((0.0, 0.0, 0.3)), seed=st.integers(0, 2**16))
    def begin(self, data: st.DataObject, losing: float, seed: int) -> None:
        self.history = data.draw(self.histories, label="history")
        self.pending = list(self.history)
        self.random = Random(seed)
        self.clock = Clock()
        self.sink = MemorySink()
        self.witness = Witness(self.store(self.random, losing))
        self.engines = [self._started() for _ in range(ENGINES)]

    def _started(self) -> Running:
        trouble = Trouble()
        ports = Ports(
            self.witness,
            self.sink,
            MemoryParking(),
            lambda name: running.trouble.before(name),
            lambda name: running.trouble.after(name),
        )
        engine = local.engine(store=ports, sink=ports, parking=ports, settings=_SETTINGS, clock=self.clock)
        running = Running(engine, trouble)
        return running

    def _taken(self, chosen: Sequence[int], *, again: bool) -> list[Record]:
        """Some of what waits, or of all there is."""
        if again:
            return [self.history[each % len(self.history)] for each in chosen]
        return [self.pending.pop(each % len(self.pending)) for each in chosen if self.pending]

    def _deliver(self, number: int, records: list[Record]) -> None:
        """What the engine does not come to an end with waits to be delivered again."""
        try:
            self.engines[number].engine.process([body_of([record]) for record in records])
        except StateConflictError:
            self.pending += records
        except OutageError:
            self.pending += records
            self.engines[number] = self._started()

    @rule(number=engines, chosen=picks, again=st.booleans())
    def deliver(self, number: int, chosen: list[int], again: bool) -> None:
        self._deliver(number, self._taken(chosen, again=again))

    @rule(number=engines, chosen=picks, again=st.booleans(), at=calls, after_the_work=st.booleans())
    def die(self, number: int, chosen: list[int], again: bool, at: int, after_the_work: bool) -> None:
        self.engines[number].trouble = Trouble(at, dies=True, after_the_work=after_the_work)
        self._deliver(number, self._taken(chosen, again=again))
        self.engines[number].trouble = Trouble()

    @rule(one=engines, other=engines, chosen=picks, between=picks, at=calls, dies=st.booleans())
    def interleave(self, one: int, other: int, chosen: list[int], between: list[int], at: int, dies: bool) -> None:
        records, others = self._taken(chosen, again=False), self._taken(between, again=False)
        intruder = Running(self._started().engine) if other == one else self.engines[other]
        trouble = Trouble(at, dies, meanwhile=lambda: intruder.engine.process([body_of(others)]))
        self.engines[one].trouble = trouble
        self._deliver(one, records)
        self.engines[one].trouble = Trouble()
        if trouble.calls < at:
            self.pending += others

    @rule(number=engines, at=st.none() | calls)
    def sweep(self, number: int, at: int | None) -> None:
        self.engines[number].trouble = Trouble(at or 0, dies=at is not None)
        with suppress(StateConflictError):
            try:
                self.engines[number].engine.sweep(self.clock.now)
            except OutageError:
                self.engines[number] = self._started()
        self.engines[number].trouble = Trouble()

    @rule(hours=st.sampled_from((1, 2, 24, 24 * 8, 24 * 31)))
    def wait(self, hours: int) -> None:
        self.clock.now = min(self.clock.now + timedelta(hours=hours), LATEST)

    def teardown(self) -> None:
        if hasattr(self, "engines"):
            self._settle()
            found, expected = Outcome.of(self.sink, self.witness), quiet(self.history)
            differences = [*_differences(vars(found), vars(expected)), *self.wrong_in(current(self.sink))]
            assert not differences, "\n".join(differences)

    def _settle(self) -> None:
        """Deliver what is left, and sweep until nothing is due."""
        while self.pending:
            number = self.random.randrange(ENGINES)
            self._deliver(number, self._taken([self.random.randrange(99) for _ in range(4)], again=False))
        self.clock.now = END
        for _ in range(2):
            self.engines[self.random.randrange(ENGINES)].engine.sweep(END)
