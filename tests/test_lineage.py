"""AN1187: on which ways copied data reaches a machine, and what is made of that."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.snapshot_to_instance import snapshot_to_instance
from grantwatch.detection.match import Match
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.lineage import Lineage
from grantwatch.model.paths import LATENESS, Path, paths_to
from grantwatch.model.resource import folded_id, resource_of
from grantwatch.model.severity import Severity
from grantwatch.model.traces import ATTACHMENTS, COPIES, Deed, Edge, Link, Touch, Trace, is_machine
from tests.machines import (
    ABROAD,
    BLOB,
    COPY,
    DEFINITION,
    ELSEWHERE,
    GROUP,
    IMAGE,
    MACHINE,
    OTHER,
    POINT,
    SCALE_SET,
    SNAPSHOT,
    SOURCE,
    VERSION,
    WINDOW,
    attached,
    call,
    compute,
    disk,
    lineage,
    made_from,
    snapshot,
    traces,
    with_disks,
)
from tests.strategies import stable
from tests.world import NOON, OWNER, STRANGER, SUBSCRIPTION
from tools.azure_records import (
    BACKUP_MANAGEMENT_SERVICE,
    Caller,
    CallerKind,
    Failure,
    Record,
    Role,
)

COLLECTION = POINT.rpartition("/restorePoints")[0]
INTERFACE = SUBSCRIPTION.resource("net", "Microsoft.Network/networkInterfaces", "jump-nic")
ADDRESS = SUBSCRIPTION.resource("net", "Microsoft.Network/publicIPAddresses", "jump-ip")
SHARED = f"/SharedGalleries/{SUBSCRIPTION.id}-SHARED/Images/server/Versions/latest"
EVE = Caller(CallerKind.USER, "Eve Other", OWNER, "198.51.100.9", Role.CONTRIBUTOR)
BACKUP = Caller(
    CallerKind.PLATFORM_SERVICE,
    "Backup Management Service",
    OWNER,
    "",
    Role.BACKUP_CONTRIBUTOR,
    BACKUP_MANAGEMENT_SERVICE,
)
BUILDER = Caller(CallerKind.MANAGED_IDENTITY, "image-builder", OWNER, "", Role.CONTRIBUTOR)
DEPLOYER = Caller(CallerKind.SERVICE_PRINCIPAL, "deployer", OWNER, "", Role.CONTRIBUTOR)
THEFT = (snapshot(), disk(), attached())


def copied_by_machine(option: str, source: str, hours: float = 2) -> list[Record]:
    data = [{"lun": 0, "createOption": option, "sourceResource": {"id": source}}]
    body = {"properties": {"storageProfile": {"dataDisks": data}}}
    return call("virtualMachines/write", MACHINE, hours, request=body)


def from_image(image: str, machine: str = MACHINE, kind: str = "virtualMachines", hours: float = 4) -> list[Record]:
    profile: dict[str, Any] = {"storageProfile": {"imageReference": {"id": image}}}
    properties = profile if kind == "virtualMachines" else {"virtualMachineProfile": profile}
    return call(f"{kind}/write", machine, hours, request={"properties": properties}, status="Created")


def version_of(source: str) -> list[Record]:
    body = {"properties": {"storageProfile": {"osDiskImage": {"source": {"id": source}}}}}
    return call("galleries/images/versions/write", VERSION, 3, request=body)


def restore_point(hours: float = 0) -> list[Record]:
    return call("restorePointCollections/restorePoints/write", POINT, hours)


def collection(machine: str, hours: float = -1) -> list[Record]:
    body = {"properties": {"source": {"id": machine}}}
    return call("restorePointCollections/write", COLLECTION, hours, request=body)


def group_deleted(hours: float, **more: Any) -> list[Record]:
    return call("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP, hours, **more)


SHORTCUTS = {
    "snapshot, disk, machine": (THEFT, MACHINE, SOURCE, "Snapshot DiskCopy Attach"),
    "the machine copies the snapshot itself": (
        (snapshot(), copied_by_machine("Copy", SNAPSHOT)),
        MACHINE,
        SOURCE,
        "Snapshot DiskCopy",
    ),
    "the machine copies the disk itself": ((copied_by_machine("Copy", SOURCE),), MACHINE, SOURCE, "DiskCopy"),
    "a disk of a disk": ((disk(source=SOURCE), attached()), MACHINE, SOURCE, "DiskCopy Attach"),
    "a snapshot of long ago": ((snapshot(-100), disk(), attached()), MACHINE, SNAPSHOT, "DiskCopy Attach"),
    "a restore point": (
        (
            collection(OTHER),
            restore_point(),
            disk(source=f"{POINT}/diskRestorePoints/x", option="Restore"),
            attached(),
        ),
        MACHINE,
        OTHER,
        "RestoreSource RestorePoint Restore Attach",
    ),
    "a restore point that the machine restores itself": (
        (restore_point(), copied_by_machine("Restore", f"{POINT}/diskRestorePoints/x")),
        MACHINE,
        COLLECTION,
        "RestorePoint Restore",
    ),
    "an exported disk": ((disk(source=f"{BLOB}?sig=x", option="Import"), attached()), MACHINE, BLOB, "Import Attach"),
    "an image": (
        (
            snapshot(),
            call(
                "images/write",
                IMAGE,
                1,
                request={"properties": {"storageProfile": {"osDisk": {"snapshot": {"id": SNAPSHOT}}}}},
            ),
            from_image(IMAGE),
        ),
        MACHINE,
        SOURCE,
        "Snapshot Image FromImage",
    ),
    "an image version on a scale set": (
        (snapshot(), version_of(SNAPSHOT), from_image(VERSION, SCALE_SET, "virtualMachineScaleSets")),
        SCALE_SET,
        SOURCE,
        "Snapshot GalleryVersion FromImage",
    ),
    "the latest image version": (
        (snapshot(), version_of(SNAPSHOT), from_image(DEFINITION)),
        MACHINE,
        SOURCE,
        "Snapshot GalleryVersion LatestVersion FromImage",
    ),
    "an image that is shared with other subscriptions": (
        (
            snapshot(),
            version_of(SNAPSHOT),
            call(
                "virtualMachines/write",
                MACHINE,
                4,
                request={"properties": {"storageProfile": {"imageReference": {"sharedGalleryImageId": SHARED}}}},
                status="Created",
            ),
        ),
        MACHINE,
        SOURCE,
        "Snapshot GalleryVersion LatestVersion FromImage",
    ),
    "a disk of a shared image": (
        (
            snapshot(),
            version_of(SNAPSHOT),
            call(
                "disks/write",
                COPY,
                4,
                request={"properties": {"creationData": {"galleryImageReference": {"sharedGalleryImageId": SHARED}}}},
            ),
            attached(5),
        ),
        MACHINE,
        SOURCE,
        "Snapshot GalleryVersion LatestVersion FromImage Attach",
    ),
    "a swapped OS disk": (
        (snapshot(), disk(), call("virtualMachines/write", MACHINE, 2, response=with_disks(system=COPY))),
        MACHINE,
        SOURCE,
        "Snapshot DiskCopy OsDisk",
    ),
    "an attach call": (
        (
            snapshot(),
            disk(),
            call(
                "virtualMachines/attachDetachDataDisks/action",
                MACHINE,
                2,
                request={"dataDisksToAttach": [{"diskId": COPY}]},
            ),
        ),
        MACHINE,
        SOURCE,
        "Snapshot DiskCopy Attach",
    ),
    "a captured machine": (
        (
            call(
                "virtualMachines/capture/action",
                OTHER,
                response={
                    "resources": [{"properties": {"storageProfile": {"osDisk": {"image": {"uri": BLOB}}}}}],
                },
            ),
            disk(source=BLOB, option="Import"),
            attached(),
        ),
        MACHINE,
        OTHER,
        "Capture Import Attach",
    ),
    "a restore from a vault": (
        (
            call(
                "Microsoft.DataProtection/backupVaults/backupInstances/restore/action",
                SUBSCRIPTION.resource("backup", "Microsoft.DataProtection/backupVaults", "v") + "/backupInstances/i",
                1,
                request={"sourceResourceId": SOURCE, "restoreTargetInfo": {"datasourceInfo": {"resourceID": COPY}}},
            ),
            attached(),
        ),
        MACHINE,
        SOURCE,
        "VaultRestore Attach",
    ),
}


@pytest.mark.parametrize(("told", "machine", "source", "links"), SHORTCUTS.values(), ids=list(SHORTCUTS))
def test_every_way_from_a_volume_to_a_machine_is_one_path(
    told: tuple[list[Record], ...], machine: str, source: str, links: str
) -> None:
    (path,) = lineage(*told, machine=machine).paths
    assert path.source == source
    assert [edge.how.value for edge in path.edges] == links.split()
    assert path.nodes[-1] == machine


@pytest.mark.parametrize(
    ("named", "option"),
    [
        (SNAPSHOT.replace("tmp", "%74mp"), "Copy"),
        (f"https://management.azure.com{SNAPSHOT}?api-version=2024-03-02", "Import"),
        (f"https://Management.Azure.com{SNAPSHOT.replace('tmp', '%74mp').upper()}", "Copy"),
        (f"{SNAPSHOT}/", "Copy"),
        (f"{SNAPSHOT}%3Fsig%3Dsecret", "Copy"),
    ],
)
def test_however_a_source_is_spelled_the_path_goes_on_behind_it(named: str, option: str) -> None:
    (path,) = lineage(snapshot(), disk(1, named, option), attached()).paths
    assert path.source == SOURCE
    assert [edge.how.value for edge in path.edges] == ["Snapshot", "DiskCopy", "Attach"]


HARMLESS = {
    "nightly snapshots": (snapshot(-24), snapshot()),
    "a snapshot and a disk that nobody mounts": (snapshot(), disk()),
    "a disk moves to another machine": (attached(0, SOURCE, machine=OTHER), attached(2, SOURCE)),
    "a machine from an image of somebody": (from_image(IMAGE),),
    "a machine from a version that was made long ago": (version_of(SNAPSHOT), from_image(IMAGE)),
    "a machine gets back a copy of its own disk": (attached(-50, SOURCE), snapshot(), disk(), attached()),
    "of which it is known only later": (snapshot(), disk(), attached(), attached(3, SOURCE)),
    "a machine gets back its own disk from a snapshot of long ago": (
        attached(-200, SOURCE),
        snapshot(-100),
        disk(),
        attached(),
    ),
    "a machine gets back its own restore point": (
        collection(MACHINE),
        restore_point(),
        disk(source=f"{POINT}/diskRestorePoints/x", option="Restore"),
        attached(),
    ),
    "a machine is restored in place": (attached(-1, SOURCE), copied_by_machine("Copy", SOURCE)),
    "a machine gets back an image of itself and its disk": (
        attached(-200, SOURCE),
        call(
            "images/write",
            IMAGE,
            -1,
            request={
                "properties": {
                    "sourceVirtualMachine": {"id": MACHINE},
                    "storageProfile": {"osDisk": {"managedDisk": {"id": COPY}}},
                }
            },
        ),
        from_image(IMAGE),
    ),
    "a copy that was refused": (snapshot(failure=Failure()), disk(failure=Failure()), attached()),
    "a machine that was refused": (snapshot(), disk(), attached(failure=Failure())),
    "a tag that was changed long after": (disk(), attached(1 + 73)),
    "a tag on the disk that was changed long after": (disk(-100), disk(1, request=made_from(SNAPSHOT)), attached()),
}


@pytest.mark.parametrize("told", HARMLESS.values(), ids=list(HARMLESS))
def test_what_is_no_transfer_is_no_path(told: tuple[list[Record], ...]) -> None:
    assert not lineage(*told).paths


def test_only_a_machine_has_paths() -> None:
    assert lineage(*THEFT).paths
    assert not lineage(*THEFT, machine=COPY).paths


def test_a_disk_that_was_deleted_and_made_anew_is_a_new_copy() -> None:
    """A name can be prepared: made, attached and deleted long before, so that the real copy looks old."""
    prepared = (disk(-200), attached(-199), call("disks/delete", COPY, -150))
    assert lineage(*prepared, disk(), attached()).paths


def test_a_volume_of_one_s_own_under_the_same_name_hides_nothing() -> None:
    decoy = compute("disks", "decoy")
    prepared = (
        attached(-9, decoy),
        call("snapshots/write", SNAPSHOT, -8, request=made_from(decoy)),
        call("snapshots/delete", SNAPSHOT, -7),
    )
    (path,) = lineage(*prepared, *THEFT).paths
    assert path.source == SOURCE


def image_of(hours: float, **storage: Any) -> list[Record]:
    return call("images/write", IMAGE, hours, request={"properties": storage})


OF_SNAPSHOT = {"storageProfile": {"osDisk": {"snapshot": {"id": SNAPSHOT}}}}


def test_a_snapshot_that_is_another_by_now_is_copied_again_by_the_machine() -> None:
    decoy = compute("disks", "decoy")
    prepared = (
        attached(-12, decoy),
        call("snapshots/write", SNAPSHOT, -10, request=made_from(decoy)),
        copied_by_machine("Copy", SNAPSHOT, -9),
        call("snapshots/delete", SNAPSHOT, -8),
    )
    (path,) = lineage(*prepared, snapshot(), copied_by_machine("Copy", SNAPSHOT)).paths
    assert path.source == SOURCE


@pytest.mark.parametrize("before", [-300, -5])
def test_a_scale_set_that_is_written_again_gets_the_version_made_meanwhile(before: float) -> None:
    earlier, later = (from_image(DEFINITION, SCALE_SET, "virtualMachineScaleSets", hours) for hours in (before, 4))
    (path,) = lineage(earlier, snapshot(), version_of(SNAPSHOT), later, machine=SCALE_SET).paths
    assert path.source == SOURCE
    assert not lineage(earlier, later, machine=SCALE_SET).paths


def test_an_image_that_was_one_of_the_machine_s_own_hides_nothing() -> None:
    own = image_of(-9, sourceVirtualMachine={"id": MACHINE})
    gallery = {"createOption": "FromImage", "galleryImageReference": {"id": VERSION}}
    told = (
        snapshot(-100),
        image_of(0, **OF_SNAPSHOT),
        version_of(IMAGE),
        call("disks/write", COPY, 4, request={"properties": {"creationData": gallery}}),
        attached(5),
    )
    (path,) = lineage(own, call("images/delete", IMAGE, -8), *told).paths
    assert path.source == SNAPSHOT


def test_a_second_theft_under_the_same_names_is_told_as_well() -> None:
    other = compute("disks", "hr-data")
    cleaned = [call(f"{kind}/delete", name, 22) for kind, name in (("snapshots", SNAPSHOT), ("disks", COPY))]
    again = (call("snapshots/write", SNAPSHOT, 200, request=made_from(other)), disk(201), attached(202))
    first, second = lineage(*THEFT, attached(3), *cleaned, *again).paths
    assert (first.source, second.source) == (SOURCE, other)


def test_each_restore_from_a_vault_counts() -> None:
    instance = SUBSCRIPTION.resource("backup", "Microsoft.DataProtection/backupVaults", "v") + "/backupInstances/i"
    body = {"sourceResourceId": OTHER, "restoreTargetInfo": {"datasourceInfo": {"resourceID": MACHINE}}}
    name = "Microsoft.DataProtection/backupVaults/backupInstances/restore/action"
    restored = [call(name, instance, hours, request=body) for hours in (-300, 0)]
    assert len(lineage(*restored).paths) == 2


def test_a_copy_of_a_copy_is_told_from_its_beginning() -> None:
    second, third = compute("snapshots", "second"), compute("disks", "third")
    told = (
        snapshot(),
        disk(),
        call("snapshots/write", second, 2, request=made_from(COPY)),
        call("disks/write", third, 3, request=made_from(second)),
        attached(4, third),
    )
    (path,) = lineage(*told).paths
    assert path.source == SOURCE
    assert len(path.edges) == 5


def test_each_of_64_disks_has_its_path() -> None:
    disks = [compute("disks", f"copy-{number}") for number in range(64)]
    told = [call("disks/write", each, 1, request=made_from(SNAPSHOT)) for each in disks]
    paths = lineage(snapshot(), *told, attached(2, *disks)).paths
    assert sorted(path.nodes[2] for path in paths) == sorted(disks)


def edge(source: str, target: str, how: Link, at: datetime, **more: Any) -> Edge:
    actor = Actor(id="00000000-0000-4000-8000-000000000001", upn="ada@owner.example")
    return Edge(source=source, target=target, how=how, at=at, actor=actor, operation="x", **more)


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("copied", "found"),
    [
        (-WINDOW - MINUTE, False),
        (-WINDOW, True),
        (timedelta(), True),
        (LATENESS, True),
        (LATENESS + MINUTE, False),
    ],
)
def test_a_copy_counts_from_a_window_before_to_half_an_hour_after_it_is_mounted(copied: timedelta, found: bool) -> None:
    traces = [edge(SOURCE, COPY, Link.DISK_COPY, NOON + copied), edge(COPY, MACHINE, Link.ATTACH, NOON)]
    assert bool(paths_to(folded_id(MACHINE), traces, WINDOW)) is found


def test_many_edges_in_cycles_are_walked_in_the_end() -> None:
    nodes = [compute("disks", f"d{number}") for number in range(16)]
    traces = [
        edge(source, target, Link.DISK_COPY, NOON) for source in nodes for target in nodes if source != target
    ] + [edge(each, MACHINE, Link.ATTACH, NOON) for each in nodes]
    assert len(traces) == 256
    # Each disk is the machine's own by then.
    assert not paths_to(folded_id(MACHINE), traces, WINDOW)
    traces = [each for each in traces if each.target != MACHINE or each.source == nodes[0]]
    (path,) = paths_to(folded_id(MACHINE), traces, WINDOW)
    assert path.nodes[-2:] == (nodes[0], MACHINE)


_NODES = tuple(
    compute(kind, name)
    for kind, name in (
        ("disks", "a"),
        ("disks", "b"),
        ("disks", "c"),
        ("snapshots", "s"),
        ("snapshots", "t"),
        ("images", "i"),
        ("virtualMachines", "m"),
        ("virtualMachines", "n"),
    )
)
_moments = st.integers(0, 12).map(lambda number: NOON + number * timedelta(hours=7) + number * MINUTE)
_edges = st.builds(
    edge,
    st.sampled_from(_NODES),
    st.sampled_from(_NODES),
    st.sampled_from(list(Link)),
    _moments,
    holds=st.sampled_from((True, True, True, False)),
    created=st.booleans(),
)
_touches = st.builds(
    Touch,
    node=st.sampled_from(_NODES),
    what=st.sampled_from(list(Deed)),
    at=_moments,
    actor=st.just(Actor(id="someone")),
    operation=st.just("y"),
)
_traces = st.lists(_edges | _touches, max_size=24)
_machine = folded_id(_NODES[-1])


@given(_traces, st.randoms(use_true_random=False), st.data())
@stable(300)
def test_order_and_number_of_traces_do_not_matter(traces: list[Trace], random: Random, data: st.DataObject) -> None:
    again = [*traces, *(data.draw(st.lists(st.sampled_from(traces), max_size=6)) if traces else [])]
    random.shuffle(again)
    assert paths_to(_machine, again, WINDOW) == paths_to(_machine, traces, WINDOW)


@given(_traces)
@stable(300)
def test_a_path_leads_copied_data_from_elsewhere_to_the_machine_in_time(traces: list[Trace]) -> None:
    for path in paths_to(_machine, traces, WINDOW):
        assert is_path(path, traces)


def is_path(path: Path, traces: list[Trace]) -> bool:
    last = path.edges[-1]
    attached_ever = {
        each.source_key
        for each in traces
        if isinstance(each, Edge) and each.holds and each.how in ATTACHMENTS and each.target_key == _machine
    }
    return (
        last.target_key == _machine
        and all(each.holds and each in traces for each in path.edges)
        and all(before.target_key == after.source_key for before, after in pairwise(path.edges))
        and all(before.at <= after.at + LATENESS for before, after in pairwise(path.edges))
        and all(each.at >= last.at - WINDOW for each in path.edges)
        and any(each.how in COPIES for each in path.edges)
        and resource_of(path.source).key not in {*attached_ever, _machine}
        and max(Counter(path.edges).values()) == 1
        and not any(is_machine(each.source_key) for each in path.edges[1:])
    )


@given(_traces)
@stable(200)
def test_the_case_of_ids_does_not_matter(traces: list[Trace]) -> None:
    def folded(paths: tuple[Path, ...]) -> set[tuple[str, ...]]:
        return {tuple(map(folded_id, path.nodes)) for path in paths}

    shouted = [
        edge(each.source.upper(), each.target, each.how, each.at, holds=each.holds, created=each.created)
        if isinstance(each, Edge)
        else each
        for each in traces
    ]
    assert {nodes[-2:] for nodes in folded(paths_to(_machine, shouted, WINDOW))} == {
        nodes[-2:] for nodes in folded(paths_to(_machine, traces, WINDOW))
    }


@given(_traces, _edges | _touches)
@stable(200)
def test_what_happens_after_a_window_changes_no_path(traces: list[Trace], later: Trace) -> None:
    """But for a disk that is attached, which may be seen to have been the machine's own."""
    if isinstance(later, Edge) and later.how in ATTACHMENTS:
        return
    shifted = type(later)(
        **{name: getattr(later, name) for name in later.__struct_fields__} | {"at": later.at + 10 * WINDOW}
    )
    before = paths_to(_machine, traces, WINDOW)
    assert paths_to(_machine, [*traces, shifted], WINDOW)[: len(before)] == before


