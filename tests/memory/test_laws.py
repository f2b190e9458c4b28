"""The laws of memory: order, repetition, cutting, contention and crashes do not change what is found."""

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.memory import facts as memory_facts
from grantwatch.ports import Row, StateStore
from grantwatch.settings import Settings
from tests.histories import histories
from tests.machines import attached, disk, snapshot
from tests.memory.faults import ContendedStore, Intrusion, Outage, OutageError, Ports
from tests.strategies import stable
from tests.world import (
    ACCOUNT,
    ADMIN,
    DISK,
    END,
    NOON,
    OWNER,
    SUBSCRIPTION,
    account_sas,
    body_of,
    content_of,
    disk_access,
    sas_read,
)
from tools.azure_records import Failure, Record, activity_call

Contents = dict[str, dict[str, Any]]


def engine_on(store: StateStore, sink: Any, parking: Any = None) -> Engine:
    settings = Settings(owner_tenant_id=OWNER.id)
    return local.engine(store=store, sink=sink, parking=parking or MemoryParking(), settings=settings)


def current(*sinks: MemorySink) -> Contents:
    """What stands in the table in the end: the highest revision of each finding."""
    table = MemorySink()
    table.publish(sorted((each for sink in sinks for each in sink.findings), key=lambda each: each.Revision))
    return content_of(table.current())


def quiet(records: Sequence[Record]) -> Contents:
    """What one engine finds that gets the records one by one, in order."""
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for record in records:
        engine.process([body_of([record])])
    engine.sweep()
    return current(sink)


def cut(records: Sequence[Record], random: Random) -> list[bytes]:
    """The records in bodies of random lengths."""
    bodies, start = [], 0
    while start < len(records):
        end = start + random.randint(1, 5)
        bodies.append(body_of(records[start:end]))
        start = end
    return bodies


def shuffled(records: Sequence[Record], random: Random, *, double: bool = True) -> list[Record]:
    delivered = [*records, *(record for record in records if double and random.random() < 0.4)]
    random.shuffle(delivered)
    return delivered


seeds = st.integers(0, 2**32).map(Random)


@stable(90)
@given(histories(), seeds)
def test_order_repetition_and_cutting_change_nothing(history: list[Record], random: Random) -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)

    for body in cut(shuffled(history, random), random):
        engine.process([body])
    engine.sweep()

    assert current(sink) == quiet(history)


@stable(36)
@given(histories(most=12), seeds)
def test_a_whole_day_in_one_batch_is_the_same_day(history: list[Record], random: Random) -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)

    engine.process(cut(shuffled(history, random), random))
    engine.sweep()

    assert current(sink) == quiet(history)


@stable(48)
@given(histories(), seeds)
def test_two_engines_on_one_store_find_what_one_finds(history: list[Record], random: Random) -> None:
    store, sinks = MemoryStore(), (MemorySink(), MemorySink())
    engines = [engine_on(store, sink) for sink in sinks]

    for body in cut(shuffled(history, random), random):
        random.choice(engines).process([body])
    random.choice(engines).sweep()

    assert current(*sinks) == quiet(history)


@stable(36)
@given(histories(), seeds)
def test_lost_races_change_nothing(history: list[Record], random: Random) -> None:
    sink = MemorySink()
    engine = engine_on(ContendedStore(random), sink)

    for body in cut(shuffled(history, random), random):
        engine.process([body])
    engine.sweep()

    assert current(sink) == quiet(history)


@stable(72)
@given(histories(), seeds, st.integers(1, 10))
def test_another_engine_may_do_its_work_between_any_two_steps_of_one(
    history: list[Record], random: Random, step: int
) -> None:
    store, sinks = MemoryStore(), (MemorySink(), MemorySink())
    delivered = shuffled(history, random)
    half = random.randint(0, len(delivered))
    other = engine_on(store, sinks[1])
    intrusion = Intrusion(step, lambda: other.process(cut(delivered[half:], random)))
    ports = Ports(store, sinks[0], MemoryParking(), before=intrusion)
    engine = engine_on(ports, ports, ports)

    engine.process(cut(delivered[:half], random))
    if intrusion.calls < step:
        intrusion.work()
    engine.sweep()

    assert current(*sinks) == quiet(history)


