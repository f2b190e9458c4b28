"""How much was read through a SAS is told alike in any order, by many engines, forgetful and unlucky ones too."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.errors import StateUnavailableError
from grantwatch.memory import counts
from grantwatch.memory.counts import bucket_of, packed, sample_of
from grantwatch.memory.days import Day, day_in
from grantwatch.memory.entities import address_of_entity
from grantwatch.memory.facts import united
from grantwatch.memory.notes import Notes
from grantwatch.memory.volumes import Bucket, Volumes
from grantwatch.model import volume
from grantwatch.model.bounded import Recent
from grantwatch.model.finding import Finding
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.severity import Severity
from grantwatch.model.transfer import Transfer
from grantwatch.model.volume import Limits, Taken
from grantwatch.ports import Row, RowKey, StateStore
from grantwatch.settings import Settings
from tests.memory.faults import ContendedStore, Intrusion, Outage, OutageError, Ports
from tests.strategies import stable
from tests.world import NOON, OWNER, body_of, content_of, sas_read
from tools.azure_records import Record

HOUR = timedelta(hours=1)
MEGABYTE = 10**6
LIMITS = Limits(window=HOUR, size=1_000 * MEGABYTE, objects=12)
SETTINGS = Settings(
    owner_tenant_id=OWNER.id,
    own_networks=("192.0.2.0/24",),
    volume_size_threshold_gb=1,
    transfer_object_threshold=12,
)
Found = dict[str, dict[str, Any]]

seeds = st.integers(0, 2**32).map(Random)


@st.composite
def readings(draw: st.DrawFn, most: int = 24) -> list[Record]:
    """What two SAS were used for on two days, mostly within an hour or two, now and then around midnight."""
    records = []
    for number in range(draw(st.integers(1, most))):
        minutes = draw(st.integers(0, 70) | st.sampled_from((100, 400, 690, 715, 718, 722, 750)))
        records.append(
            sas_read(
                number,
                NOON + timedelta(minutes=minutes),
                label=draw(st.sampled_from(("one", "one", "two"))),
                address=draw(st.sampled_from(("198.51.100.23", "203.0.113.9", "192.0.2.7", "10.1.2.3"))),
                path=f"/exports/{draw(st.integers(0, 30))}.bak",
                size=draw(st.sampled_from((0, 10, 40, 150, 300, 900))) * MEGABYTE,
                operation=draw(st.sampled_from(("GetBlob", "GetBlob", "GetBlob", "ListBlobs", "PutBlob"))),
            )
        )
    return records


def engine_on(store: StateStore, sink: Any) -> Engine:
    return local.engine(store=store, sink=sink, parking=MemoryParking(), settings=SETTINGS)


def bulk(*sinks: MemorySink) -> Found:
    """The findings of bulk reading that stand in the end."""
    table = MemorySink()
    table.publish(sorted((each for sink in sinks for each in sink.findings), key=lambda each: each.Revision))
    return content_of([each for each in table.current() if each.Detector == "bulk_read_through_sas"])


def quiet(records: Sequence[Record]) -> Found:
    """What one engine finds that gets everything at once."""
    sink = MemorySink()
    engine_on(MemoryStore(), sink).process([body_of(records)])
    return bulk(sink)


def cut(records: Sequence[Record], random: Random) -> Iterator[bytes]:
    """Records in any order, some of them twice, in bodies of a few."""
    delivered = [*records, *random.sample(records, len(records) // 3)]
    random.shuffle(delivered)
    while delivered:
        number = random.randint(1, 4)
        yield body_of(delivered[:number])
        delivered = delivered[number:]


@stable(120)
@given(readings(), seeds)
def test_order_repetition_and_cutting_change_nothing(records: list[Record], random: Random) -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for body in cut(records, random):
        engine.process([body])

    assert bulk(sink) == quiet(records)


@stable(60)
@given(readings(), seeds)
def test_two_engines_that_lose_races_find_what_one_finds(records: list[Record], random: Random) -> None:
    store, sinks = ContendedStore(random), (MemorySink(), MemorySink())
    engines = [engine_on(store, sink) for sink in sinks]
    for body in cut(records, random):
        random.choice(engines).process([body])

    assert bulk(*sinks) == quiet(records)


@stable(60)
@given(readings(), seeds, st.integers(1, 6))
def test_another_engine_may_do_its_work_between_any_two_steps_of_one(
    records: list[Record], random: Random, step: int
) -> None:
    store, sinks = MemoryStore(), (MemorySink(), MemorySink())
    bodies = list(cut(records, random))
    half = random.randint(0, len(bodies))
    other = engine_on(store, sinks[1])
    intrusion = Intrusion(step, lambda: other.process(bodies[half:]))
    ports = Ports(store, sinks[0], MemoryParking(), before=intrusion)

    engine_on(ports, ports).process(bodies[:half])
    if intrusion.calls < step:
        intrusion.work()

    assert bulk(*sinks) == quiet(records)


@stable(60)
@given(readings(most=12), seeds, st.integers(1, 30), st.booleans(), st.booleans())
def test_a_crash_at_any_port_call_changes_nothing(
    records: list[Record], random: Random, call: int, after_the_work: bool, restarted: bool
) -> None:
    sink, outage = MemorySink(), Outage(call, after_the_work)
    ports = Ports(MemoryStore(), sink, MemoryParking(), outage.before, outage.after)
    engine = engine_on(ports, ports)
    for body in cut(records, random):
        try:
            engine.process([body])
        except OutageError:
            engine = engine_on(ports, ports) if restarted else engine
            engine.process([body])

    assert bulk(sink) == quiet(records)


@stable(60)
@given(readings(most=40), seeds)
def test_where_a_few_requests_are_too_many_to_be_kept_nothing_else_changes(
    records: list[Record], random: Random
) -> None:
    """Estimates rise and fall as requests come in; those that stand in the end do not depend on how."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "MOST_EXACT", 3)
        patch.setattr(counts, "MOST_OBJECTS", 2)
        patch.setattr(volume, "MOST_OBJECTS", 2)
        store, sinks = MemoryStore(), (MemorySink(), MemorySink())
        engines = [engine_on(store, sink) for sink in sinks]
        for body in cut(records, random):
            random.choice(engines).process([body])

        assert bulk(*sinks) == quiet(records)


