"""What calls tell of volumes and machines: taken back when they turn out otherwise, kept where there is much, cheap."""

import json
from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.memory.thinning import Place, Placed, thinned
from grantwatch.model.actor import Actor
from grantwatch.model.finding import Finding
from grantwatch.model.severity import Severity
from grantwatch.model.traces import Deed, Touch
from grantwatch.ports import Found, Row, RowKey
from grantwatch.settings import Settings
from tests.machines import (
    ABROAD,
    COPY,
    DEFINITION,
    IMAGE,
    MACHINE,
    SNAPSHOT,
    SOURCE,
    VERSION,
    attached,
    call,
    compute,
    disk,
    made_from,
    snapshot,
)
from tests.memory.faults import OutageError
from tests.memory.life import Clock
from tests.strategies import stable
from tests.world import NOON, OWNER, STRANGER, SUBSCRIPTION, body_of, content_of
from tools.azure_records import Failure, Record, Subscription

Batches = Sequence[Sequence[Record]]


class CountingStore(MemoryStore):
    """Counts operations and round trips."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.trips = 0

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        self._count(len(insert) + len(read) + len(scan))
        return super().exchange(insert=insert, read=read, scan=scan)

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self._count(len(rows))
        return super().swap(rows)

    def _count(self, operations: int) -> None:
        self.operations += operations
        self.trips += 1


class TornStore(MemoryStore):
    """The first swap of rows with a mark stores what it can but for those, which others win, and nobody answers it."""

    def __init__(self, mark: bytes) -> None:
        super().__init__()
        self.mark = mark
        self.is_torn = False

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        if self.is_torn or not any(self.mark in row.content for row in rows):
            return super().swap(rows)
        self.is_torn = True
        super().swap([row for row in rows if self.mark not in row.content])
        raise OutageError("swap")


class Told:
    """An engine that is given batch after batch."""

    def __init__(self, *batches: Sequence[Record], tenant: str = OWNER.id) -> None:
        self.store, self.sink = CountingStore(), MemorySink()
        settings = Settings(owner_tenant_id=tenant)
        self._engine = local.engine(
            store=self.store, sink=self.sink, parking=MemoryParking(), settings=settings, clock=Clock()
        )
        self.tell(*batches)

    def tell(self, *batches: Sequence[Record]) -> tuple[int, int]:
        """What that costs in operations and in round trips."""
        before = self.store.operations, self.store.trips
        for batch in batches:
            self._engine.process([body_of(batch)])
        return self.store.operations - before[0], self.store.trips - before[1]

    @property
    def findings(self) -> list[Finding]:
        return [each for each in self.sink.current() if each.Detector == "snapshot_to_instance"]

    @property
    def sources(self) -> list[Any]:
        return [each.Evidence.get("Source") for each in self.findings]


def again(severity: Failure | None, hours: float) -> dict[str, list[Record]]:
    """Calls under the correlation id of the theft."""
    more: dict[str, Any] = {"failure": severity, "correlation_id": "run"}
    return {
        "snapshot": snapshot(hours, **more),
        "disk": disk(hours, **more),
        "attach": attached(hours, **more),
    }


@pytest.mark.parametrize("repeated", ["snapshot", "disk", "attach"])
@pytest.mark.parametrize("failure", [None, Failure(), Failure(authorized=True)], ids=["succeeds", "denied", "fails"])
@pytest.mark.parametrize("hours", [2.5, 98])
def test_what_is_tried_again_under_one_correlation_id_hides_nothing(
    repeated: str, failure: Failure | None, hours: float
) -> None:
    theft = [snapshot(correlation_id="run"), disk(correlation_id="run"), attached(correlation_id="run")]
    more = again(failure, hours)[repeated]

    for batches in ([*theft, more], [more, *theft], [[record for told in (*theft, more) for record in told]]):
        assert Told(*batches).sources == [SOURCE]


def _profile(**profile: Any) -> dict[str, Any]:
    return {"location": "westeurope", "properties": {"storageProfile": profile}}


def _broken_off(records: list[Record]) -> list[Record]:
    return [*records[:-1], records[-1] | {"resultType": "Failure", "resultSignature": "Failed.Conflict"}]


_SUNDAY = 131.9997  # 23:59:59 of that week
_LATE: dict[str, Any] = {"accepted": True, "lasting": timedelta(minutes=10)}
_ATTACHED: dict[str, Any] = {
    "request": {"dataDisksToAttach": [{"diskId": COPY, "lun": 1}]},
    "response": {"dataDisks": [{"managedDisk": {"id": SOURCE}}, {"managedDisk": {"id": COPY}}]},
}
_FROM_IMAGE = _profile(imageReference={"id": DEFINITION})
TURNS: dict[str, tuple[Batches, list[Record], list[str]]] = {
    "a tag of a disk that was copied long ago": (
        [attached()],
        call("disks/write", COPY, 1, request={"tags": {"a": "b"}}, response=made_from(SNAPSHOT)),
        [],
    ),
    "a machine that was changed, whose image has a new version": (
        [call("galleries/images/versions/write", VERSION, request=_profile(osDiskImage={"source": {"id": SNAPSHOT}}))],
        call("virtualMachines/write", MACHINE, 2, request=_FROM_IMAGE, response=_FROM_IMAGE, accepted=True),
        [],
    ),
    "a copy that is made across the end of a week": (
        [snapshot(_SUNDAY - 1), attached(_SUNDAY + 1)],
        disk(_SUNDAY, **_LATE),
        [SOURCE],
    ),
    "a copy that fails across the end of a week": (
        [snapshot(_SUNDAY - 1), attached(_SUNDAY + 1)],
        _broken_off(disk(_SUNDAY, **_LATE)),
        [],
    ),
    "a disk is attached to a machine with others": (
        [snapshot(), disk()],
        call("virtualMachines/attachDetachDataDisks/action", MACHINE, 2, **_ATTACHED),
        [SOURCE],
    ),
}


@pytest.mark.parametrize(("before", "turning", "sources"), TURNS.values(), ids=list(TURNS))
def test_what_turns_out_otherwise_is_taken_back(before: Batches, turning: list[Record], sources: list[str]) -> None:
    orders = [[*before, *([each] for each in order)] for order in permutations(turning)]
    orders += [order[len(before) :] + order[: len(before)] for order in orders] + [[*before, turning]]
    found = [Told(*order) for order in orders]

    assert [each.sources for each in found] == [sources] * len(orders)
    contents = [content_of(each.findings) for each in found]
    assert contents == contents[:1] * len(contents)


def test_what_was_told_by_a_swap_that_was_torn_is_taken_back() -> None:
    before, (started, ended), _ = TURNS["a tag of a disk that was copied long ago"]
    store, sink = TornStore(b'"told"'), MemorySink()

    def engine() -> Engine:
        settings = Settings(owner_tenant_id=OWNER.id)
        return local.engine(store=store, sink=sink, parking=MemoryParking(), settings=settings, clock=Clock())

    with pytest.raises(OutageError):
        engine().process([body_of([ended])])
    engine().process([body_of([started])])
    engine().process([body_of([ended])])
    engine().process([body_of(before[0])])

    assert not [each for each in sink.current() if each.Detector == "snapshot_to_instance"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_only_seemed_to_have_reached_a_machine_counts_in_no_course(order: Sequence[int]) -> None:
    """While it is not known yet what the snapshot is of, the machine seems to have got something new."""
    store, calls = MemoryStore(), [snapshot(), disk(), attached(2, SOURCE, COPY)]
    engine = local.engine(store=store, settings=Settings(owner_tenant_id=OWNER.id))
    engine.process([body_of(attached(-24, SOURCE))])
    engine.process([body_of(calls[number]) for number in order])

    assert _counted(store) == {"snapshot_created"}


def test_a_way_that_was_told_by_a_swap_that_was_torn_and_is_none_counts_in_no_course() -> None:
    store = TornStore(b'"findings":{"snapshot_to_instance"')

    def engine() -> Engine:
        return local.engine(store=store, settings=Settings(owner_tenant_id=OWNER.id), clock=Clock())

    calls = [body_of(each) for each in (snapshot(), disk(), attached(2, COPY))]
    with pytest.raises(OutageError):
        engine().process(calls)
    engine().process([body_of(attached(-24, SOURCE))])
    engine().process(calls)

    assert _counted(store) == {"snapshot_created"}


def test_a_later_call_that_was_told_by_a_swap_that_was_torn_counts_where_an_earlier_one_does_alone() -> None:
    """They share a key, and so a finding, which is of the first."""
    store = TornStore(b'"phases":{"')
    first, second = (snapshot(hours, correlation_id="run") for hours in (0, 71))

    def engine() -> Engine:
        return local.engine(store=store, settings=Settings(owner_tenant_id=OWNER.id), clock=Clock())

    with pytest.raises(OutageError):
        engine().process([body_of(second)])
    for told in (first, second):
        engine().process([body_of(told)])

    assert {step["at"][:10] for step in _steps(store)} == {f"{NOON:%Y-%m-%d}"}


def _counted(store: MemoryStore) -> set[str]:
    """The detectors of steps that hold in any course."""
    return {step["detector"] for step in _steps(store)}


def _steps(store: MemoryStore) -> list[dict[str, Any]]:
    """Those that hold in any course."""
    entities = [json.loads(row.content) for row in store.rows() if row.name == "entity"]
    steps = [note["step"] for entity in entities for note in entity.get("notes", {}).values() if "step" in note]
    return [step for step in steps if not step.get("void")]


def test_a_machine_that_has_long_had_its_interface_is_opened_by_a_public_address() -> None:
    interface = SUBSCRIPTION.resource("net", "Microsoft.Network/networkInterfaces", "jump-nic")
    has = {"properties": {"networkProfile": {"networkInterfaces": [{"id": interface}]}}}
    public = {"properties": {"ipConfigurations": [{"properties": {"publicIPAddress": {"id": "/address"}}}]}}
    opened = call("Microsoft.Network/networkInterfaces/write", interface, 5, request=public)
    told = Told(call("virtualMachines/write", MACHINE, -999, request=has), snapshot(), disk(), attached(), opened)

    assert [each.Severity for each in told.findings] == [Severity.HIGH]


def test_a_change_of_a_machine_is_not_taken_for_its_making_while_it_lasts() -> None:
    before, changed, _ = TURNS["a machine that was changed, whose image has a new version"]

    assert not Told(*before, changed[:2]).sink.findings


def _weekly(disks: int, weeks: int) -> list[list[Record]]:
    own = [compute("disks", f"own{number}") for number in range(disks)]
    return [attached(-168 * (weeks - week) - 0.5, *own) for week in range(weeks)]


@pytest.mark.parametrize(("disks", "weeks"), [(63, 5), (16, 17), (4, 62)])
def test_a_machine_that_is_written_all_the_time_is_not_blind(disks: int, weeks: int) -> None:
    asked = {"dataDisksToAttach": [{"diskId": COPY}]}
    theft = [snapshot(), disk(), call("virtualMachines/attachDetachDataDisks/action", MACHINE, 2, request=asked)]

    assert Told(*_weekly(disks, weeks), *theft).sources == [SOURCE]


@pytest.mark.parametrize("nights", [254, 300])
def test_nightly_snapshots_hide_no_source(nights: int) -> None:
    nightly = [
        call("snapshots/write", compute("snapshots", f"night{each}"), -24 * each - 3, request=made_from(SOURCE))
        for each in range(nights, 0, -1)
    ]

    assert Told(*nightly, snapshot(), disk(), attached()).sources == [SOURCE]


def _servers(number: int) -> list[list[Record]]:
    body = _profile(imageReference={"id": VERSION})
    return [
        call("virtualMachines/write", compute("virtualMachines", f"web{each}"), 3, request=body, status="Created")
        for each in range(number)
    ]


_PIPELINE = [
    call("images/write", IMAGE, request=_profile(osDisk={"snapshot": {"id": SNAPSHOT}})),
    call("galleries/images/versions/write", VERSION, 1, request=_profile(source={"id": IMAGE})),
]


@pytest.mark.parametrize("at_once", [False, True])
def test_each_of_300_machines_of_one_image_is_found(at_once: bool) -> None:
    servers = _servers(300)
    batches = [*_PIPELINE, [record for told in servers for record in told]] if at_once else [*_PIPELINE, *servers]

    assert Told(*batches).sources == [SNAPSHOT] * 300


def test_a_machine_that_is_written_every_day_is_silent() -> None:
    own = [compute("disks", f"own{number}") for number in range(63)]

    assert not Told(*(attached(24 * day, *own) for day in range(8))).findings


def test_a_machine_with_more_disks_than_are_kept_is_not_silent() -> None:
    disks = [compute("disks", f"own{number}") for number in range(256)]

    (finding,) = Told(*(attached(number, *disks[4 * number : 4 * number + 4]) for number in range(64))).findings

    assert finding.Severity is Severity.LOW
    assert "than is kept" in finding.Summary


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (
            [snapshot()],
            [call("disks/write", compute("disks", f"d{n}"), 1, request=made_from(SNAPSHOT)) for n in range(99)],
        ),
        ([], [call("snapshots/write", compute("snapshots", f"n{n}"), n, request=made_from(SOURCE)) for n in range(99)]),
        (_PIPELINE, _servers(99)),
    ],
    ids=["disks of a snapshot", "snapshots of a disk", "machines of an image"],
)
def test_a_copy_costs_the_same_however_many_there_are(before: Batches, told: Batches) -> None:
    engine = Told(*before)
    costs = [engine.tell(each) for each in told]

    assert max(costs[50:]) <= max(costs[1:50])
    assert max(costs)[0] <= 25


def test_a_copy_that_is_written_again_is_not_told_to_all_who_came_from_it_long_ago() -> None:
    engine = Told(snapshot())
    engine.tell(*(call("disks/write", compute("disks", f"d{n}"), 1, request=made_from(SNAPSHOT)) for n in range(99)))

    operations, trips = engine.tell(snapshot(99))

    assert operations < 99
    assert trips <= 4


_COPY_ABROAD = compute("disks", "payroll-copy", ABROAD)
_MACHINE_ABROAD = compute("virtualMachines", "jump", ABROAD)
_TO_ANOTHER_TENANT = (
    snapshot(),
    call("disks/write", _COPY_ABROAD, 1, subscription=ABROAD, request=made_from(SNAPSHOT)),
    attached(2, _COPY_ABROAD, machine=_MACHINE_ABROAD, subscription=ABROAD),
)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_copy_is_followed_into_another_tenant_which_owns_the_machine(order: Sequence[int]) -> None:
    told = Told(*(_TO_ANOTHER_TENANT[each] for each in order))

    (found,) = told.findings
    assert found.Evidence["Source"] == SOURCE
    assert found.Evidence["Tenants"] == [OWNER.id, STRANGER.id]
    assert found.OwnerTenantId == STRANGER.id


def _prepared(subscription: Subscription, machine: str) -> Batches:
    """The log of a machine is switched off, and another snapshot taken: what else there is in a campaign."""
    setting = f"{machine}/providers/Microsoft.Insights/diagnosticSettings/to-the-hub"
    other = compute("snapshots", "more", subscription)
    return (
        call("Microsoft.Insights/diagnosticSettings/delete", setting, -2, subscription=subscription),
        call("snapshots/write", other, -1, subscription=subscription, request=made_from(SOURCE)),
    )


def _campaigns(told: Told) -> list[Finding]:
    return [each for each in told.sink.current() if each.Detector == "exfiltration_campaign"]


def test_a_copy_from_another_tenant_counts_in_a_campaign_of_the_machines_owner() -> None:
    told = Told(*_prepared(ABROAD, _MACHINE_ABROAD), *_TO_ANOTHER_TENANT)

    (copied,), (campaign,) = told.findings, _campaigns(told)
    assert campaign.OwnerTenantId == STRANGER.id
    assert copied.FindingId in campaign.RelatedFindingIds


def test_a_finding_leaves_the_campaign_of_a_tenant_that_turns_out_not_to_own_the_machine() -> None:
    told = Told(*_prepared(SUBSCRIPTION, MACHINE), snapshot(), disk(), attached())
    assert [each.OwnerTenantId for each in _campaigns(told)] == [OWNER.id]

    told.tell(attached(5, subscription=ABROAD))

    assert [each.OwnerTenantId for each in told.findings] == [STRANGER.id]
    assert not _campaigns(told)


def test_a_copy_is_followed_where_nobody_said_which_tenant_it_is_of() -> None:
    unknown: dict[str, Any] = {"tenantId": None}
    theft = [[record | unknown for record in told] for told in (snapshot(), disk(), attached())]
    for told in theft:
        for record in told:
            record["properties"] = {**record["properties"], "hierarchy": None}

    (found,) = Told(*theft, tenant="").findings
    assert found.OwnerTenantId is None
    assert found.Severity is Severity.MEDIUM


def _group_deleted(group: str, **more: Any) -> list[Record]:
    name = "Microsoft.Resources/subscriptions/resourceGroups/delete"
    return call(name, f"{SUBSCRIPTION.scope}/resourceGroups/{group}", 5, **more)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_copy_that_is_deleted_with_its_group_was_cleaned_away(order: Sequence[int]) -> None:
    kept = SUBSCRIPTION.resource("tools", "Microsoft.Compute/virtualMachines", "jump")
    calls = (snapshot(), disk(), attached(machine=kept), _group_deleted("servers"))
    told = Told(*(calls[each] for each in order))

    assert [each.Severity for each in told.findings] == [Severity.HIGH]
    assert [each for each in told.findings[0].Evidence["Meanwhile"] if "Deleted on servers" in each]


@pytest.mark.parametrize(
    ("group", "more"),
    [("elsewhere", {}), ("servers", {"failure": Failure(authorized=True)})],
    ids=["another group", "refused"],
)
def test_a_group_that_is_another_or_stays_hides_nothing(group: str, more: dict[str, Any]) -> None:
    told = Told(snapshot(), disk(), attached(), _group_deleted(group, **more))

    assert [each.Severity for each in told.findings] == [Severity.MEDIUM]


_touches = st.builds(
    Touch,
    node=st.just(MACHINE),
    what=st.sampled_from(list(Deed)[:3]),
    at=st.integers(0, 30).map(lambda number: NOON + number * timedelta(hours=5)),
    actor=st.just(Actor(id="someone")),
    operation=st.just("y"),
    holds=st.booleans(),
)


@st.composite
def _placed(draw: st.DrawFn) -> dict[str, Placed]:
    touches = draw(st.lists(_touches, max_size=40))
    named = {f"{touch.what}-{number}": touch for number, touch in enumerate(touches)}
    return {name: (name, draw(st.sampled_from(list(Place))), touch) for name, touch in named.items()}


@stable(200)
@given(_placed(), st.randoms(use_true_random=False))
def test_thinning_is_the_same_whatever_was_thinned_before(traces: dict[str, Placed], random: Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grantwatch.memory.thinning.MOST_TRACES", 7)
        whole = thinned(traces.values())
        held: set[str] = set()
        for name in random.sample(sorted(traces), len(traces)):
            held = thinned(traces[each] for each in {*held, name})

    assert held == whole
    for place in Place:
        assert len([name for name in held if traces[name][1] is place]) <= 7