def crashed(bodies: Sequence[bytes], outage: Outage, *, restarted: bool) -> tuple[Contents, bool]:
    """What stands in the table when one port call fails and the host gives the same bodies again."""
    store, sink, parking = MemoryStore(), MemorySink(), MemoryParking()
    ports = Ports(store, sink, parking, outage.before, outage.after)
    engine = engine_on(ports, ports, ports)
    jobs: list[Callable[[Engine], object]] = [
        *(lambda each, body=body: each.process([body]) for body in bodies),
        lambda each: each.sweep(),
    ]
    failed = False
    for job in jobs:
        try:
            job(engine)
        except OutageError:
            failed = True
            engine = engine_on(ports, ports, ports) if restarted else engine
            job(engine)
    return current(sink), failed


@pytest.mark.parametrize("after_the_work", [False, True])
def test_what_led_to_a_machine_is_told_to_it_whenever_a_process_dies(after_the_work: bool) -> None:
    """A volume in between may know already what it has not passed on."""
    (copying, copied), (taking, taken) = disk(1, accepted=False), snapshot(0, accepted=False)
    bodies = [body_of(attached(2)), body_of([copying, taking]), body_of([copied, taken])]
    calm = quiet([copying, copied, taking, taken, *attached(2)])

    for moment in range(1, 60):
        table, failed = crashed(bodies, Outage(moment, after_the_work), restarted=True)
        assert table == calm
        if not failed:
            break
    assert not failed
    assert moment > 20


@stable(90)
@given(histories(most=6), seeds, st.integers(1, 40), st.booleans(), st.booleans())
def test_a_crash_at_any_port_call_changes_nothing(
    history: list[Record], random: Random, call: int, after_the_work: bool, restarted: bool
) -> None:
    bodies = cut(shuffled(history, random), random)

    found, _ = crashed(bodies, Outage(call, after_the_work), restarted=restarted)

    assert found == quiet(history)


@pytest.mark.parametrize("restarted", [False, True], ids=["same engine", "new engine"])
@pytest.mark.parametrize("after_the_work", [False, True], ids=["before", "after"])
def test_a_crash_at_every_port_call_of_a_day_changes_nothing(after_the_work: bool, restarted: bool) -> None:
    opened, closed, alone = disk_access(1), disk_access(2), disk_access(3, request=None)[:1]
    day = [*opened, *closed[1:], *account_sas(4), sas_read(5), sas_read(6, address="203.0.113.5"), *alone]
    bodies = [body_of(day[number : number + 3]) for number in range(0, len(day), 3)]
    bodies.insert(1, b"garbage")
    expected = quiet(day)

    for call in itertools.count(1):
        found, failed = crashed(bodies, Outage(call, after_the_work), restarted=restarted)
        assert found == expected, f"call {call} {'after' if after_the_work else 'before'} its work"
        if not failed:
            assert call > 20
            return


@stable(36)
@given(histories(), seeds)
def test_a_sweep_that_runs_too_early_changes_nothing(history: list[Record], random: Random) -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)

    for body in cut(shuffled(history, random), random):
        engine.process([body])
        if random.random() < 0.3:
            engine.sweep()
    engine.sweep()

    assert current(sink) == quiet(history)


@pytest.mark.parametrize("runs", [((0, 1),), ((1, 0),), ((0,), (1,)), ((1,), (0,))])
def test_old_logs_may_be_replayed_after_later_ones(runs: Sequence[Sequence[int]]) -> None:
    """How long a grant stayed open is told as of the latest event of all, whichever run has brought it."""
    days = (
        disk_access(1, request={"access": "Read"}),
        activity_call(Random(2), ADMIN, SUBSCRIPTION, END, DISK, NOON + timedelta(days=10)),
    )
    store, sink = MemoryStore(), MemorySink()

    for run in runs:
        engine = engine_on(store, sink)
        for day in run:
            engine.process([body_of(days[day])])
        engine.sweep()

    assert {each.Detector for each in sink.current()} >= {"disk_access_granted", "grant_left_open"}