def judged(event: Lineage) -> Match:
    (match,) = [each for each in snapshot_to_instance(event) if isinstance(each, Match)]
    return match


COMMAND = call("virtualMachines/runCommand/action", MACHINE, 3)


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (THEFT, Severity.MEDIUM),
        ((snapshot(), disk(), attached(caller=EVE)), Severity.HIGH),
        ((snapshot(), disk(), attached(status="Created")), Severity.MEDIUM),
        ((*THEFT, COMMAND), Severity.HIGH),
        ((*THEFT, call("virtualMachines/runCommand/action", MACHINE, 1)), Severity.MEDIUM),
        ((*THEFT, call("virtualMachines/extensions/write", MACHINE, 3)), Severity.MEDIUM),
        ((*THEFT, call("snapshots/delete", SNAPSHOT, 3)), Severity.HIGH),
        ((*THEFT, call("disks/delete", COPY, 3)), Severity.HIGH),
        ((*THEFT, call("snapshots/delete", SNAPSHOT, 3, caller=DEPLOYER)), Severity.MEDIUM),
        ((*THEFT, group_deleted(3)), Severity.HIGH),
        ((*THEFT, group_deleted(1)), Severity.MEDIUM),
        ((*THEFT, group_deleted(3, caller=DEPLOYER)), Severity.MEDIUM),
        ((snapshot(caller=BUILDER), disk(caller=BUILDER), attached(caller=DEPLOYER)), Severity.MEDIUM),
        ((snapshot(caller=BUILDER), disk(caller=EVE), attached(caller=DEPLOYER)), Severity.HIGH),
        ((snapshot(), disk(), attached(status="Created"), COMMAND), Severity.HIGH),
        ((snapshot(), disk(), attached(status="Created"), call("snapshots/delete", SNAPSHOT, 3)), Severity.HIGH),
        (
            (snapshot(), disk(), attached(status="Created"), call("virtualMachines/extensions/write", MACHINE, 3)),
            Severity.MEDIUM,
        ),
        (
            (
                snapshot(caller=BACKUP),
                disk(caller=BACKUP),
                attached(caller=BACKUP, status="Created"),
            ),
            Severity.INFORMATIONAL,
        ),
        ((snapshot(caller=BACKUP), disk(), attached()), Severity.MEDIUM),
        ((snapshot(caller=EVE), disk(), attached(caller=BACKUP)), Severity.HIGH),
    ],
)
def test_the_severity_follows_who_took_part_and_what_else_was_done(
    told: tuple[list[Record], ...], severity: Severity
) -> None:
    assert judged(lineage(*told)).severity is severity


