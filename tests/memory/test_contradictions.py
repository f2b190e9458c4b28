"""Facts that contradict each other, and far too many of them, stay bounded and come out the same in any order."""

import time
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.model.finding import Finding
from grantwatch.settings import Settings
from tests.machines import COPY, MACHINE, SNAPSHOT, attached, call, compute, made_from, snapshot
from tests.memory.life import Clock
from tests.world import (
    ADMIN,
    DISK,
    END,
    NOON,
    OWNER,
    SUBSCRIPTION,
    body_of,
    content_of,
    disk_access,
    sas_read,
)
from tools.azure_records import Account, Record, activity_call, timestamp

LARGEST_ROW = 512 * 1024
"""Half of what Table Storage takes."""
_AT_ONCE = 250
_MILLION = timedelta(seconds=1_000_000)


class Told:
    """What came of some records, in the store and in the table."""

    def __init__(self, records: Sequence[Record], *, at_once: int = _AT_ONCE) -> None:
        store, sink = MemoryStore(), MemorySink()
        settings = Settings(owner_tenant_id=OWNER.id)
        engine = local.engine(store=store, sink=sink, parking=MemoryParking(), settings=settings, clock=Clock())
        began = time.process_time()
        for start in range(0, len(records), at_once):
            engine.process([body_of(records[start : start + at_once])])
        engine.sweep()
        self.seconds = time.process_time() - began
        self.rows = store.rows()
        self.largest = max(len(row.content) for row in self.rows)
        self.findings = sink.current()
        self.revisions = len(sink.findings)

    def of(self, detector: str) -> list[Finding]:
        return [each for each in self.findings if each.Detector == detector]


def told(records: Sequence[Record], *, at_once: int = _AT_ONCE) -> Told:
    """In order, and in two others, with the same result and with rows that are no larger than they may be."""
    orders = [list(records), list(reversed(records)), Random(1).sample(list(records), len(records))]
    first, *others = (Told(order, at_once=at_once) for order in orders)
    for other in others:
        assert content_of(other.findings) == content_of(first.findings)
    assert max(each.largest for each in (first, *others)) <= LARGEST_ROW
    return first


def _ended(number: int, at: Any) -> list[Record]:
    return activity_call(Random(number), ADMIN, SUBSCRIPTION, END, DISK, at, accepted=True)


def test_a_grant_that_is_closed_before_it_opens_is_open() -> None:
    found = told([*_ended(1, NOON - timedelta(hours=1)), *disk_access(2)], at_once=1)
    (finding,) = [each for each in found.of("disk_access_granted") if each.GrantId]

    assert finding.GrantStatus == "Open"
    assert finding.GrantClosedAt is None


def test_a_grant_that_is_closed_when_it_opens_has_no_negative_life() -> None:
    opened = disk_access(1)
    closed = [record | {"time": opened[-1]["time"]} for record in _ended(2, NOON)]

    found = told([*opened, *closed], at_once=1)
    (finding,) = [each for each in found.of("disk_access_granted") if each.GrantId]

    assert finding.GrantOpenedAt is not None
    assert finding.GrantClosedAt is None or finding.GrantClosedAt >= finding.GrantOpenedAt


@pytest.mark.parametrize("seconds", [0, -60, 10**18])
def test_a_grant_that_expires_in_the_past_or_never_is_told_all_the_same(seconds: int) -> None:
    records = disk_access(1, request={"access": "Read", "durationInSeconds": seconds})

    (finding,) = told(records, at_once=1).findings

    assert finding.Detector == "disk_access_granted"


def test_a_sas_that_was_used_after_it_expired_is_told_all_the_same() -> None:
    used = sas_read(1) | {"time": timestamp(NOON + timedelta(days=60))}

    assert told([used, sas_read(2)], at_once=1).of("sas_used_externally")


def test_copies_in_a_circle_are_walked_in_the_end() -> None:
    disks = [compute("disks", f"d{number}") for number in range(8)]
    circle = [
        call("disks/write", target, number / 8, request=made_from(source))
        for number, (source, target) in enumerate(zip(disks, [*disks[1:], disks[0]], strict=True))
    ]
    records = [record for each in (*circle, attached(3, disks[0])) for record in each]

    found = told(records, at_once=3)

    assert len(found.of("snapshot_to_instance")) == 1
    assert len(found.rows) < 8 * len(records)


def test_a_disk_that_is_a_copy_of_itself_is_no_path() -> None:
    records = [*call("disks/write", COPY, 1, request=made_from(COPY)), *attached(2)]

    assert not told(records, at_once=1).of("snapshot_to_instance")