def found_in(records: Sequence[Record]) -> list[Finding]:
    sink = MemorySink()
    engine_on(MemoryStore(), sink).process([body_of(records)])
    return [each for each in sink.current() if each.Detector == "bulk_read_through_sas"]


@stable(150)
@given(st.lists(st.tuples(st.integers(0, 150), st.integers(100, 600)), min_size=1, max_size=12))
def test_what_is_told_is_the_fullest_window_of_all(taken: list[tuple[int, int]]) -> None:
    """Each reading is large enough to count; the reference looks at every window that begins with one.

    Windows are made of whole buckets, and reach into the one in which an hour from any moment of the first ends.
    """
    at = [(NOON + timedelta(minutes=minutes), size * MEGABYTE) for minutes, size in taken]
    buckets: dict[datetime, int] = defaultdict(int)
    for moment, size in at:
        buckets[bucket_of(moment)] += size
    fullest = max(sum(buckets[each] for each in buckets if begin <= each <= begin + HOUR) for begin in buckets)
    within_an_hour = max(sum(size for each, size in at if begin <= each < begin + HOUR) for begin, _ in at)

    records = [sas_read(number, moment, path="/exports/one.bak", size=size) for number, (moment, size) in enumerate(at)]
    findings = found_in(records)

    assert bool(findings) == (fullest >= LIMITS.size)
    assert findings or within_an_hour < LIMITS.size
    for finding in findings:
        assert fullest / 2 < finding.Evidence["BytesAtLeast"] <= fullest
        assert finding.Severity is (Severity.HIGH if fullest >= 8 * LIMITS.size else Severity.MEDIUM)
        assert "Estimated" not in finding.Evidence