def test_another_tenant_makes_it_high_also_in_the_same_subscription() -> None:
    match = judged(lineage(snapshot(), disk(), attached(subscription=ABROAD)))

    assert match.severity is Severity.HIGH
    assert match.evidence["Tenants"] == (OWNER.id, STRANGER.id)
    assert match.evidence["TenantChanged"]
    assert not match.evidence["SubscriptionChanged"]
    assert match.summary.startswith("Data of payroll-data reached jump in another tenant in 3 steps")


@pytest.mark.parametrize("unknown", range(3))
def test_a_tenant_that_is_not_known_is_no_other_one(unknown: int) -> None:
    told = list(THEFT)
    told[unknown] = [
        {**record, "tenantId": None, "properties": {**record["properties"], "hierarchy": None}}
        for record in told[unknown]
    ]
    found = lineage(*told)
    match = judged(found)

    assert match.severity is Severity.MEDIUM
    assert match.evidence["Tenants"] == (OWNER.id,)
    assert not match.evidence["TenantChanged"]
    assert found.tenant == ("" if unknown == 2 else OWNER.id)


def test_a_machine_belongs_to_the_tenant_of_the_last_call_on_it_that_took_effect() -> None:
    earlier, later = attached(2, subscription=ABROAD), attached(3)
    failed = attached(4, subscription=ABROAD, request=with_disks(COPY), failure=Failure(authorized=True))

    assert lineage(snapshot(), disk(subscription=ABROAD), earlier, later, failed).tenant == OWNER.id
    assert lineage(failed).tenant == STRANGER.id