@stable(30)
@given(histories(), seeds)
def test_giving_a_day_again_publishes_nothing_new(history: list[Record], random: Random) -> None:
    store, sink = MemoryStore(), MemorySink()
    first = engine_on(store, sink)
    first.process(cut(history, random))
    first.sweep()
    before = current(sink)
    highest = {each.FindingId: each.Revision for each in sink.findings}

    again = MemorySink()
    engine_on(store, again).process(cut(shuffled(history, random), random))
    first.process(cut(shuffled(history, random), random))

    assert current(sink, again) == before
    assert all(each.Revision <= highest[each.FindingId] for each in (*sink.findings, *again.findings))


@stable(36)
@given(histories(), seeds)
def test_revisions_count_from_one_and_each_says_something_new(history: list[Record], random: Random) -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for body in cut(shuffled(history, random), random):
        engine.process([body])

    for _, group in itertools.groupby(sorted(sink.findings, key=lambda e: e.FindingId), key=lambda e: e.FindingId):
        revisions = list(group)
        assert [each.Revision for each in revisions] == list(range(1, len(revisions) + 1))
        contents = [content_of([each]) for each in revisions]
        assert all(one != next_one for one, next_one in itertools.pairwise(contents))
        assert revisions[0].RaisedTo is revisions[0].Severity
        for number, each in enumerate(revisions[1:], start=1):
            reached = max(before.Severity for before in revisions[:number])
            assert each.RaisedTo == (each.Severity if each.Severity > reached else None)