def test_a_long_download_is_revised_when_it_has_doubled_and_not_with_every_request() -> None:
    store, sink = MemoryStore(), MemorySink()
    engine = engine_on(store, sink)
    for number in range(320):
        at = NOON + timedelta(seconds=10 * number)
        engine.process([body_of([sas_read(number, at, path=f"/exports/{number}.bak", size=200 * MEGABYTE)])])

    (finding,) = bulk(sink).values()
    revisions = [each for each in sink.findings if each.Detector == "bulk_read_through_sas"]
    assert finding["Evidence"]["BytesAtLeast"] == 64 * 10**9
    assert finding["Severity"] == "High"
    assert len(revisions) <= 20


def test_who_looks_around_neither_reads_in_bulk_nor_hides_who_does() -> None:
    """However many they are, and whoever came first."""

    def around(number: int) -> Record:
        address, agent = f"203.0.113.{number}", f"tool/{number}"
        return sas_read(number, NOON, address=address, agent=agent, size=10**9, operation="ListBlobs")

    others = [around(number) for number in range(50)]
    reader = sas_read(99, NOON + timedelta(minutes=1), path="/exports/1.bak", size=2 * 10**9)

    assert not found_in(others)
    for records in ([*others, reader], [reader, *others], [*others[:32], reader, *others[32:]]):
        sink = MemorySink()
        engine = engine_on(MemoryStore(), sink)
        for record in records:
            engine.process([body_of([record])])
        (finding,) = [each for each in sink.current() if each.Detector == "bulk_read_through_sas"]
        assert finding.Evidence["Addresses"] == ["198.51.100.23"]
        assert (finding.Evidence["BytesAtLeast"], finding.Evidence["ObjectsAtLeast"]) == (2 * 10**9, 1)


@pytest.mark.parametrize("sizes", [(500, 3_000), (3_000, 500)])
def test_of_one_request_told_with_two_sizes_the_greater_is_not_lost_in_any_order(sizes: tuple[int, int]) -> None:
    sink = MemorySink()
    engine = engine_on(MemoryStore(), sink)
    for size in sizes:
        engine.process([body_of([sas_read(1, NOON, path="/exports/1.bak", size=size * MEGABYTE)])])

    (finding,) = bulk(sink).values()
    assert finding["Evidence"]["BytesAtLeast"] == 2 * 10**9


def test_few_objects_read_all_day_are_not_many_however_often() -> None:
    records = [
        sas_read(number, NOON + timedelta(seconds=10 * number), path=f"/exports/{number % 11}.bak", size=1)
        for number in range(360)
    ]
    assert not found_in(records)


@pytest.mark.parametrize(("objects", "estimated"), [(63, None), (64, True)])
def test_a_number_of_objects_that_is_no_count_is_said_to_be_an_estimate(objects: int, estimated: bool | None) -> None:
    (finding,) = found_in([sas_read(number, NOON, path=f"/exports/{number}.bak", size=1) for number in range(objects)])

    assert finding.Evidence.get("Estimated") is estimated


def key_of(label: str) -> GatheringKey:
    return GatheringKey(tenant=OWNER.id, detector="bulk_read_through_sas", natural=("a", label, "2026-03-10"))


transfers = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.integers(0, 3),
        st.builds(Transfer, st.integers(0, 2**64 - 1), st.sampled_from((0, 9, 700 * MEGABYTE)), st.integers(0, 50)),
    ),
    max_size=8,
)