def test_another_subscription_makes_it_high() -> None:
    machine = compute("virtualMachines", "jump", ELSEWHERE)
    match = judged(lineage(snapshot(), disk(), attached(machine=machine, subscription=ELSEWHERE), machine=machine))
    assert match.severity is Severity.HIGH
    assert match.evidence["SubscriptionChanged"] is True
    assert match.evidence["Subscriptions"] == (SUBSCRIPTION.id, ELSEWHERE.id)


def test_a_network_that_was_opened_for_the_machine_makes_it_high() -> None:
    network = {"networkProfile": {"networkInterfaces": [{"id": INTERFACE}]}}
    body = with_disks(COPY)
    body["properties"] |= network
    told = (
        call(
            "Microsoft.Network/publicIPAddresses/write",
            ADDRESS,
            1,
            request={"properties": {"ipConfiguration": {"id": f"{INTERFACE}/ipConfigurations/one"}}},
        ),
        call("virtualMachines/write", MACHINE, 2, request=body, status="Created"),
    )
    match = judged(lineage(snapshot(), disk(), *told))
    assert match.severity is Severity.HIGH
    assert match.evidence["Meanwhile"] == (
        "2026-03-10T13:00Z NetworkOpened on jump-nic by ada.admin@owner.example from 203.0.113.7",
    )


