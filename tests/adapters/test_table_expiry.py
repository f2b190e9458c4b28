"""The end of rows in Table Storage: when it comes, what delays it, and that nothing is left behind.

Azurite's clock cannot be moved, but the store's can.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from grantwatch.adapters.table_store import TableStore
from grantwatch.errors import UnavailableError
from grantwatch.ports import Row
from tests.adapters.tables import Countdown, LossyNetwork, entities, later, new_table, now, table_store
from tests.stand_ins.azurite import Azurite

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
