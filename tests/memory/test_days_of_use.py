"""How much a SAS was used on a day is told when the day is over, and again when more of it comes to light."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.adapters.local_store import LocalStore
from grantwatch.engine import Engine
from grantwatch.model.grant_row import GrantRow, Occasion
from grantwatch.ports import StateStore
from grantwatch.settings import Settings
from tests.memory.faults import ContendedStore, Outage, OutageError, Ports
from tests.memory.life import Clock
from tests.strategies import stable
from tests.world import NOON, OWNER, body_of, sas_read
from tools.azure_records import Record
from tools.bench.state import CountingStore

MIDNIGHT = NOON.replace(hour=0) + timedelta(days=1)
HOUR = timedelta(hours=1)
SETTINGS = Settings(owner_tenant_id=OWNER.id, own_networks=("192.0.2.0/24",))


def engine_on(store: StateStore, sink: Any, clock: Clock) -> Engine:
    return local.engine(store=store, sink=sink, parking=MemoryParking(), settings=SETTINGS, clock=clock)


def days(*sinks: MemorySink) -> dict[tuple[str, str], dict[str, Any]]:
    """Of each grant and day the row that holds."""
    rows = [row for sink in sinks for row in sink.grants if row.RowKind is Occasion.USE]
    told = {(row.GrantId, str(row.Day)): row for row in sorted(rows, key=lambda row: row.TimeGenerated)}
    return {name: row.model_dump(mode="json", exclude={"TimeGenerated"}) for name, row in told.items()}


def the_day(sink: MemorySink) -> dict[str, Any]:
    (row,) = days(sink).values()
    return row


def read(number: int, minutes: int = 0, **more: Any) -> Record:
    return sas_read(number, NOON + timedelta(minutes=minutes), **more)


def test_a_day_is_told_when_it_is_over_and_names_the_grant_that_findings_name() -> None:
    clock, store, sink = Clock(), MemoryStore(), MemorySink()
    engine = engine_on(store, sink, clock)
    engine.process([body_of([read(1, size=100), read(2, 7, size=30), read(3, 131, address="192.0.2.9", size=4)])])
    for clock.now in (NOON + HOUR, MIDNIGHT, MIDNIGHT + timedelta(minutes=59)):
        engine.sweep(clock.now)
        assert not days(sink)
    clock.now = MIDNIGHT + HOUR
    engine.sweep(clock.now)

    row = the_day(sink)
    assert (row["Requests"], row["BytesRead"], row["ObjectsRead"], row["Estimated"]) == (3, 134, 3, False)
    assert (row["FirstUsedAt"], row["LastUsedAt"]) == ("2026-03-10T12:00:00Z", "2026-03-10T14:11:00Z")
    assert row["Day"] == "2026-03-10T00:00:00Z"
    assert row["Networks"] == ["198.51.100.23", "Own"]
    assert {each.GrantId for each in sink.current() if each.GrantId} == {row["GrantId"]}
    assert {each.RowKind for each in sink.grants if each.FindingId != row["FindingId"]} == {Occasion.CHANGE}

    engine.sweep(clock.now + HOUR)
    assert len([each for each in sink.grants if each.RowKind is Occasion.USE]) == 1


def test_a_sas_that_only_lists_or_writes_has_a_row_and_read_nothing() -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink, Clock())
    listed = read(1, operation="ListBlobs", size=700)
    written = read(2, 5, operation="PutBlob", address="203.0.113.9", agent="AzCopy/10.28.0")
    refused = read(3, 9, operation="PutBlob", status=403)
    engine.process([body_of([listed, written, refused])])
    engine.sweep()

    row = the_day(sink)
    assert (row["Requests"], row["BytesRead"], row["ObjectsRead"]) == (2, 0, 0)
    assert row["Networks"] == ["198.51.100.23", "203.0.113.9"]
    assert "AzCopy/10.28.0" in row["Agents"]

    engine.process([body_of([read(4, 12, size=50)])])
    engine.sweep()
    assert (the_day(sink)["Requests"], the_day(sink)["BytesRead"], the_day(sink)["ObjectsRead"]) == (3, 50, 1)


def test_what_comes_late_is_told_too_but_not_at_once() -> None:
    clock, store, sink = Clock(), MemoryStore(), MemorySink()
    engine, other = engine_on(store, sink, clock), engine_on(store, sink, clock)
    engine.process([body_of([read(1, size=1)])])
    clock.now = MIDNIGHT + timedelta(minutes=30)
    other.process([body_of([read(2, size=2)])])
    clock.now = MIDNIGHT + HOUR
    other.sweep(clock.now)
    assert the_day(sink)["BytesRead"] == 3

    clock.now += timedelta(minutes=20)
    engine.process([body_of([read(3, size=4)])])
    engine.sweep(clock.now)
    engine.process([body_of([read(4, size=8)])])
    assert the_day(sink)["BytesRead"] == 3
    clock.now = MIDNIGHT + 3 * HOUR
    engine.sweep(clock.now)
    assert the_day(sink)["BytesRead"] == 15


def test_at_the_end_of_all_input_every_day_is_told_and_what_comes_afterwards_again() -> None:
    store, sink, clock = MemoryStore(), MemorySink(), Clock()
    engine = engine_on(store, sink, clock)
    for number in range(1, 4):
        engine.process([body_of([read(number, size=10)])])
        clock.now += timedelta(seconds=1)
        engine.sweep()
        assert the_day(sink)["BytesRead"] == 10 * number


def test_a_day_costs_two_rows_when_it_begins_and_nothing_while_it_goes_on() -> None:
    store, clock = CountingStore(), Clock()
    engine = engine_on(store, MemorySink(), clock)
    costs = []
    for number in range(4):
        batch = [read(number * 10 + place, number, label=label, path="/x") for place, label in enumerate("abc")]
        before = store.operations
        engine.process([body_of(batch)])
        costs.append(store.operations - before)

    assert costs[1:] == [3, 3, 3]
    noted = [row for row in store.rows() if b'"use":true' in row.content]
    assert len(noted) == 3
    assert len({row.partition for row in noted}) == 1


readings = st.lists(
    st.builds(
        read,
        st.integers(0, 99),
        st.integers(0, 30) | st.sampled_from((61, 125, 700, 719, 721, 800)),
        label=st.sampled_from(("one", "two")),
        address=st.sampled_from(("198.51.100.23", "203.0.113.9", "192.0.2.7")),
        size=st.integers(0, 9),
        operation=st.sampled_from(("GetBlob", "GetBlob", "PutBlob")),
    ),
    min_size=1,
    max_size=12,
)


def quiet(records: Sequence[Record]) -> Any:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink, Clock())
    engine.process([body_of(records)])
    engine.sweep()
    return days(sink)


@stable(80)
@given(readings, st.integers(0, 2**32).map(Random), st.integers(1, 40), st.booleans())
def test_order_repetition_engines_sweeps_and_crashes_change_nothing(
    records: list[Record], random: Random, call: int, after_the_work: bool
) -> None:
    clock, store, sink, outage = Clock(), ContendedStore(random, 0.2), MemorySink(), Outage(call, after_the_work)

    def started(number: int) -> Engine:
        ports = Ports(store, sink, MemoryParking(), outage.before, outage.after)
        return engine_on(ports if number else store, ports if number else sink, clock)

    engines = [started(0), started(1)]
    pending = [*records, *random.sample(records, len(records) // 2)]
    random.shuffle(pending)
    while pending:
        number, taken = random.randrange(2), random.randint(1, 3)
        batch, pending = pending[:taken], pending[taken:]
        try:
            engines[number].process([body_of(batch)])
            if random.random() < 0.5:
                clock.now += random.choice((timedelta(minutes=20), HOUR, 13 * HOUR))
                random.choice(engines).sweep(clock.now)
        except OutageError:
            engines[1] = started(1)
            pending += batch
    clock.now = NOON + timedelta(days=9)
    engines[0].sweep(clock.now)

    assert days(sink) == quiet(records)


def test_rows_of_use_need_no_finding() -> None:
    """What is used from networks of ours alone is told of nowhere else."""
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink, Clock())
    engine.process([body_of([read(1, address="192.0.2.9")])])
    engine.sweep()

    (row,) = sink.grants
    assert isinstance(row, GrantRow)
    assert (row.RowKind, row.Severity, row.Revision, sink.findings) == (Occasion.USE, None, 0, [])


def test_a_local_store_holds_one_row_for_each_grant_and_day_however_often_it_is_filled(tmp_path: Path) -> None:
    names = "GrantId, Day, Requests, BytesRead, Agents"
    answers = []
    for sizes in ((1, 2), (1, 2), (4,)):
        with LocalStore(str(tmp_path / "store.duckdb")) as store:
            engine = engine_on(store.state, store, Clock())
            engine.process([body_of([read(size, size=size) for size in sizes])])
            engine.sweep()
            answers.append(store.query(f'GrantWatchGrants_CL | where RowKind == "Use" | project {names}')[1])

    (first,), (second,), (third,) = answers
    assert first == second
    assert (first[2:4], third[2:4]) == ((2, 3), (3, 7))
