"""When a delivery is done, tried again, or parked."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from detectors.catalogue import CATALOGUE
from grantwatch.contract import Patience
from grantwatch.detection.match import Match, Statement
from grantwatch.errors import ParkingUnavailableError, SinkUnavailableError, StateUnavailableError
from grantwatch.model.secrets import masked_bytes
from tests.service.rig import Rig, delivery
from tests.world import body_of, disk_access, ordinary_read, sas_read

HOSTILE = body_of(disk_access())


def fails(operation: Any) -> Iterator[Match | Statement]:
    raise KeyError("a secret of the record")
    yield


BROKEN = replace(next(each for each in CATALOGUE if each.name == "disk_access_granted"), judge=fails)


def test_what_can_be_processed_is_published_and_the_rest_parked_with_where_it_came_from() -> None:
    rig = Rig()

    tally = rig.service.deliver(delivery(HOSTILE, b"{not json", body_of([ordinary_read()])))

    assert (tally.records, tally.rejected, tally.parked) == (5, 1, 1)
    assert rig.detectors_found == ["disk_access_granted"]
    (metadata,) = rig.place.metadata.values()
    assert (metadata["source"], metadata["partition"], metadata["sequence_numbers"]) == ("activity_log", "3", "101")
    assert [(item.body, item.origin) for item in rig.parked] == [(b"{not json", "activity_log/3/101")]


@pytest.mark.parametrize("port", ["store", "tables"])
def test_a_service_that_is_down_is_waited_for(port: str) -> None:
    rig = Rig()
    failing = getattr(rig, port)
    failing.is_down = True
    for _ in range(9):
        with pytest.raises((StateUnavailableError, SinkUnavailableError)):
            rig.service.deliver(delivery(HOSTILE))
        rig.clock.advance(timedelta(minutes=2))
    failing.is_down = False

    rig.service.deliver(delivery(HOSTILE))

    assert rig.detectors_found == ["disk_access_granted"]
    assert not rig.place.contents


def test_after_ten_attempts_the_whole_bodies_are_parked() -> None:
    rig = Rig()
    rig.tables.is_down = True
    bodies = (HOSTILE, body_of(disk_access(7)))
    for _ in range(9):
        with pytest.raises(SinkUnavailableError):
            rig.service.deliver(delivery(*bodies))

    tally = rig.service.deliver(delivery(*bodies))

    assert tally.parked == 2
    assert {item.reason for item in rig.parked} == {"not processed: SinkUnavailableError"}
    assert sorted(item.body for item in rig.parked) == sorted(map(masked_bytes, bodies))


def test_after_twenty_minutes_by_the_clock_too() -> None:
    rig = Rig()
    rig.store.is_down = True
    with pytest.raises(StateUnavailableError):
        rig.service.deliver(delivery(HOSTILE))
    rig.clock.advance(timedelta(minutes=20))

    assert rig.service.deliver(delivery(HOSTILE)).parked == 1


def test_while_nothing_can_be_parked_the_delivery_is_held_for_ever() -> None:
    rig = Rig()
    rig.tables.is_down = rig.place.is_down = True
    for _ in range(9):
        with pytest.raises(SinkUnavailableError):
            rig.service.deliver(delivery(HOSTILE))
    for _ in range(20):
        with pytest.raises(ParkingUnavailableError):
            rig.service.deliver(delivery(HOSTILE))

    rig.place.is_down = False

    assert rig.service.deliver(delivery(HOSTILE)).parked == 1


def test_patience_begins_anew_with_every_delivery() -> None:
    rig = Rig(patience=Patience(attempts=2))
    rig.tables.is_down = True
    with pytest.raises(SinkUnavailableError):
        rig.service.deliver(delivery(HOSTILE))
    rig.service.deliver(delivery(HOSTILE))  # parked

    with pytest.raises(SinkUnavailableError):
        rig.service.deliver(delivery(HOSTILE))


def test_secrets_in_a_parked_body_are_masked() -> None:
    rig = Rig(patience=Patience(attempts=1))
    rig.store.is_down = True
    record = sas_read()
    record["uri"] += "&sig=hunter2hunter2hunter2"

    rig.service.deliver(delivery(body_of([record])))

    (item,) = rig.parked
    assert b"hunter2" not in item.body
    assert b"sha256:" in item.body


def test_a_fault_of_ours_on_one_body_parks_that_body_at_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.tables.refuses = lambda row: 1 // (b"sas_used_externally" not in row) == 2

    tally = rig.service.deliver(delivery(HOSTILE, body_of([sas_read()]), HOSTILE))

    assert rig.detectors_found == ["disk_access_granted"]
    assert [item.reason for item in rig.parked] == ["ZeroDivisionError in the engine"]
    assert tally.parked == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_detector_that_fails_costs_its_own_match_alone() -> None:
    rig = Rig(catalogue=[*(each for each in CATALOGUE if each.name != BROKEN.name), BROKEN])

    rig.service.deliver(delivery(HOSTILE, body_of([sas_read()])))

    assert rig.detectors_found == ["sas_used_externally"]
    assert [(item.reason, item.detector) for item in rig.parked] == [("KeyError in the detector", BROKEN.name)]


def test_counters_tell_what_failed() -> None:
    rig = Rig(patience=Patience(attempts=2))
    rig.tables.is_down = True
    with pytest.raises(SinkUnavailableError):
        rig.service.deliver(delivery(HOSTILE))
    rig.service.deliver(delivery(HOSTILE))
    rig.service.write_counters()

    counters = rig.service.health()["sources"]["activity_log"]["last_hour"]
    assert (counters["failures"], counters["parked"], counters["events"]) == (2, 1, 1)