def interface(hours: float) -> list[Record]:
    """A write of one with a public address."""
    body = {"properties": {"ipConfigurations": [{"properties": {"publicIPAddress": {"id": ADDRESS}}}]}}
    return call("Microsoft.Network/networkInterfaces/write", INTERFACE, hours, response=body)


@pytest.mark.parametrize(
    ("hours", "severity"),
    [((3,), Severity.HIGH), ((1,), Severity.MEDIUM), ((1, 3), Severity.MEDIUM), ((-99, 3), Severity.MEDIUM)],
)
def test_an_interface_that_gets_its_first_public_address_after_the_copy_makes_it_high(
    hours: tuple[float, ...], severity: Severity
) -> None:
    body = with_disks(COPY)
    body["properties"] |= {"networkProfile": {"networkInterfaces": [{"id": INTERFACE}]}}
    written = (interface(each) for each in hours)
    assert judged(lineage(snapshot(), disk(), attached(response=body), *written)).severity is severity


@pytest.mark.parametrize(("kept", "opened"), [(1, True), (2, True), (3, False)])
def test_a_write_of_an_interface_counts_until_it_is_known_to_fail(kept: int, opened: bool) -> None:
    """The end of the call is not selected where it has no body."""
    address = {"ipConfigurations": [{"properties": {"publicIPAddress": {"id": ADDRESS}}}]}
    name = "Microsoft.Network/networkInterfaces/write"
    failure = Failure() if kept == 3 else None
    written = call(name, INTERFACE, 1, request={"properties": address}, failure=failure)[: min(kept, 2)]
    (touch,) = traces(written)
    assert touch.holds is opened


