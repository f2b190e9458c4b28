"""AN1187: on which ways copied data reaches a machine."""

from typing import Any

import pytest

from tests.machines import (
    BLOB,
    COPY,
    DEFINITION,
    IMAGE,
    MACHINE,
    OTHER,
    POINT,
    SCALE_SET,
    SNAPSHOT,
    SOURCE,
    THEFT,
    VERSION,
    attached,
    call,
    compute,
    disk,
    lineage,
    made_from,
    snapshot,
    version_of,
    with_disks,
)
from tests.world import SUBSCRIPTION
from tools.azure_records import Failure, Record

COLLECTION = POINT.rpartition("/restorePoints")[0]
SHARED = f"/SharedGalleries/{SUBSCRIPTION.id}-SHARED/Images/server/Versions/latest"


def copied_by_machine(option: str, source: str, hours: float = 2) -> list[Record]:
    data = [{"lun": 0, "createOption": option, "sourceResource": {"id": source}}]
    body = {"properties": {"storageProfile": {"dataDisks": data}}}
    return call("virtualMachines/write", MACHINE, hours, request=body)


def from_image(image: str, machine: str = MACHINE, kind: str = "virtualMachines", hours: float = 4) -> list[Record]:
    profile: dict[str, Any] = {"storageProfile": {"imageReference": {"id": image}}}
    properties = profile if kind == "virtualMachines" else {"virtualMachineProfile": profile}
    return call(f"{kind}/write", machine, hours, request={"properties": properties}, status="Created")


def restore_point(hours: float = 0) -> list[Record]:
    return call("restorePointCollections/restorePoints/write", POINT, hours)


def collection(machine: str, hours: float = -1) -> list[Record]:
    body = {"properties": {"source": {"id": machine}}}
    return call("restorePointCollections/write", COLLECTION, hours, request=body)


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
