"""What every StateStore does, in memory, beside DuckDB and in Table Storage alike."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.adapters.local_store import IN_MEMORY, LocalStore
from grantwatch.local import engine
from grantwatch.ports import Found, Row, RowKey, StateStore
from grantwatch.settings import Settings
from tests.adapters.tables import FirstTries, LossyNetwork, table_store
from tests.stand_ins.azurite import Azurite
from tests.strategies import stable
from tests.support import Case, case_id, cases, content, encoded, found_in

ODD = [
    "a/b",
    "a\\b",
    "#?%2F",
    "it's",
    " ",
    "",
    "..",
    "tab\tand\x00\x7f\x9f",
    "Größe",
    "\U0001f511",
    "x" * 600,
    "UPPER",
    "upper",
    "~hours",
    "~listed-2026112100",
]


@pytest.fixture(params=["memory", "local", "table"])
def store(request: pytest.FixtureRequest) -> Iterator[StateStore]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "local":
        with LocalStore(IN_MEMORY) as local:
            yield local.state
    else:
        with table_store(request.getfixturevalue("azurite")) as table:
            yield table


def contents(rows: Iterable[Row]) -> set[tuple[str, str, bytes]]:
    return {(row.partition, row.name, row.content) for row in rows}


def test_inserting_keeps_what_was_there_first(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1"), Row("p", "a", b"2"), Row("p", "b", b"3")])
    store.insert([Row("p", "a", b"4"), Row("p", "c", b"5")])
    expected = {("p", "a", b"1"), ("p", "b", b"3"), ("p", "c", b"5")}
    assert contents(store.read([("p", "a"), ("p", "b"), ("p", "c"), ("p", "d"), ("q", "a")]).values()) == expected
    assert contents(store.scan(["p", "q"])) == expected


def test_inserting_again_changes_no_version(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1")])
    before = store.read([("p", "a")])
    store.insert([Row("p", "a", b"2")])
    assert store.read([("p", "a")]) == before


def test_swapping_needs_the_version_that_is_there(store: StateStore) -> None:
    assert not store.swap([Row("p", "a", b"1")])
    assert store.swap([Row("p", "a", b"2")]) == [("p", "a")]
    first = store.read([("p", "a")])["p", "a"]
    assert not store.swap([Row("p", "a", b"3", first.version), Row("p", "b", b"4")])
    assert store.swap([Row("p", "a", b"5", first.version)]) == [("p", "a")]
    second = store.read([("p", "a")])["p", "a"]
    assert second.content == b"3"
    assert second.version != first.version
    assert store.swap([Row("p", "gone", b"6", second.version)]) == [("p", "gone")]
    assert contents(store.scan(["p"])) == {("p", "a", b"3"), ("p", "b", b"4")}


def test_of_two_swaps_of_one_row_in_a_batch_the_first_wins(store: StateStore) -> None:
    assert store.swap([Row("p", "a", b"1"), Row("p", "a", b"2"), Row("p", "b", b"3")]) == [("p", "a")]
    assert contents(store.scan(["p"])) == {("p", "a", b"1"), ("p", "b", b"3")}


def test_whoever_replaces_a_row_can_do_so_again_with_the_version_that_is_told(store: StateStore) -> None:
    versions = store.replace([Row("p", "a", b"1"), Row("p", "b", b"2")])
    assert versions == {key: row.version for key, row in store.read([("p", "a"), ("p", "b")]).items()}
    store.swap([Row("p", "b", b"3", versions["p", "b"])])
    again = store.replace([Row("p", "a", b"4", versions["p", "a"]), Row("p", "b", b"5", versions["p", "b"])])
    assert again.keys() == {("p", "a")}
    assert not store.replace([Row("p", "a", b"6"), Row("p", "gone", b"7", versions["p", "b"])])
    assert store.replace([Row("p", "a", b"8", again["p", "a"])])
    assert contents(store.scan(["p"])) == {("p", "a", b"8"), ("p", "b", b"3")}
    assert not store.replace([])


def test_an_inserted_row_can_be_swapped_and_a_swapped_one_is_not_inserted(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1")])
    assert not store.swap([Row("p", "a", b"2", store.read([("p", "a")])["p", "a"].version)])
    store.insert([Row("p", "a", b"3")])
    assert contents(store.scan(["p"])) == {("p", "a", b"2")}


def test_scanning_and_reading_give_the_same_rows(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1"), Row("q", "b", b"2")])
    assert {row.key: row for row in store.scan(["p", "q"])} == store.read([("p", "a"), ("q", "b")])


def test_deleting_needs_the_version_that_is_there(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1"), Row("p", "b", b"2"), Row("q", "c", b"3")])
    first = {row.name: row for row in store.scan(["p", "q"])}
    assert not store.swap([Row("p", "a", b"4", first["a"].version)])
    assert store.delete(list(first.values())) == [("p", "a")]
    assert contents(store.scan(["p", "q"])) == {("p", "a", b"4")}
    assert contents(store.read([row.key for row in first.values()]).values()) == {("p", "a", b"4")}


def test_deleting_what_is_gone_is_as_good_as_done(store: StateStore) -> None:
    assert not store.delete([Row("p", "never", b"")])
    store.insert([Row("p", "a", b"1")])
    rows = store.scan(["p"])
    assert not store.delete([*rows, *rows])
    assert not store.delete(rows)
    assert not store.scan(["p"])


def test_of_what_was_taken_to_be_absent_nothing_is_deleted(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1")])
    assert store.delete([Row("p", "a", b"1")]) == [("p", "a")]
    assert contents(store.scan(["p"])) == {("p", "a", b"1")}


@pytest.mark.parametrize("make", ["insert", "swap"])
def test_a_row_that_is_made_again_is_another(store: StateStore, make: str) -> None:
    former: list[Row] = []
    for number in range(3):
        getattr(store, make)([Row("p", "a", str(number).encode())])
        (row,) = store.scan(["p"])
        assert row.content == str(number).encode()
        assert row.version not in {each.version for each in former}
        assert store.swap([*former]) == [("p", "a")] * number
        assert store.delete([*former]) == ([("p", "a")] * number)
        assert store.scan(["p"]) == [row]
        assert not store.delete([row])
        former.append(row)


def test_of_a_deletion_and_a_swap_at_once_one_wins(store: StateStore) -> None:
    with ThreadPoolExecutor(2) as threads:
        for _ in range(10):
            store.insert([Row("p", "a", b"1")])
            (row,) = store.scan(["p"])
            swapping = threads.submit(store.swap, [Row("p", "a", b"2", row.version)])
            deleting = threads.submit(store.delete, [row])
            assert sorted([*swapping.result(), *deleting.result()]) == [("p", "a")]
            left = store.scan(["p"])
            assert bool(left) == bool(deleting.result())
            assert not store.delete(left)


def test_an_exchange_inserts_reads_and_scans(store: StateStore) -> None:
    store.insert([Row("p", "a", b"1"), Row("q", "b", b"2")])
    there = store.read([("p", "a"), ("q", "b")])
    found = store.exchange(
        insert=[Row("p", "a", b"3"), Row("r", "c", b"4")], read=[("p", "a"), ("p", "gone")], scan=["q", "none"]
    )
    assert found == Found({("p", "a"): there["p", "a"]}, [there["q", "b"]])
    assert contents(store.scan(["p", "q", "r"])) == {("p", "a", b"1"), ("q", "b", b"2"), ("r", "c", b"4")}


def test_an_exchange_may_find_what_it_inserts_and_nothing_else(store: StateStore) -> None:
    row = Row("p", "a", b"1")
    found = store.exchange(insert=[row], read=[row.key], scan=["p"])
    assert contents(found.rows.values()) <= contents([row])
    assert contents(found.scanned) <= contents([row])


def test_nothing_is_asked_for_and_nothing_is_there(store: StateStore) -> None:
    store.insert([])
    assert not store.swap([])
    assert not store.delete([])
    assert store.exchange() == Found({}, [])
    assert not store.read([])
    assert not store.scan([])
    assert not store.read([("p", "a")])
    assert not store.scan(["p"])


@pytest.mark.parametrize("size", [0, 1, 5_000, 65_536, 65_537, 200_000])
@pytest.mark.parametrize("compressible", [True, False])
def test_contents_of_any_size(store: StateStore, size: int, *, compressible: bool) -> None:
    big = bytes(size) if compressible else random.Random(size).randbytes(size)
    store.insert([Row("p", "inserted", big)])
    assert not store.swap([Row("p", "swapped", big)])
    rows = store.read([("p", "inserted"), ("p", "swapped")])
    assert [row.content for row in rows.values()] == [big, big]
    assert not store.swap([Row("p", "swapped", b"small", rows["p", "swapped"].version)])
    assert store.read([("p", "swapped")])["p", "swapped"].content == b"small"


def test_names_of_any_kind(store: StateStore) -> None:
    keys = [*(("p", name) for name in ODD), *((partition, partition) for partition in ODD)]
    rows = [Row(*key, repr(key).encode()) for key in keys]
    store.insert(rows)
    assert contents(store.read([row.key for row in rows]).values()) == contents(rows)
    assert contents(store.scan(["p", *ODD])) == contents(rows)


def test_hundreds_of_rows(store: StateStore) -> None:
    rows = [Row(f"p{number % 7}", f"{number}", str(number).encode()) for number in range(300)]
    store.insert(rows)
    found = store.scan([f"p{number}" for number in range(7)])
    assert contents(found) == contents(rows)
    assert not store.swap([Row(row.partition, row.name, b"new", row.version) for row in found])
    assert {row.content for row in store.read([row.key for row in rows]).values()} == {b"new"}


def test_of_concurrent_swaps_of_one_version_one_wins(store: StateStore) -> None:
    def swap(number: int) -> bool:
        return not store.swap([Row("p", "a", str(number).encode(), version)])

    version: str | None = None
    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            won = list(threads.map(swap, range(8)))
            row = store.read([("p", "a")])["p", "a"]
            assert won.count(True) == 1
            assert row.content == str(won.index(True)).encode()
            version = row.version


def test_counting_together(store: StateStore) -> None:
    def count(_: int) -> None:
        for _ in range(5):
            while True:
                row = store.read([("p", "a")]).get(("p", "a"))
                number = int(row.content) + 1 if row else 1
                if not store.swap([Row("p", "a", str(number).encode(), row.version if row else None)]):
                    break

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(4)))
    assert store.read([("p", "a")])["p", "a"].content == b"20"


Batch = list[tuple[RowKey, bytes]]


class Comparison(RuleBasedStateMachine):
    """A MemoryStore and another store do the same with the same versions, each its own."""

    keys = st.tuples(st.sampled_from(["p", "q/r"]), st.sampled_from(["a", "A", "b#", ""]))
    batches = st.lists(st.tuples(keys, st.binary(max_size=4)), max_size=6)
    choices = st.lists(st.integers(0, 3), min_size=6, max_size=6)
    partitions = st.lists(st.sampled_from(["p", "q/r"]), max_size=2)

    other: StateStore

    def __init__(self) -> None:
        super().__init__()
        self._memory = MemoryStore()
        self._world = uuid4().hex
        self._seen: dict[RowKey, list[tuple[str | None, str | None]]] = {}

    def _there(self, key: RowKey) -> RowKey:
        return f"{self._world}{key[0]}", key[1]

    @rule(batch=batches)
    def insert(self, batch: Batch) -> None:
        self._memory.insert([Row(*key, text) for key, text in batch])
        self.other.insert([Row(*self._there(key), text) for key, text in batch])

    @rule(batch=batches, choices=choices)
    def swap(self, batch: Batch, choices: list[int]) -> None:
        mine, other = self._with_versions(batch, choices)
        lost = [self._there(key) for key in self._memory.swap(mine)]
        assert sorted(self.other.swap(other)) == sorted(lost)

    @rule(batch=batches, choices=choices)
    def replace(self, batch: Batch, choices: list[int]) -> None:
        mine, other = self._with_versions(list(dict(batch).items()), choices)
        assert self.other.replace(other).keys() == {self._there(key) for key in self._memory.replace(mine)}

    @rule(batch=batches, choices=choices)
    def delete(self, batch: Batch, choices: list[int]) -> None:
        mine, other = self._with_versions(batch, choices)
        changed = [self._there(key) for key in self._memory.delete(mine)]
        assert sorted(self.other.delete(other)) == sorted(changed)

    @rule(keys=st.lists(keys, max_size=4))
    def read(self, keys: list[RowKey]) -> None:
        self._compare_rows(self._memory.read(keys), self.other.read([self._there(key) for key in keys]))

    @rule(partitions=partitions)
    def scan(self, partitions: list[str]) -> None:
        there = [self._there((partition, ""))[0] for partition in partitions]
        self._compare_scanned(self._memory.scan(partitions), self.other.scan(there))

    @rule(batch=batches, keys=st.lists(keys, max_size=4), partitions=partitions)
    def exchange(self, batch: Batch, keys: list[RowKey], partitions: list[str]) -> None:
        """What is inserted beside may be found or not, so that only what it leaves alone is compared."""
        touched = {key for key, _ in batch}
        keys = [key for key in keys if key not in touched]
        partitions = [each for each in partitions if each not in {partition for partition, _ in touched}]
        mine = self._memory.exchange(insert=[Row(*key, text) for key, text in batch], read=keys, scan=partitions)
        other = self.other.exchange(
            insert=[Row(*self._there(key), text) for key, text in batch],
            read=[self._there(key) for key in keys],
            scan=[self._there((partition, ""))[0] for partition in partitions],
        )
        self._compare_rows(mine.rows, other.rows)
        self._compare_scanned(mine.scanned, other.scanned)

    def _with_versions(self, batch: Batch, choices: list[int]) -> tuple[list[Row], list[Row]]:
        """Rows with versions that were seen lately, or with none: for memory, and for the other."""
        mine, other = [], []
        for (key, text), choice in zip(batch, choices, strict=False):
            versions = [(None, None), *self._seen.get(key, [])]
            version = versions[-1 - min(choice, len(versions) - 1)]
            mine.append(Row(*key, text, version[0]))
            other.append(Row(*self._there(key), text, version[1]))
        return mine, other

    def _compare_rows(self, mine: Mapping[RowKey, Row], other: Mapping[RowKey, Row]) -> None:
        assert {self._there(key): row.content for key, row in mine.items()} == {
            key: row.content for key, row in other.items()
        }
        for key, row in mine.items():
            versions = row.version, other[self._there(key)].version
            known = self._seen.setdefault(key, [])
            if versions not in known:
                assert not {versions[0]} & {mine for mine, _ in known}
                assert not {versions[1]} & {other for _, other in known}
                known.append(versions)

    def _compare_scanned(self, mine: Sequence[Row], other: Sequence[Row]) -> None:
        expected = sorted((self._there(row.key), row.content) for row in mine)
        assert sorted((row.key, row.content) for row in other) == expected


def test_a_table_does_what_memory_does(azurite: Azurite) -> None:
    with table_store(azurite) as store:

        class OfTable(Comparison):
            other = store

        run_state_machine_as_test(OfTable, settings=stable(12))


SOME_CASES = cases()[::9]


def found_by(engines: Sequence[Callable[[MemorySink], Any]], case: Case) -> list[dict[str, Any]]:
    """What stands in the end when engines take turns with the records of a case."""
    sinks = [MemorySink() for _ in engines]
    running = [make(sink) for make, sink in zip(engines, sinks, strict=True)]
    for number, record in enumerate(case.records):
        running[number % len(running)].process([encoded([record])])
    for each in running:
        each.sweep()
    table = MemorySink()
    table.publish(sorted((each for sink in sinks for each in sink.findings), key=lambda each: each.Revision))
    return content(table.current())


def on(store: StateStore, settings: Settings) -> Callable[[MemorySink], Any]:
    return lambda sink: engine(store=store, sink=sink, settings=settings)


@pytest.mark.parametrize("case", SOME_CASES, ids=case_id)
def test_an_engine_finds_the_same_with_a_table(case: Case, azurite: Azurite) -> None:
    with table_store(azurite) as store:
        assert found_by([on(store, case.settings)], case) == content(found_in(case))


@pytest.mark.parametrize("case", SOME_CASES, ids=case_id)
def test_two_engines_that_share_a_table_find_the_same(case: Case, azurite: Azurite) -> None:
    with table_store(azurite, table := f"T{uuid4().hex}") as one, table_store(azurite, table) as other:
        assert found_by([on(one, case.settings), on(other, case.settings)], case) == content(found_in(case))


@pytest.mark.parametrize("case", SOME_CASES[:4], ids=case_id)
def test_an_engine_that_hears_of_no_write_at_first_finds_the_same(case: Case, azurite: Azurite) -> None:
    network = LossyNetwork(loses_answer=FirstTries())
    with table_store(azurite, transport=network, retry_backoff_factor=0) as store:
        assert found_by([on(store, case.settings)], case) == content(found_in(case))
