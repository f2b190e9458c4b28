"""A subscription has begun by whatever record of the Activity log tells of it, and that costs next to nothing."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

import msgspec
import pytest

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.memory.beginnings import beginning_of
from grantwatch.memory.firsts import First
from grantwatch.model.severity import Severity
from grantwatch.ports import Row, StateStore
from grantwatch.settings import Settings
from tests.machines import MACHINE, SNAPSHOT
from tests.memory.faults import Intrusion, Outage, OutageError, Ports
from tests.rest_shape import in_rest_shape
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, STRANGER, SUBSCRIPTION, body_of, content_of
from tools.azure_records import Record, activity_call
from tools.bench.state import CountingStore

LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
_SETTINGS = Settings(owner_tenant_id=OWNER.id)


def later(days: float) -> datetime:
    return NOON + timedelta(days=days)


def ordinary(days: float = 0) -> Record:
    """What no detector asks for."""
    return activity_call(
        Random(f"{days}"), ADMIN, SUBSCRIPTION, "Microsoft.Compute/virtualMachines/start/action", MACHINE, later(days)
    )[-1]


def keys_read(days: float) -> Record:
    return activity_call(Random(f"{days}"), ADMIN, SUBSCRIPTION, LIST_KEYS, ACCOUNT.resource_id, later(days))[-1]


def snapshot_made(days: float) -> Record:
    name = "Microsoft.Compute/snapshots/write"
    return activity_call(Random(f"{days}"), ADMIN, SUBSCRIPTION, name, SNAPSHOT, later(days))[-1]


def engine_on(store: StateStore, sink: Any) -> Engine:
    return local.engine(store=store, sink=sink, parking=MemoryParking(), settings=_SETTINGS)


def trains(*batches: Sequence[Any]) -> bool:
    """Whether the only finding that is new is told to be in training."""
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for batch in batches:
        engine.process([body_of(batch)])
    (finding,) = (each for each in sink.current() if "FirstSeen" in each.Evidence)
    return "InTraining" in finding.Evidence


def test_the_first_call_that_matters_raises_where_others_came_for_weeks() -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for record in (ordinary(), keys_read(20)):
        engine.process([body_of([record])])

    (finding,) = sink.current()
    assert (finding.Severity, finding.Revision) == (Severity.MEDIUM, 1)
    assert "InTraining" not in finding.Evidence


@pytest.mark.parametrize("days", [13.9, 14, 20])
def test_training_ends_after_a_fortnight_whatever_comes_first(days: float) -> None:
    before, call = ordinary(), keys_read(days)

    assert trains([before], [call]) == trains([call], [before]) == trains([call, before]) == (days < 14)


def _cased(change: Callable[[str], str]) -> Callable[[Record], Record]:
    return lambda record: {**record, "resourceId": change(record["resourceId"])}


def _without(*names: str) -> Callable[[Record], Record]:
    return lambda record: {name: value for name, value in record.items() if name not in names}


def _at(text: str) -> Callable[[Record], Record]:
    return lambda record: {**record, "time": text}


def _other(**fields: Any) -> Callable[[Record], Record]:
    return lambda record: {**record, **fields}


@pytest.mark.parametrize(
    "shaped",
    [
        _cased(str.lower),
        _cased(lambda text: f"{text.lower()}/"),
        _cased(lambda text: text.replace("/", "//", 1)),
        _cased(lambda text: "/".join(text.split("/")[:3])),
        _without("tenantId"),
        _without("resourceId"),
        _without("category"),
        _at("2026-03-10T14:00:00+02:00"),
        _at("3/10/2026 12:00:00 PM"),
        _at("2026-03-10T12Z"),
        in_rest_shape,
        _other(category="Policy"),
        _other(category={"value": "ResourceHealth"}),
        _other(category="Policy", operationName=LIST_KEYS),
        _other(operationName=LIST_KEYS, resultType="Failure"),
        _other(operationName="Microsoft.Compute/virtualMachines/write"),
    ],
)
def test_any_record_of_the_activity_log_counts(shaped: Callable[[Record], Record]) -> None:
    before, call = shaped(ordinary()), snapshot_made(20)

    assert not trains([before], [call])
    assert not trains([call], [before])


@pytest.mark.parametrize(
    "shaped",
    [
        _at("0001-01-01T00:00:00Z"),
        _at("1969-12-31T23:59:59Z"),
        _at("soon"),
        _at("2026-03-10T12:00:00Z" + " " * 80),
        _without("time"),
        _other(time=17),
        _other(time={"value": "2026-03-10T12:00:00Z"}),
        _other(resourceId=17, properties=[]),
        _other(resourceId=None, properties=None),
        _other(resourceId={"value": SUBSCRIPTION.scope}, properties="{"),
        _other(tenantId=STRANGER.id),
        _other(resourceId="/providers/Microsoft.Management/managementGroups/root"),
        _other(category="kube-audit"),
        _other(operationName="Sign-in activity"),
    ],
)
def test_other_records_are_ignored_and_tell_nothing(shaped: Callable[[Record], Record]) -> None:
    before = shaped(ordinary())
    assert trains([before], [snapshot_made(20)])

    parking = MemoryParking()
    tally = local.engine(parking=parking, settings=_SETTINGS).process([body_of([before])])
    assert (tally.records, tally.ignored, parking.items) == (1, 1, [])


def _everything(store: StateStore, sink: Any, batches: Iterable[Sequence[Record]]) -> None:
    engine = engine_on(store, sink)
    for batch in batches:
        engine.process([body_of(batch)])


HISTORY = [snapshot_made(15), keys_read(16), ordinary(1), ordinary(), ordinary(2)]


@pytest.mark.parametrize("after_the_work", [False, True])
def test_who_dies_at_any_step_leaves_it_to_whoever_is_given_the_same_again(after_the_work: bool) -> None:
    """Also to an engine that has learned of the beginning meanwhile, from a later record."""
    expected = MemorySink()
    _everything(MemoryStore(), expected, [HISTORY])
    for at in count(1):
        store, sink, outage = MemoryStore(), MemorySink(), Outage(at, after_the_work)
        ports = Ports(store, sink, MemoryParking(), outage.before, outage.after)
        _everything(store, sink, [HISTORY[:2]])
        try:
            _everything(ports, ports, [HISTORY[2:4]])
        except OutageError:
            _everything(store, sink, [HISTORY[4:], HISTORY[2:4]])
        else:
            assert at > 4
            return
        assert content_of(sink.current()) == content_of(expected.current())


def test_whoever_works_in_between_changes_nothing() -> None:
    expected = MemorySink()
    _everything(MemoryStore(), expected, [HISTORY])
    for first, second in ((HISTORY[:2], HISTORY[2:]), (HISTORY[2:], HISTORY[:2])):
        for at in count(1):
            store, sink = MemoryStore(), MemorySink()
            other = Intrusion(at, partial(_everything, store, sink, [second]))
            ports = Ports(store, sink, MemoryParking(), other)
            _everything(ports, ports, [first])
            if other.calls < at:
                assert at > 2
                break
            latest = MemorySink()
            latest.publish(sorted(sink.findings, key=lambda each: each.Revision))
            assert content_of(latest.current()) == content_of(expected.current())


def test_a_beginning_costs_a_reading_and_a_swap_and_then_nothing_but_once_a_day() -> None:
    store = CountingStore()
    engine = engine_on(store, MemorySink())
    costs = []
    for record in (ordinary(), ordinary(), ordinary(0.1), ordinary(0.2), ordinary(1), ordinary(1.1), ordinary(0.3)):
        before = store.operations
        engine.process([body_of([record])])
        costs.append(store.operations - before)

    assert costs == [2, 2, 0, 0, 2, 0, 0]  # who holds it looks for trainees: it may have died before
    engine = engine_on(store, MemorySink())
    before = store.operations
    engine.process([body_of([ordinary(1.2), ordinary(0.2), ordinary(1.3)])])
    assert store.operations - before == 1


def test_a_row_of_the_version_before_is_read_and_keeps_what_only_a_later_one_understands() -> None:
    store, sink = MemoryStore(), MemorySink()
    _everything(store, sink, [[keys_read(15)]])
    address = beginning_of(OWNER.id, SUBSCRIPTION.id)
    row = store.read([address])[address]
    content = msgspec.json.decode(row.content) | {"version": 7, "later": "kept"}
    assert content["owner"]["operation"]["name"] == LIST_KEYS
    store.swap([Row(*address, msgspec.json.encode(content), row.version)])

    _everything(store, sink, [[ordinary()]])

    after = msgspec.json.decode(store.read([address])[address].content)
    assert (after["version"], after["later"], after["at"][:10]) == (7, "kept", "2026-03-10")
    assert "InTraining" not in sink.current()[0].Evidence
    assert msgspec.json.decode(msgspec.json.encode(after), type=First).owner.key.tenant == OWNER.id