@pytest.mark.parametrize("kind", ["virtualMachines", "virtualMachineScaleSets"])
def test_a_machine_that_is_made_with_a_public_address_is_opened(kind: str) -> None:
    addressed = [{"properties": {"publicIPAddressConfiguration": {"name": "one"}}}]
    profile = {
        "networkProfile": {"networkInterfaceConfigurations": [{"properties": {"ipConfigurations": addressed}}]},
        "storageProfile": {"imageReference": {"id": VERSION}},
    }
    machine = MACHINE if kind == "virtualMachines" else SCALE_SET
    body = {"properties": profile if machine == MACHINE else {"virtualMachineProfile": profile}}
    made = call(f"{kind}/write", machine, 4, request=body, status="Created")
    match = judged(lineage(snapshot(), version_of(SNAPSHOT), made, machine=machine))
    assert match.severity is Severity.HIGH
    assert "NetworkOpened" in str(match.evidence["Meanwhile"])


def test_a_match_tells_the_whole_way() -> None:
    match = judged(lineage(*THEFT))
    assert match.summary == "Data of payroll-data reached jump in 3 steps, the last by ada.admin@owner.example."
    assert match.target == resource_of(MACHINE)
    assert match.evidence["Path"] == (
        "2026-03-10T12:00Z snapshot tmp of payroll-data by ada.admin@owner.example from 203.0.113.7",
        "2026-03-10T13:00Z copy payroll-copy of tmp by ada.admin@owner.example from 203.0.113.7",
        "2026-03-10T14:00Z payroll-copy attached to jump by ada.admin@owner.example from 203.0.113.7",
    )
    assert match.containment == f"az vm deallocate --ids {MACHINE}"


