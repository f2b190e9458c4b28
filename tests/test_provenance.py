"""What is read from ARM calls of where things came from, and what was done to them."""

from typing import Any

import msgspec
import pytest

from grantwatch.model.provenance import OPERATIONS
from grantwatch.model.traces import Deed, Edge, Link, Touch, Trace
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
    VERSION,
    attached,
    call,
    compute,
    disk,
    made_from,
    snapshot,
    traces,
    with_disks,
)
from tests.world import SUBSCRIPTION
from tools.azure_records import Failure

COLLECTION = POINT.rpartition("/restorePoints")[0]
DISK_POINT = f"{POINT}/diskRestorePoints/payroll-data_1"
SCALE_SET_MACHINE = f"{SCALE_SET}/virtualMachines/3"
INTERFACE = SUBSCRIPTION.resource("net", "Microsoft.Network/networkInterfaces", "jump-nic")
ADDRESS = SUBSCRIPTION.resource("net", "Microsoft.Network/publicIPAddresses", "jump-ip")
BASTION = SUBSCRIPTION.resource("net", "Microsoft.Network/bastionHosts", "door")
VAULT = SUBSCRIPTION.resource("backup", "Microsoft.RecoveryServices/vaults", "vault")
BACKUPS = SUBSCRIPTION.resource("backup", "Microsoft.DataProtection/backupVaults", "backups")
RECOVERY = "/backupFabrics/Azure/protectionContainers/c/protectedItems/i/recoveryPoints/1"
MARKETPLACE = (
    f"{SUBSCRIPTION.scope}/Providers/Microsoft.Compute/Locations/westeurope/Publishers/Contoso"
    "/ArtifactTypes/VMImage/Offers/Server/Skus/1/Versions/1.0.0"
)


def properties(**members: Any) -> dict[str, Any]:
    return {"location": "westeurope", "properties": members}


def profile(**members: Any) -> dict[str, Any]:
    return properties(storageProfile=members)


DERIVATIONS = {
    "snapshot of a disk": ("snapshots/write", SNAPSHOT, made_from(SOURCE), [(SOURCE, Link.SNAPSHOT)]),
    "disk from a snapshot": ("disks/write", COPY, made_from(SNAPSHOT), [(SNAPSHOT, Link.DISK_COPY)]),
    "disk from a disk": ("disks/write", COPY, made_from(SOURCE), [(SOURCE, Link.DISK_COPY)]),
    "disk from a restore point": ("disks/write", COPY, made_from(DISK_POINT, "Restore"), [(POINT, Link.RESTORE)]),
    "disk from a blob": ("disks/write", COPY, made_from(f"{BLOB}?sig=abc", "Import"), [(BLOB, Link.IMPORT)]),
    "disk from an image version": (
        "disks/write",
        COPY,
        properties(creationData={"createOption": "FromImage", "galleryImageReference": {"id": VERSION, "lun": 0}}),
        [(VERSION, Link.FROM_IMAGE)],
    ),
    "disk from the marketplace": (
        "disks/write",
        COPY,
        properties(creationData={"createOption": "FromImage", "imageReference": {"id": MARKETPLACE}}),
        [],
    ),
    "empty disk": ("disks/write", COPY, properties(creationData={"createOption": "Empty"}), []),
    "restore point collection": (
        "restorePointCollections/write",
        COLLECTION,
        properties(source={"id": OTHER}),
        [(OTHER, Link.RESTORE_SOURCE)],
    ),
    "restore point": (
        "restorePointCollections/restorePoints/write",
        POINT,
        properties(sourceMetadata={"storageProfile": {"dataDisks": [{"managedDisk": {"id": SOURCE}}]}}),
        [(COLLECTION, Link.RESTORE_POINT), (SOURCE, Link.RESTORE_POINT)],
    ),
    "image of a machine": (
        "images/write",
        IMAGE,
        properties(sourceVirtualMachine={"id": OTHER}),
        [(OTHER, Link.IMAGE)],
    ),
    "image of volumes": (
        "images/write",
        IMAGE,
        profile(osDisk={"blobUri": BLOB}, dataDisks=[{"snapshot": {"id": SNAPSHOT}}, {"managedDisk": {"id": SOURCE}}]),
        [(BLOB, Link.IMAGE), (SNAPSHOT, Link.IMAGE), (SOURCE, Link.IMAGE)],
    ),
    "image version of volumes": (
        "galleries/images/versions/write",
        VERSION,
        profile(osDiskImage={"source": {"id": SNAPSHOT}}, dataDiskImages=[{"source": {"id": SOURCE}}]),
        [(SNAPSHOT, Link.GALLERY_VERSION), (SOURCE, Link.GALLERY_VERSION)],
    ),
    "image version of a machine": (
        "galleries/images/versions/write",
        VERSION,
        profile(source={"virtualMachineId": OTHER}),
        [(OTHER, Link.GALLERY_VERSION)],
    ),
    "machine with disks": (
        "virtualMachines/write",
        MACHINE,
        with_disks(COPY, system=SOURCE),
        [(SOURCE, Link.OS_DISK), (COPY, Link.ATTACH)],
    ),
    "machine that copies a snapshot itself": (
        "virtualMachines/write",
        MACHINE,
        profile(dataDisks=[{"lun": 0, "createOption": "Copy", "sourceResource": {"id": SNAPSHOT}}]),
        [(SNAPSHOT, Link.DISK_COPY)],
    ),
    "machine that restores a disk itself": (
        "virtualMachines/write",
        MACHINE,
        profile(dataDisks=[{"lun": 0, "createOption": "Restore", "sourceResource": {"id": DISK_POINT}}]),
        [(POINT, Link.RESTORE)],
    ),
    "machine that gives a disk back": (
        "virtualMachines/write",
        MACHINE,
        profile(dataDisks=[{"lun": 0, "toBeDetached": True, "managedDisk": {"id": COPY}}]),
        [],
    ),
    "machine from the latest version": (
        "virtualMachines/write",
        MACHINE,
        profile(imageReference={"id": f"{DEFINITION}/versions/latest"}),
        [(DEFINITION, Link.FROM_IMAGE)],
    ),
    "machine from the marketplace": (
        "virtualMachines/write",
        MACHINE,
        profile(imageReference={"publisher": "contoso", "offer": "server"}, osDisk={"createOption": "FromImage"}),
        [],
    ),
    "machine from a captured disk": (
        "virtualMachines/write",
        MACHINE,
        profile(osDisk={"createOption": "FromImage", "image": {"uri": BLOB}}),
        [(BLOB, Link.FROM_IMAGE)],
    ),
    "scale set from an image": (
        "virtualMachineScaleSets/write",
        SCALE_SET,
        properties(virtualMachineProfile={"storageProfile": {"imageReference": {"id": VERSION}}}),
        [(VERSION, Link.FROM_IMAGE)],
    ),
    "disk on a scale set's machine": (
        "virtualMachineScaleSets/virtualMachines/write",
        SCALE_SET_MACHINE,
        with_disks(COPY),
        [(COPY, Link.ATTACH)],
    ),
    "machine with an interface": (
        "virtualMachines/write",
        MACHINE,
        properties(networkProfile={"networkInterfaces": [{"id": INTERFACE}]}),
        [(INTERFACE, Link.NETWORK)],
    ),
}


