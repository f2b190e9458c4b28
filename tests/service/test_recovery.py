"""Second chances: the outbox is drained, parked records are replayed."""

import gzip
import json
from datetime import timedelta

import pytest

from detectors.catalogue import CATALOGUE
from grantwatch.contract import Patience
from grantwatch.parking import OUTBOX
from tests.service.rig import MANY, Rig, delivery
from tests.service.test_contract import BROKEN
from tests.world import account_sas, body_of, disk_access, sas_read
from tools.azure_records import Failure

HOSTILE = body_of(disk_access()), body_of(account_sas()), body_of([sas_read()])


def refused_rig() -> Rig:
    """A service whose table does not know the rows' columns yet."""
    rig = Rig()
    rig.tables.refuses = lambda row: True
    rig.service.deliver(delivery(*HOSTILE, body_of(disk_access(7, failure=Failure()))))
    return rig


def test_refused_rows_wait_in_the_outbox_and_are_delivered_by_severity() -> None:
    rig = refused_rig()
    assert not rig.tables.rows["GrantWatchFindings_CL"]
    rig.tables.refuses = lambda row: False
    rig.clock.advance(timedelta(minutes=10))

    drained = rig.service.drain()

    rows = rig.tables.rows["GrantWatchFindings_CL"]
    severities = [row["Severity"] for row in rows]
    assert severities == sorted(severities, key=["High", "Medium", "Low", "Informational"].index)
    assert len(set(severities)) > 1
    assert (drained.delivered, drained.refused) == (len(rows) + len(rig.tables.rows["GrantWatchGrants_CL"]), 0)
    assert {row["TimeGenerated"] for row in rows} == {rig.clock.now.isoformat()}
    assert not rig.place.contents


def test_rows_that_are_refused_again_stay_behind_those_that_were_not() -> None:
    rig = refused_rig()
    for _ in range(3):
        assert rig.service.drain().delivered == 0
    rig.service.deliver(delivery(body_of(disk_access(99))))

    finding, grant, *others = (name.split("/")[1] for name in rig.place.names(OUTBOX, MANY))

    assert finding == grant == "1-Medium"
    assert set(others) == {"9-again"}
    rig.tables.refuses = lambda row: False
    rig.service.drain()
    assert len(rig.tables.rows["GrantWatchFindings_CL"]) == 5
    assert not rig.place.contents


def test_a_sink_that_is_down_leaves_the_outbox_as_it_is() -> None:
    rig = refused_rig()
    before = dict(rig.place.contents)
    rig.tables.is_down = True

    drained = rig.service.drain()

    assert drained.stopped == "the tables do not answer"
    assert rig.place.contents == before


def test_a_bundle_that_is_damaged_keeps_nobody_waiting() -> None:
    rig = refused_rig()
    rig.tables.refuses = lambda row: False
    rig.place.contents["outbox/0-High/broken.jsonl.gz"] = b"no gzip"
    for number, line in enumerate((b"[1]", b'{"table":"T","reason":"","row":5}', b"")):
        rig.place.contents[f"outbox/0-High/odd-{number}.jsonl.gz"] = gzip.compress(line)
    flipped = bytearray(gzip.compress(b'{"table":"T","reason":"","row":{}}' * 50))
    flipped[20] ^= 0xFF
    rig.place.contents["outbox/0-High/flipped.jsonl.gz"] = bytes(flipped)

    drained = rig.service.drain()

    assert drained.unreadable == 5
    assert sum(map(len, rig.tables.rows.values())) == drained.delivered > 0


def test_what_was_parked_while_a_service_was_down_is_found_by_a_replay() -> None:
    rig = Rig(patience=Patience(attempts=1))
    rig.store.is_down = True
    rig.service.deliver(delivery(*HOSTILE))
    assert not rig.detectors_found
    rig.store.is_down = False

    (replayed,) = rig.service.replay(10).bundles

    assert (replayed.items, replayed.parked, replayed.published) == (3, 0, 3)
    assert rig.detectors_found == ["account_sas_issued", "disk_access_granted", "sas_used_externally"]
    assert not rig.place.contents