def test_a_machine_with_64_disks_that_are_all_copies_is_one_finding() -> None:
    disks = [compute("disks", f"copy-{number}") for number in range(64)]
    copies = [record for each in disks for record in call("disks/write", each, 1, request=made_from(SNAPSHOT))]
    records = [*snapshot(), *copies, *attached(2, *disks)]

    found = told(records)

    assert len(found.of("snapshot_to_instance")) == 1
    assert len(found.rows) < 4 * len(records)


def test_300_copies_under_one_correlation_id_reach_their_machine() -> None:
    many = [
        record
        for number in range(300)
        for record in call("disks/write", COPY, number / 100, request=made_from(SNAPSHOT), correlation_id="run")
    ]

    found = told([*snapshot(), *many, *attached(4)])

    assert [each.TargetResourceId for each in found.of("snapshot_to_instance")] == [MACHINE]
    assert len(found.rows) < 64


def test_300_disks_of_one_snapshot_hide_none_that_is_mounted() -> None:
    """How far back the path is told depends on the order, once a volume has more copies than are kept."""
    disks = [compute("disks", f"copy-{number}") for number in range(300)]
    many = [
        record
        for number, disk in enumerate(disks)
        for record in call("disks/write", disk, number / 100, request=made_from(SNAPSHOT), correlation_id="run")
    ]
    records = [*snapshot(), *many, *attached(4, disks[299])]

    for order in (records, records[::-1], Random(1).sample(records, len(records))):
        found = Told(order)
        assert [each.TargetResourceId for each in found.of("snapshot_to_instance")] == [MACHINE]
        assert found.largest <= LARGEST_ROW


def _addresses(number: int) -> list[Record]:
    return [sas_read(1, address=f"203.{each // 256}.{each % 256}.7") for each in range(number)]


def test_a_signature_that_is_used_from_ten_thousand_networks_stays_small() -> None:
    few, many = Told(_addresses(1_000)), Told(_addresses(10_000))

    assert len(many.rows) == len(few.rows)
    assert many.largest <= LARGEST_ROW
    assert many.revisions <= few.revisions + 64
    assert many.seconds <= 20 * few.seconds + 1
    shuffled = Random(1).sample(_addresses(10_000), 10_000)
    assert content_of(Told(shuffled).findings) == content_of(many.findings)


def _shifted(records: Sequence[Record], *shifts: timedelta) -> list[Record]:
    return [record | {"time": timestamp(NOON + shift)} for record, shift in zip(records, shifts, strict=True)]


@pytest.mark.parametrize("late", [timedelta(minutes=29), _MILLION, 2 * _MILLION])
def test_a_call_that_succeeds_before_it_starts_is_one_call(late: timedelta) -> None:
    start, success = disk_access(1, accepted=False)

    (finding,) = told(_shifted([start, success], late, timedelta()), at_once=1).findings

    assert finding.Outcome == "Succeeded"
    assert finding.Evidence["AccessLevel"] == "Read"


def test_clocks_that_differ_by_two_million_seconds_change_nothing_but_times() -> None:
    opened, closed = disk_access(1, accepted=False), _ended(2, NOON)
    records = [*_shifted(opened, -_MILLION, _MILLION), *_shifted(closed, _MILLION, -_MILLION, _MILLION)]

    assert told(records, at_once=1).of("disk_access_granted")


def _readings(number: int) -> list[Record]:
    """Of the keys of so many accounts, by one actor, within the hour."""
    return [
        activity_call(
            Random(each),
            ADMIN,
            SUBSCRIPTION,
            "Microsoft.Storage/storageAccounts/listKeys/action",
            Account(f"account{each}", SUBSCRIPTION, "data").resource_id,
            NOON + timedelta(hours=1) * each / number,
        )[-1]
        for each in range(number)
    ]


def test_an_actor_with_ten_thousand_findings_in_an_hour_costs_in_proportion() -> None:
    few, many = Told(_readings(1_000)), Told(_readings(10_000))

    assert len(many.of("account_keys_read")) == 10_000
    assert len(many.rows) <= 11 * len(few.rows)
    assert many.largest <= LARGEST_ROW
    assert many.seconds <= 20 * few.seconds


def test_an_account_whose_keys_are_read_all_the_time_hides_no_others() -> None:
    one = _readings(1)
    noise = [{**one[0], "time": timestamp(NOON + number * timedelta(seconds=1))} for number in range(300)]
    again = [{**record, "correlationId": f"again {number}"} for number, record in enumerate(noise)]

    burst = told([*again, *_readings(60)]).of("account_keys_read_in_bulk")

    assert [finding.Evidence["Accounts"] for finding in burst] == [60]


def test_of_too_many_findings_of_an_actor_the_order_does_not_matter() -> None:
    told(_readings(400), at_once=40)