@stable(150)
@given(st.lists(st.tuples(transfers, st.integers(0, 2)), max_size=12))
def test_rows_hold_everything_whatever_was_forgotten_and_whoever_wrote(
    batches: list[tuple[list[tuple[str, int, Transfer]], int]],
) -> None:
    """Of three who share a store one remembers everything, one a row or two, and one nothing.

    Of all that they told, what was best informed is what one tells who is given everything at once.
    """
    store = MemoryStore()
    counting = [Volumes(store, LIMITS, most_remembered=most) for most in (10**6, 1_200, 0)]
    expected: dict[Bucket, list[Transfer]] = defaultdict(list)
    told: Notes = defaultdict(dict)
    for batch, who in batches:
        given: dict[Bucket, list[Transfer]] = defaultdict(list)
        for label, place, transfer in batch:
            given[key_of(label), NOON + place * volume.BUCKET].append(transfer)
        for bucket, found in given.items():
            expected[bucket] += found
        for key, notes in counting[who].count(given).items():
            told[key] = united(told[key], notes)

    buckets = [row.content for row in store.rows() if row.name.startswith("bucket-")]
    assert sorted(buckets) == sorted(packed(sample_of(each)) for each in expected.values())
    at_once = Volumes(MemoryStore(), LIMITS).count(expected)
    assert _figures(told) == _figures(at_once)


def _figures(told: Notes) -> dict[str, Taken | None]:
    return {address_of_entity(key)[0]: note.taken for key, notes in told.items() for note in notes.values()}


class CountingStore(MemoryStore):
    """Notes which rows are touched, by what."""

    def __init__(self) -> None:
        super().__init__()
        self.touched: list[tuple[str, int]] = []

    def replace(self, rows: Sequence[Row]) -> Any:
        self.touched.append(("replace", len(rows)))
        return super().replace(rows)

    def read(self, keys: Sequence[RowKey]) -> Any:
        self.touched.append(("read", len(keys)))
        return super().read(keys)


@pytest.mark.parametrize(("size", "swaps"), [(1, 1), (30 * MEGABYTE, 2)])
def test_a_batch_costs_a_swap_for_each_sas_and_one_more_if_it_counts_and_its_repetition_nothing(
    size: int, swaps: int
) -> None:
    store = CountingStore()
    counting = Volumes(store, replace(LIMITS, objects=1_000))
    for number in range(3):
        batch = {
            (key_of(label), NOON): [Transfer(number * 10 + place, size, 1) for place in range(5)] for label in "abc"
        }
        counting.count(batch)
        counting.count(batch)

    assert store.touched == [("replace", 3)] * 3 * swaps


def test_what_was_taken_is_told_anew_when_it_changed_and_when_somebody_else_counted_meanwhile() -> None:
    """Else a note of what somebody else saw in between could hold, though it was outdone."""
    store = MemoryStore()
    first, second = Volumes(store, LIMITS), Volumes(store, LIMITS)

    def known(counting: Volumes, number: int) -> int:
        told = counting.count({(key_of("a"), NOON): [Transfer(number, 500 * MEGABYTE, 1)]})
        return next(note.known for notes in told.values() for note in notes.values())

    first.count({(key_of("a"), NOON): [Transfer(9, 500 * MEGABYTE, 1)]})
    alone = [known(first, number) for number in (1, 2, 3)]
    assert alone[0] == alone[1] < alone[2]  # 1 GB, 1.5 GB, 2 GB
    others = known(second, 4)
    assert others > alone[2]
    assert known(first, 5) > others


@stable(100)
@given(st.lists(st.tuples(st.integers(0, 8), st.none() | st.integers(0, 9)), max_size=40))
def test_a_cache_holds_no_more_than_it_may_and_what_was_set_last(steps: list[tuple[int, int | None]]) -> None:
    cache: Recent[int, int] = Recent(20, lambda value: value + 1)
    latest: dict[int, int] = {}
    for key, value in steps:
        cache.set(key, value)
        latest.pop(key, None)
        if value is not None:
            latest[key] = value

    held = {key: value for key in range(9) if (value := cache.get(key)) is not None}
    assert held.items() <= latest.items()
    assert sum(value + 1 for value in held.values()) <= 20
    dropped = list(latest)[: len(latest) - len(held)]
    assert not held.keys() & set(dropped)


def test_a_day_that_a_later_version_stored_waits_for_a_later_program() -> None:
    with pytest.raises(StateUnavailableError):
        day_in(Day(version=2).packed())
    with pytest.raises(ValueError, match="Expected"):
        day_in(b"\xffno day")