def origins(found: list[Trace], target: str) -> list[tuple[str, Link]]:
    return [(each.source, each.how) for each in found if isinstance(each, Edge) and each.target == target]


@pytest.mark.parametrize("side", ["request", "response"])
@pytest.mark.parametrize(("operation", "resource", "body", "expected"), DERIVATIONS.values(), ids=list(DERIVATIONS))
def test_either_body_says_where_a_resource_came_from(
    operation: str, resource: str, body: dict[str, Any], expected: list[Any], side: str
) -> None:
    bodies: dict[str, Any] = {side: body}
    assert origins(traces(call(operation, resource, status="Created", **bodies)), resource) == expected


@pytest.mark.parametrize(("operation", "resource", "body", "expected"), DERIVATIONS.values(), ids=list(DERIVATIONS))
def test_what_both_bodies_say_is_said_once(
    operation: str, resource: str, body: dict[str, Any], expected: list[Any]
) -> None:
    shouted = msgspec.json.decode(msgspec.json.encode(body).decode().replace("servers", "SERVERS"))
    found = traces(call(operation, resource, request=body, response=shouted, status="Created", accepted=True))
    assert len(origins(found, resource)) == len(expected)


def test_an_attach_call_names_only_what_it_attaches() -> None:
    asked = {"dataDisksToAttach": [{"diskId": COPY, "lun": 1}]}
    left = {"dataDisks": [{"managedDisk": {"id": SOURCE}}, {"managedDisk": {"id": COPY}}]}
    name = "virtualMachines/attachDetachDataDisks/action"
    assert origins(traces(call(name, MACHINE, request=asked, response=left)), MACHINE) == [(COPY, Link.ATTACH)]
    assert origins(traces(call(name, MACHINE, response=left)), MACHINE) == [(SOURCE, Link.ATTACH), (COPY, Link.ATTACH)]


def test_a_capture_leads_to_the_blob_that_its_template_names() -> None:
    template = {"resources": [{"properties": {"storageProfile": {"osDisk": {"image": {"uri": f"{BLOB}?sig=abc"}}}}}]}
    found = traces(call("virtualMachines/capture/action", OTHER, response=template))
    assert origins(found, BLOB) == [(OTHER, Link.CAPTURE)]


def test_a_definition_stands_for_its_versions() -> None:
    found = traces(call("galleries/images/versions/write", VERSION, request=profile(source={"id": IMAGE})))
    assert origins(found, DEFINITION) == [(VERSION, Link.LATEST_VERSION)]


