"""The end of rows in Table Storage: when it comes, what delays it, and that nothing is left behind.

Azurite's clock cannot be moved, but the store's can.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from grantwatch.adapters.table_store import TableStore
from grantwatch.errors import UnavailableError
from grantwatch.ports import Row
from tests.adapters.tables import Countdown, LossyNetwork, entities, later, new_table, now, table_store
from tests.stand_ins.azurite import Azurite
from tests.strategies import stable

LONG_AFTER = timedelta(days=36)
ROWS = [Row(f"p{number % 3}", f"{number}", b"content") for number in range(7)]
KEYS = [row.key for row in ROWS]


def test_rows_expire_and_leave_nothing(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name) as store:
        store.insert(ROWS)
        store.swap([Row("q", "swapped", b"1")])
        assert store.expire(now() + timedelta(days=34)) == 0
        assert len(store.read(KEYS)) == len(ROWS)
        assert store.expire(now() + LONG_AFTER) == len(ROWS) + 1
        assert store.expire(now() + LONG_AFTER) == 0
    assert not entities(azurite, name)


def test_what_was_written_since_stays_and_expires_in_its_turn(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name, clock=later(-LONG_AFTER)) as store:
        store.insert(ROWS)
        assert store.expire(now()) == 0
        assert len(store.read(KEYS)) == len(ROWS)
        assert store.expire(now() + timedelta(days=34)) == 0
        assert store.expire(now() + LONG_AFTER) == len(ROWS)
    assert not entities(azurite, name)


def test_many_rows_expire_with_and_without_time(azurite: Azurite) -> None:
    name = new_table()
    rows = [Row("p", f"{number}", b"") for number in range(100)]
    with table_store(azurite, name) as store:
        store.insert(rows)
        for row in rows[:20]:
            store.swap([Row("q", row.name, b"")])
        first = store.expire(now() + LONG_AFTER, within=timedelta())
        assert 0 < first < 120
        assert first + store.expire(now() + LONG_AFTER) == 120
    assert not entities(azurite, name)


def test_a_row_that_is_inserted_again_starts_anew(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name) as store:
        store.insert(ROWS)
    untouched = {each["RowKey"]: each.metadata["timestamp"] for each in entities(azurite, name)}
    for days in (0.5, 2):
        with table_store(azurite, name, clock=later(timedelta(days=days))) as store:
            store.insert([Row(row.partition, row.name, b"other") for row in ROWS[:2]])
            assert {row.content for row in store.read(KEYS).values()} == {b"content"}
        touched = {each["RowKey"]: each.metadata["timestamp"] for each in entities(azurite, name)}
        changed = {row.name for row in ROWS if touched[row.name] != untouched[row.name]}
        assert changed == (set() if days < 1 else {ROWS[0].name, ROWS[1].name})


def test_a_row_that_somebody_else_made_starts_anew_when_it_is_inserted_after_a_day(azurite: Azurite) -> None:
    """That it was once looked for in vain, and expected, is no reason to take it for young."""
    name, late = new_table(), timedelta()
    with table_store(azurite, name, clock=lambda: now() + late) as store, table_store(azurite, name) as other:
        store.read(KEYS)
        other.insert(ROWS)
        before = {key: row.version for key, row in store.read(KEYS).items()}
        late = timedelta(days=2)
        store.insert([Row("q", "other", b"")])
        store.insert(ROWS)
        after = store.read(KEYS)
    assert all(row.version != before[key] for key, row in after.items())


@pytest.mark.parametrize("another", [True, False], ids=["by another", "by the same"])
def test_rows_that_are_deleted_and_made_again_in_an_hour_expire(azurite: Azurite, *, another: bool) -> None:
    """Their keys are remembered as listed, and the list of the hour still has them."""
    name = new_table()
    with table_store(azurite, name) as store, table_store(azurite, name) as other:
        store.insert(ROWS)
        deleting = other if another else store
        assert not deleting.delete(list(store.read(KEYS).values()))
        assert not store.read(KEYS)
        store.insert(ROWS[:4])
        assert not store.swap([Row(row.partition, row.name, b"swapped") for row in ROWS[4:]])
        assert store.expire(now() + timedelta(days=34)) == 0
        assert len(store.read(KEYS)) == len(ROWS)
        assert store.expire(now() + LONG_AFTER) == len(ROWS)
    assert not entities(azurite, name)


def test_deleted_rows_leave_nothing(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name) as store:
        store.insert(ROWS)
        assert not store.delete(list(store.read(KEYS[:5]).values()))
        assert store.expire(now() + LONG_AFTER) == len(ROWS) - 5
    assert not entities(azurite, name)


class Processes(RuleBasedStateMachine):
    """Two processes that make, change and delete rows over hours, end and begin anew; some work is cut off."""

    service: Azurite
    names = st.sets(st.sampled_from("abcd"), min_size=1, max_size=3)
    either = st.integers(0, 1)

    def __init__(self) -> None:
        super().__init__()
        self._table, self._shift = new_table(), timedelta()
        self._countdown = Countdown(0)
        self._open = [ExitStack(), ExitStack()]
        self._stores = [self._begun(process) for process in self._open]
        self._there: set[str] = set()

    def _now(self) -> datetime:
        return now() + self._shift

    def _begun(self, process: ExitStack) -> TableStore:
        network = LossyNetwork(loses_request=self._countdown)
        store = table_store(self.service, self._table, clock=self._now, transport=network, retry_total=0)
        return process.enter_context(store)

    @rule(who=either, names=names, read=names, cut_off=st.integers(0, 6))
    def insert(self, who: int, names: set[str], read: set[str], cut_off: int) -> None:
        """What is cut off is done again, by the other process."""
        rows, keys = [Row("p", name, b"1") for name in names], [("p", name) for name in read]
        self._countdown.left = cut_off
        with suppress(UnavailableError):
            self._stores[who].exchange(insert=rows, read=keys)
        is_cut_off, self._countdown.left = cut_off > 0 >= self._countdown.left, 0
        if is_cut_off:
            self._stores[1 - who].insert(rows)
        self._there |= names

    @rule(who=either, names=names, cut_off=st.integers(0, 6))
    def swap(self, who: int, names: set[str], cut_off: int) -> None:
        """What is cut off is not done again."""
        there = self._stores[who].read([("p", name) for name in names])
        rows = [Row("p", name, b"2", row.version if (row := there.get(("p", name))) else None) for name in names]
        self._countdown.left = cut_off
        with suppress(UnavailableError):
            self._stores[who].swap(rows)
        self._countdown.left = 0

    @rule(who=either, names=names)
    def delete(self, who: int, names: set[str]) -> None:
        assert not self._stores[who].delete(list(self._stores[who].read([("p", name) for name in names]).values()))
        self._there -= names

    @rule(who=either, minutes=st.sampled_from([20, 70]))
    def pass_time_and_begin_anew(self, who: int, minutes: int) -> None:
        self._shift += timedelta(minutes=minutes)
        self._open[who].close()
        self._stores[who] = self._begun(self._open[who])

    @rule(who=either)
    def expire(self, who: int) -> None:
        assert self._stores[who].expire(self._now()) == 0

    @invariant()
    def all_are_there(self) -> None:
        assert self._there <= {row.name for row in self._stores[0].scan(["p"])}

    def teardown(self) -> None:
        for process in self._open:
            process.close()
        with table_store(self.service, self._table) as store:
            store.expire(self._now() + LONG_AFTER)
        assert not entities(self.service, self._table)


def test_nothing_that_processes_make_of_rows_keeps_them_from_expiring(azurite: Azurite) -> None:
    class OnTables(Processes):
        service = azurite

    run_state_machine_as_test(OnTables, settings=settings(stable(8), stateful_step_count=20))


@pytest.mark.parametrize("lost", ["loses_request", "loses_answer"])
@pytest.mark.parametrize("days", [0, 36])
def test_an_expiry_can_be_cut_off_anywhere(azurite: Azurite, days: int, lost: str) -> None:
    """At first the rows are in use, after 36 days they are old; either way nothing remains in the end."""
    for at in range(1, 40):
        name, countdown = new_table(), Countdown(at)
        with table_store(azurite, name, clock=later(-LONG_AFTER)) as store:
            store.insert(ROWS[:2])
        network = LossyNetwork(**{lost: countdown})
        with table_store(azurite, name, transport=network, retry_total=0) as store, suppress(UnavailableError):
            store.expire(now() + timedelta(days=days))
        with table_store(azurite, name) as store:
            assert days or len(store.read(KEYS[:2])) == 2
            store.expire(now() + LONG_AFTER)
        assert not entities(azurite, name), at
        if countdown.left > 0:
            return
    pytest.fail("an expiry of few rows takes fewer round trips")


def swap_in(store: TableStore) -> None:
    store.swap([Row("q", "swapped", b"1")])


def insert(store: TableStore) -> None:
    store.insert(ROWS[:2])


def work(store: TableStore) -> None:
    store.read([("q", "swapped")])
    insert(store)
    swap_in(store)


@pytest.mark.parametrize("lost", ["loses_request", "loses_answer"])
@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize(
    ("making", "again"),
    [(swap_in, None), (insert, insert), (work, work)],
    ids=["swapped in, and found there", "inserted, and again", "both, and both again"],
)
def test_rows_whose_making_was_cut_off_expire_too(
    azurite: Azurite,
    making: Callable[[TableStore], None],
    again: Callable[[TableStore], None] | None,
    lost: str,
    *,
    goes_on: bool,
) -> None:
    """Whether the process goes on with other work, and owes what it could not list, or another does the work again."""
    for at in range(1, 40):
        name, countdown = new_table(), Countdown(at)
        network = LossyNetwork(**{lost: countdown})
        with table_store(azurite, name, transport=network, retry_total=0) as store:
            with suppress(UnavailableError):
                making(store)
            left, countdown.left = countdown.left, 0
            if goes_on:
                store.insert([Row("q", "other", b"")])
            elif again:
                with table_store(azurite, name) as another:
                    again(another)
        with table_store(azurite, name) as store:
            store.expire(now() + LONG_AFTER)
        assert not entities(azurite, name), at
        if left > 0:
            return
    pytest.fail("making few rows takes fewer round trips")


def test_two_expiries_and_a_writer_at_once(azurite: Azurite) -> None:
    name = new_table()
    rows = [Row("p", f"{number}", b"") for number in range(60)]
    with table_store(azurite, name) as one, table_store(azurite, name, clock=later(LONG_AFTER)) as other:
        one.insert(rows)
        with ThreadPoolExecutor(3) as threads:
            expiries = [threads.submit(store.expire, now() + LONG_AFTER) for store in (one, other)]
            threads.submit(other.insert, rows[:20]).result()
            for expiry in expiries:
                expiry.result()
        # The service's clock does not move: what was inserted again looks as old as ever, but for this instant.
        remaining = {row.name for row in one.scan(["p"])}
        assert remaining <= {row.name for row in rows[:20]}
        one.expire(now() + 3 * LONG_AFTER)
    assert not entities(azurite, name)