def test_a_match_is_of_the_time_when_the_last_call_completed_the_path() -> None:
    event = lineage(snapshot(2.2), disk(2.1), attached(2))
    assert judged(event).at == max(each.at for each in event.traces)
    assert event.name == "Microsoft.Compute/snapshots/write"


def test_the_actor_is_the_person_behind_a_platform_service() -> None:
    event = lineage(snapshot(caller=EVE), disk(), attached(caller=BACKUP))
    assert event.actor.label == "ada.admin@owner.example"
    assert event.actor.kind is not ActorKind.PLATFORM_SERVICE


def test_a_lineage_without_a_path_speaks_of_its_last_trace() -> None:
    event = lineage(snapshot(), disk(), machine=COPY)
    assert event.name == "Microsoft.Compute/disks/write"
    assert event.resource.text == COPY
    assert event.region == "westeurope"
    assert not event.salvaged


@pytest.mark.parametrize(
    ("machine", "command"),
    [
        (SCALE_SET, f"az vmss deallocate --ids {SCALE_SET}"),
        (
            f"{SCALE_SET}/virtualMachines/3",
            f"az rest --method post --uri '{SCALE_SET}/virtualMachines/3/deallocate?api-version=2024-07-01'",
        ),
    ],
)
def test_containment_stops_scale_sets_and_their_machines(machine: str, command: str) -> None:
    name = "virtualMachineScaleSets/virtualMachines/write"
    told = (snapshot(), disk(), call(name, machine, 2, request=with_disks(COPY)))
    assert judged(lineage(*told, machine=machine)).containment == command