@stable(36)
@given(histories(most=10), seeds)
def test_more_facts_than_an_entity_may_keep_change_nothing_by_their_order(
    history: list[Record], random: Random
) -> None:
    """A caller can put hundreds of calls under one correlation id; here four are already too many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_facts, "MOST_FACTS", 4)
        patch.setattr(memory_facts, "MOST_USES", 3)
        sink = MemorySink()
        engine = engine_on(MemoryStore(), sink)
        for body in cut(shuffled(history, random), random):
            engine.process([body])
        engine.sweep()

        assert current(sink) == quiet(history)


# Minimal histories in which a late record takes back what an earlier delivery said.


def _ends(end: str, *, operation: str = END, number: int = 1, at: datetime = NOON, request: Any = None) -> list[Record]:
    failure = Failure(authorized=True) if end == "Failure" else None
    return activity_call(
        Random(number), ADMIN, SUBSCRIPTION, operation, DISK, at, request=request, accepted=True, failure=failure
    )


def _given_one_by_one(records: Iterable[Record]) -> Contents:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for record in records:
        engine.process([body_of([record])])
    engine.sweep()
    return current(sink)


def _given_at_once(records: Sequence[Record]) -> Contents:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    engine.process([body_of(records)])
    engine.sweep()
    return current(sink)


def test_a_revocation_that_was_accepted_and_then_failed_leaves_the_grant_open() -> None:
    granted = disk_access(1, NOON)
    accepted = _ends("Success", at=NOON + timedelta(minutes=5))[1]
    failed = {**_ends("Failure", at=NOON + timedelta(minutes=6))[1], "correlationId": accepted["correlationId"]}

    one_by_one, at_once = (
        {each["GrantStatus"] for each in found.values() if each["GrantKind"] == "DiskAccess"}
        for found in (_given_one_by_one([*granted, accepted, failed]), _given_at_once([*granted, accepted, failed]))
    )

    assert one_by_one == at_once == {"Open"}


def test_a_snapshot_write_that_turns_out_to_create_nothing_is_withdrawn() -> None:
    snapshot = SUBSCRIPTION.resource("servers", "Microsoft.Compute/snapshots", "kept")
    started, ended = activity_call(
        Random(1),
        ADMIN,
        SUBSCRIPTION,
        "Microsoft.Compute/snapshots/write",
        snapshot,
        NOON,
        request={"tags": {"a": "b"}},
    )

    assert _given_one_by_one([ended, started]) == _given_at_once([started, ended]) == {}


@pytest.mark.parametrize("after_the_work", [False, True], ids=["before", "after"])
def test_a_sweep_that_could_not_publish_is_made_up_for_by_the_next_one(after_the_work: bool) -> None:
    started = disk_access()[:1]

    for call in itertools.count(1):
        outage = Outage(0, after_the_work)
        sink = MemorySink()
        ports = Ports(MemoryStore(), sink, MemoryParking(), outage.before, outage.after)
        engine = engine_on(ports, ports, ports)
        engine.process([body_of(started)])
        outage.at = outage.calls + call
        try:
            engine.sweep()
        except OutageError:
            engine_on(ports, ports, ports).sweep()
        else:
            assert call > 2
            return
        assert [each["Outcome"] for each in current(sink).values()] == ["Attempted"], f"call {call}"


@pytest.mark.parametrize("step", range(1, 9))
def test_halves_of_a_call_that_meet_in_a_lost_race_still_bear_on_what_was_judged_before(step: int) -> None:
    """One engine has the start of an earlier setting and all of a later one, the other the end of the earlier."""

    def set_public_access(allowed: bool, at: datetime, correlation_id: str) -> list[Record]:
        request = {"properties": {"allowBlobPublicAccess": allowed}}
        operation = "Microsoft.Storage/storageAccounts/write"
        return activity_call(
            Random(0),
            ADMIN,
            SUBSCRIPTION,
            operation,
            ACCOUNT.resource_id,
            at,
            request=request,
            correlation_id=correlation_id,
        )

    began, ended = set_public_access(True, NOON, "earlier")
    later = set_public_access(True, NOON + timedelta(minutes=5), "later")
    store, sinks = MemoryStore(), (MemorySink(), MemorySink())
    other = engine_on(store, sinks[1])
    intrusion = Intrusion(step, lambda: other.process([body_of([ended])]))
    ports = Ports(store, sinks[0], MemoryParking(), before=intrusion)

    engine_on(ports, ports, ports).process([body_of([began, *later])])
    if intrusion.calls < step:
        intrusion.work()

    assert current(*sinks) == quiet([began, ended, *later])


class _NewerStore(MemoryStore):
    """Holds rows as a later version would have written them: with fields that this one does not know.

    Counts of requests are no JSON, and have a version of their own.
    """

    def age(self, add: Callable[[dict[str, Any]], None]) -> None:
        for partition in self._partitions.values():
            for name, row in partition.items():
                if name.startswith("bucket-"):
                    continue
                content = json.loads(row.content)
                add(content)
                partition[name] = Row(row.partition, row.name, json.dumps(content).encode(), row.version)

    def entities(self) -> Iterable[dict[str, Any]]:
        for partition in self._partitions.values():
            for name, row in partition.items():
                if name == "entity":
                    yield json.loads(row.content)


def _updated(add: Callable[[dict[str, Any]], None]) -> tuple[list[dict[str, Any]], Contents]:
    store, sink = _NewerStore(), MemorySink()
    start, accept, success = disk_access()
    engine_on(store, sink).process([body_of([start, accept, sas_read(1)])])
    store.age(add)
    engine_on(store, sink).process([body_of([success, sas_read(2, address="203.0.113.77")])])
    return list(store.entities()), current(sink)


def test_fields_that_a_later_version_wrote_survive_an_update() -> None:
    def add(content: dict[str, Any]) -> None:
        content["later"] = {"nested": [1, "two", None]}
        content["version"] = 2

    rows, found = _updated(add)

    assert rows
    assert all(row["later"] == {"nested": [1, "two", None]} for row in rows)
    assert found == quiet([*disk_access(), sas_read(1), sas_read(2, address="203.0.113.77")])


def test_the_version_of_a_later_writer_is_not_lowered() -> None:
    rows, _ = _updated(lambda content: content.update(version=2))

    assert {row["version"] for row in rows} == {2}


@pytest.mark.parametrize("member", ["phases", "accesses", "findings"])
def test_unknown_fields_inside_facts_and_findings_survive_an_update(member: str) -> None:
    def add(content: dict[str, Any]) -> None:
        for each in content.get(member, {}).values():
            each["later"] = "kept"

    rows, _ = _updated(add)

    kept = [each for row in rows for each in row.get(member, {}).values() if each.get("later") == "kept"]
    assert kept