@pytest.mark.parametrize(
    ("operation", "resource", "request_body"),
    [
        (
            "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints"
            "/restore/action",
            VAULT + RECOVERY,
            {"properties": {"sourceResourceId": OTHER, "targetVirtualMachineId": MACHINE}},
        ),
        (
            "Microsoft.DataProtection/backupVaults/backupInstances/restore/action",
            f"{BACKUPS}/backupInstances/i",
            {"sourceResourceId": OTHER, "restoreTargetInfo": {"datasourceInfo": {"resourceID": MACHINE}}},
        ),
    ],
)
def test_a_restore_from_a_vault_is_read_as_far_as_it_names_both_ends(
    operation: str, resource: str, request_body: dict[str, Any]
) -> None:
    found = traces(call(operation, resource, request=request_body))
    assert origins(found, MACHINE) == [(OTHER, Link.VAULT_RESTORE)]
    assert not traces(call(operation, resource, request={"properties": {"sourceResourceId": OTHER}}))


@pytest.mark.parametrize(
    "records",
    [
        snapshot(request={"tags": {"cost": "1"}}, response=made_from(SOURCE)),
        disk(request={"properties": {"diskSizeGB": 64}}, response=made_from(SNAPSHOT)),
        attached(request={"tags": {}}, response=profile(imageReference={"id": VERSION}), status="OK"),
    ],
)
def test_a_change_of_what_exists_does_not_repeat_where_it_came_from(records: list[dict[str, Any]]) -> None:
    assert not traces(records)


def test_a_machine_that_is_known_to_be_new_has_its_image() -> None:
    body = profile(imageReference={"id": VERSION})
    (edge,) = traces(call("virtualMachines/write", MACHINE, request=body, status="Created"))
    assert isinstance(edge, Edge)
    assert edge.created
    assert edge.source == VERSION


@pytest.mark.parametrize(
    ("operation", "resource", "body", "node", "deed"),
    [
        ("virtualMachines/runCommand/action", MACHINE, None, MACHINE, Deed.RUN_COMMAND),
        ("virtualMachines/runCommands/write", f"{MACHINE}/runCommands/x", None, MACHINE, Deed.RUN_COMMAND),
        ("virtualMachines/extensions/write", f"{MACHINE}/extensions/x", None, MACHINE, Deed.EXTENSION),
        (
            "virtualMachineScaleSets/virtualMachines/runCommand/action",
            SCALE_SET_MACHINE,
            None,
            SCALE_SET_MACHINE,
            Deed.RUN_COMMAND,
        ),
        (
            "Microsoft.SerialConsole/serialPorts/connect/action",
            f"{MACHINE}/providers/Microsoft.SerialConsole/serialPorts/0",
            None,
            MACHINE,
            Deed.SERIAL_CONSOLE,
        ),
        ("snapshots/delete", SNAPSHOT, None, SNAPSHOT, Deed.DELETED),
        ("galleries/images/versions/delete", VERSION, None, VERSION, Deed.DELETED),
        (
            "Microsoft.Network/publicIPAddresses/write",
            ADDRESS,
            {"properties": {"ipConfiguration": {"id": f"{INTERFACE}/ipConfigurations/one"}}},
            INTERFACE,
            Deed.NETWORK_OPENED,
        ),
        (
            "Microsoft.Network/bastionHosts/createShareableLinks/action",
            BASTION,
            {"vms": [{"vm": {"id": MACHINE}}]},
            MACHINE,
            Deed.BASTION_LINK,
        ),
    ],
)
def test_what_is_done_to_a_resource_is_a_touch(operation: str, resource: str, body: Any, node: str, deed: Deed) -> None:
    (touch,) = traces(call(operation, resource, request=body))
    assert isinstance(touch, Touch)
    assert (touch.node, touch.what) == (node, deed)


@pytest.mark.parametrize(
    ("operation", "resource", "body"),
    [
        ("Microsoft.Network/publicIPAddresses/write", ADDRESS, {"properties": {}}),
    ],
)
def test_a_network_that_is_not_opened_is_not_touched(operation: str, resource: str, body: Any) -> None:
    assert not traces(call(operation, resource, request=body))


@pytest.mark.parametrize("failure", [None, Failure()])
def test_a_trace_holds_when_its_call_took_effect(failure: Failure | None) -> None:
    (edge,) = traces(snapshot(failure=failure))
    assert edge.holds is (failure is None)


def test_a_trace_says_who_and_when_and_where() -> None:
    (edge,) = traces(snapshot())
    assert isinstance(edge, Edge)
    assert edge.region == "westeurope"
    assert edge.operation == "Microsoft.Compute/snapshots/write"
    assert edge.actor.label == "ada.admin@owner.example"


def test_no_secret_of_a_call_is_in_its_traces() -> None:
    body = with_disks(COPY)
    body["properties"]["osProfile"] = {"adminPassword": "hunter2-secret", "customData": "hunter2-secret"}
    told = traces(attached(request=body), disk(source=f"{BLOB}?sv=2024&sig=hunter2-secret", option="Import"))
    assert len(told) == 2
    assert b"hunter2" not in msgspec.json.encode(told)


def test_traces_survive_storage() -> None:
    told = traces(snapshot(), call("snapshots/delete", SNAPSHOT))
    assert msgspec.json.decode(msgspec.json.encode(told), type=list[Trace]) == told


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_call_without_bodies_is_read_without_an_error(operation: str) -> None:
    kind = operation.removeprefix("Microsoft.Compute/").rpartition("/")[0]
    traces(call(operation, compute(kind, "x")))
