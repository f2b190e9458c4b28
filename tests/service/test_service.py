"""Counters, health rows, and what an operator is told."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from grantwatch.adapters.in_memory import MemoryStore
from grantwatch.contract import Patience
from grantwatch.logbook import SUMS, Counters, Logbook, counted, window_of
from grantwatch.model.health import TABLE
from grantwatch.tally import Tally
from tests.service.rig import Rig, delivery
from tests.world import NOON, body_of, disk_access, ordinary_read

HOSTILE = body_of(disk_access())


def test_every_source_has_a_health_row_also_when_it_is_silent() -> None:
    rig = Rig()
    rig.service.deliver(delivery(HOSTILE, b"{", enqueued=NOON - timedelta(minutes=4)))
    rig.service.write_counters()
    rig.clock.advance(timedelta(minutes=7))

    rig.service.sweep()

    activity, storage = rig.tables.rows[TABLE]
    assert (activity["Source"], activity["Events"], activity["Records"], activity["Rejected"]) == (
        "activity_log",
        2,
        4,
        1,
    )
    assert (activity["Findings"], activity["Parked"], activity["OldestEventAge"]) == (1, 1, 240)
    assert activity["LastEventTime"] == "2026-03-10T11:56:00Z"
    assert activity["WindowStart"] == "2026-03-10T12:00:00Z"
    assert (storage["Source"], storage["Events"], storage["LastEventTime"]) == ("storage_log", 0, None)


def test_every_window_is_reported_once_whenever_the_timer_comes() -> None:
    rig = Rig()
    for minutes in (7, 6, 4, 5, 16, 1):
        rig.clock.advance(timedelta(minutes=minutes))
        rig.service.sweep()

    windows = [row["WindowStart"] for row in rig.tables.rows[TABLE] if row["Source"] == "activity_log"]
    assert windows == sorted(set(windows))
    assert len(windows) == 7


def test_processes_that_share_nothing_but_state_are_added_up() -> None:
    one = Rig()
    other = Rig(store=one.store, process="other", clock=one.clock)
    for rig in (one, other):
        rig.service.deliver(delivery(body_of([ordinary_read()]), source="storage_log"))
        rig.service.write_counters()

    sources = one.service.health()["sources"]

    assert sources["storage_log"]["last_hour"]["events"] == 2
    assert sources["storage_log"]["last_hour"]["ignored"] == 2


def test_counters_written_twice_count_once() -> None:
    rig = Rig()
    for _ in range(3):
        rig.service.deliver(delivery(HOSTILE))
        rig.service.write_counters()
        rig.service.write_counters()

    assert rig.service.health()["sources"]["activity_log"]["last_hour"]["events"] == 3


def test_health_names_what_is_down() -> None:
    rig = Rig()
    rig.store.is_down = rig.place.is_down = True

    answer = rig.service.health()

    assert answer["status"] == "degraded"
    assert answer["problems"] == ["state does not answer", "the parking place does not answer"]


def test_health_tells_what_somebody_should_look_at() -> None:
    rig = Rig(patience=Patience(attempts=1))
    for source in ("activity_log", "storage_log"):
        rig.service.deliver(delivery(body_of([ordinary_read()]), source=source, enqueued=NOON))
    rig.service.write_counters()
    assert (rig.service.health()["status"], rig.service.health()["problems"]) == ("healthy", [])

    rig.clock.advance(timedelta(minutes=31))
    rig.tables.is_down = True
    rig.service.deliver(delivery(HOSTILE, enqueued=rig.clock.now))
    rig.service.write_counters()

    answer = rig.service.health()
    assert answer["status"] == "degraded"
    assert answer["problems"] == [
        "activity_log: 1 delivery failed in the last hour.",
        "storage_log: nothing has come for 31 minutes.",
        "1 bundle lies in deadletter/.",
    ]


def test_health_counts_what_is_parked() -> None:
    rig = Rig()
    rig.service.deliver(delivery(b"{broken"))

    assert rig.service.health()["parked"] == {"deadletter": 1, "outbox": 0}


def test_counters_that_cannot_be_written_are_written_later() -> None:
    rig = Rig()
    rig.service.deliver(delivery(HOSTILE))
    rig.store.is_down = True
    rig.service.write_counters()
    rig.store.is_down = False
    rig.clock.advance(timedelta(minutes=2))
    rig.service.write_counters()

    assert rig.service.health()["sources"]["activity_log"]["last_hour"]["events"] == 1


def test_what_is_measured_adds_up_to_what_was_counted() -> None:
    store, news = MemoryStore(), Counters()
    logbook = Logbook(store, "one")
    for minute in range(20):
        now = NOON + timedelta(minutes=minute)
        logbook.note(delivery(HOSTILE), Tally(records=3, selected=3, published=1), now)
        news = news.plus(logbook.write(now).get("activity_log", Counters()))

    windows = [window_of(NOON + timedelta(minutes=minute)) for minute in range(0, 20, 5)]
    total = counted(store, windows)["activity_log"]
    assert {name: getattr(news, name) for name in SUMS} == {name: getattr(total, name) for name in SUMS}
    assert total.records == 60


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=30), st.sets(st.integers(0, 29)))
def test_no_count_is_lost_or_doubled_however_often_it_is_written(
    notes: list[tuple[int, int]], writes: set[int]
) -> None:
    store = MemoryStore()
    logbook = Logbook(store, "one")
    for number, (minute, records) in enumerate(sorted(notes)):
        now = NOON + timedelta(minutes=minute)
        logbook.note(delivery(b"{}"), Tally(records=records), now)
        if number in writes:
            logbook.write(now)
    logbook.write(NOON + timedelta(minutes=41))

    windows = [window_of(NOON) + timedelta(minutes=5 * number) for number in range(10)]
    total = counted(store, windows).get("activity_log", Counters())
    assert (total.events, total.records) == (len(notes), sum(records for _, records in notes))