def test_a_replay_of_a_masked_body_finds_the_same() -> None:
    quiet, rig = Rig(), Rig(patience=Patience(attempts=1))
    quiet.service.deliver(delivery(*HOSTILE))
    rig.store.is_down = True
    rig.service.deliver(delivery(*HOSTILE))
    rig.store.is_down = False
    rig.service.replay(10)

    def found(which: Rig) -> list[str]:
        return sorted(json.dumps(row) for row in which.tables.rows["GrantWatchFindings_CL"])

    assert found(rig) == found(quiet)


def test_what_still_cannot_be_read_stays_as_it_was() -> None:
    rig = Rig()
    rig.service.deliver(delivery(b"{broken", b"[1, 2]"))
    before, metadata = dict(rig.place.contents), dict(rig.place.metadata)

    replayed = rig.service.replay(10).bundles

    assert sum(each.parked for each in replayed) == sum(each.items for each in replayed) > 0
    assert (rig.place.contents, rig.place.metadata) == (before, metadata)


def test_of_a_mended_detector_a_replay_shows_what_it_failed_on() -> None:
    rig = Rig(catalogue=[BROKEN])
    rig.service.deliver(delivery(*HOSTILE))
    mended = Rig(catalogue=CATALOGUE, store=rig.store, place=rig.place)

    (replayed,) = mended.service.replay(10).bundles

    assert (replayed.parked, replayed.published) == (0, 1)
    assert mended.detectors_found == ["disk_access_granted"]
    assert not rig.place.contents


def test_sound_bodies_are_replayed_before_those_that_nobody_could_read() -> None:
    rig = Rig(patience=Patience(attempts=1))
    for number in range(20):
        rig.service.deliver(delivery(b"{broken %d" % number))
    rig.store.is_down = True
    rig.service.deliver(delivery(*HOSTILE))
    rig.store.is_down = False

    (replayed,) = rig.service.replay(1).bundles

    assert (replayed.items, replayed.published) == (3, 3)


def test_what_stays_parked_keeps_where_it_came_from() -> None:
    rig = Rig(patience=Patience(attempts=1))
    rig.store.is_down = True
    rig.service.deliver(delivery(HOSTILE[0], body_of(disk_access()[:1]) + b"{broken"))
    rig.store.is_down = False
    rig.service.replay(10)

    assert [item.origin for item in rig.parked] == ["activity_log/3/101"]


def test_a_replay_stops_at_a_service_that_is_down() -> None:
    rig = Rig(patience=Patience(attempts=1))
    rig.store.is_down = True
    rig.service.deliver(delivery(*HOSTILE))
    before = dict(rig.place.contents)

    replay = rig.service.replay(10)

    assert (replay.stopped, replay.bundles) == ("state does not answer", [])
    assert rig.place.contents == before


def test_a_replay_that_is_stopped_tells_what_it_did_before() -> None:
    rig = Rig(patience=Patience(attempts=1))
    rig.store.is_down = True
    for number in range(3):
        rig.service.deliver(delivery(body_of(disk_access(number, failure=Failure()))))
    rig.store.is_down = False

    def last(_: bytes) -> bool:
        rig.tables.is_down = True
        return False

    rig.tables.refuses = last
    replay = rig.service.replay(10)

    assert replay.stopped == "the tables do not answer"
    assert [(each.items, each.parked, each.published) for each in replay.bundles] == [(1, 0, 1)]
    assert len(rig.place.contents) == 2


def test_a_replay_is_stopped_by_a_parking_place_that_is_down() -> None:
    rig = Rig()
    rig.place.is_down = True

    assert rig.service.replay(10).stopped == "the parking place does not answer"


@pytest.mark.parametrize(
    "broken", [b"", b"no gzip", *(gzip.compress(each, mtime=0) for each in (b"{}\n", b"\xff\n", b"1"))]
)
def test_a_bundle_that_cannot_be_read_is_named(broken: bytes) -> None:
    rig = Rig()
    rig.place.contents["deadletter/odd.jsonl.gz"] = broken

    (replayed,) = rig.service.replay(10).bundles

    assert replayed.bundle == "deadletter/odd.jsonl.gz"
    assert replayed.fault is not None
    assert rig.place.contents
