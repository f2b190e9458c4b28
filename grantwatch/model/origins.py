"""What the body of an ARM call says of where a volume, an image or a machine came from.

A request tells what was asked for, a response what now is. A call may be seen through either, so both are read, and
readers may say one thing twice.
"""

from collections.abc import Callable, Iterator
from urllib.parse import unquote

from grantwatch.model.bodies import CreationData, DiskResource
from grantwatch.model.compute_bodies import (
    Captured,
    ComputeProperties,
    ComputeResource,
    Datasource,
    DisksToAttach,
    Reference,
    RestoreProperties,
    RestoreRequest,
    RestoreTarget,
    StorageProfile,
)
from grantwatch.model.operation import Operation, bodies_of
from grantwatch.model.resource import resource_of
from grantwatch.model.severity import Outcome
from grantwatch.model.traces import Link

Origin = tuple[str | None, Link, str | None]
"""Source, link and target, ids or URLs as the body has them."""
Reader = Callable[[Operation], Iterator[Origin]]


def _properties(operation: Operation) -> Iterator[ComputeProperties]:
    for body in bodies_of(operation, ComputeResource):
        yield body.properties or ComputeProperties()


def _volume_written(operation: Operation) -> Iterator[Origin]:
    """Of a disk or snapshot. A request without creation data changes one that exists, whose response repeats them."""
    asked = operation.request(DiskResource).properties
    if operation.has_request(DiskResource) and not (asked and asked.creation_data):
        return
    for body in bodies_of(operation, DiskResource):
        creation = (body.properties and body.properties.creation_data) or CreationData()
        for source in _sources(creation):
            yield source, _how(source, operation.resource.kind), operation.resource.text


def _sources(creation: CreationData) -> Iterator[str]:
    images = (creation.image_reference, creation.gallery_image_reference)
    named = (
        creation.source_resource_id,
        creation.elastic_san_resource_id,
        creation.source_uri or creation.storage_account_id,
        *(image.id or image.shared_gallery_image_id for image in images if image),
    )
    yield from filter(None, named)


def plain(name: str) -> str:
    """A resource id without percent-encoding, and without the address of ARM before it; any other URL as it is.

    What may be a query is left out, for decoded it could hold a signature that was not masked.
    """
    if "://" not in name:
        return unquote(name).partition("?")[0]
    path = "/" + unquote(name.partition("://")[2].partition("/")[2]).partition("?")[0]
    return path if resource_of(path).kind.startswith("microsoft.compute/") else name


def shared_image(name: str) -> str | None:
    """What stands for an image in a gallery that is shared with others, whichever of its versions is named.

    Such a gallery is named by its subscription and name. https://learn.microsoft.com/azure/virtual-machines/share-gallery-direct
    """
    resource = resource_of(name)
    gallery, image = resource.named("sharedGalleries"), resource.named("images")
    return f"/sharedGalleries/{gallery}/images/{image}" if gallery and image else None


def _how(source: str, target_kind: str) -> Link:
    source = plain(source)
    kind = resource_of(source).kind
    if "://" in source or kind == "microsoft.storage/storageaccounts":
        return Link.IMPORT
    if "restorepoints" in kind:
        return Link.RESTORE
    if kind.startswith(("microsoft.compute/images", "microsoft.compute/galleries")) or shared_image(source):
        return Link.FROM_IMAGE
    return Link.SNAPSHOT if target_kind == "microsoft.compute/snapshots" else Link.DISK_COPY


def _machine_written(operation: Operation) -> Iterator[Origin]:
    """Of a machine: the volumes it has or is to copy, its image if it may be new, and its network interfaces."""
    machine = operation.resource.text
    for properties in _properties(operation):
        profile = properties.storage_profile or StorageProfile()
        yield from _disks(profile, machine)
        if _may_be_new(operation):
            yield from _image(profile, machine)
        interfaces = (properties.network_profile and properties.network_profile.network_interfaces) or ()
        yield from ((each.id, Link.NETWORK, machine) for each in interfaces)


def _may_be_new(operation: Operation) -> bool:
    """Whether a call may have made the machine. One that changes it repeats the image, which may have new versions.

    Only its end tells, unless an acceptance says that something was created.
    """
    statuses = {(phase.status or "").lower() for phase in operation.phases}
    return operation.created or (operation.outcome is not Outcome.ACCEPTED and "ok" not in statuses)


def _disks(profile: StorageProfile, machine: str) -> Iterator[Origin]:
    for volume in profile.volumes:
        if volume.to_be_detached:
            continue
        if volume.managed_disk:
            yield volume.managed_disk.id, Link.OS_DISK if volume is profile.os_disk else Link.ATTACH, machine
        if volume.source_resource and volume.source_resource.id:
            yield volume.source_resource.id, _how(volume.source_resource.id, "machine"), machine


def _image(profile: StorageProfile, machine: str) -> Iterator[Origin]:
    if profile.image_reference:
        image = profile.image_reference
        yield image.id or image.shared_gallery_image_id, Link.FROM_IMAGE, machine
    if profile.os_disk and profile.os_disk.image:
        yield profile.os_disk.image.uri, Link.FROM_IMAGE, machine


def _scale_set_written(operation: Operation) -> Iterator[Origin]:
    for properties in _properties(operation):
        model = properties.virtual_machine_profile
        profile = (model and model.storage_profile) or StorageProfile()
        yield from _disks(profile, operation.resource.text)
        yield from _image(profile, operation.resource.text)


def _scale_set_machine_written(operation: Operation) -> Iterator[Origin]:
    for properties in _properties(operation):
        yield from _disks(properties.storage_profile or StorageProfile(), operation.resource.text)


def _disks_attached(operation: Operation) -> Iterator[Origin]:
    """The response lists every disk of the machine, so it is read only where the request is not seen."""
    machine = operation.resource.text
    if operation.has_request(DisksToAttach):
        asked = operation.request(DisksToAttach).data_disks_to_attach or ()
        yield from ((each.disk_id, Link.ATTACH, machine) for each in asked)
    else:
        yield from _disks(operation.response(StorageProfile), machine)


def _collection_written(operation: Operation) -> Iterator[Origin]:
    for properties in _properties(operation):
        if properties.source:
            yield properties.source.id, Link.RESTORE_SOURCE, operation.resource.text


def _restore_point_written(operation: Operation) -> Iterator[Origin]:
    point = operation.resource
    yield next(point.ancestors(), point).text, Link.RESTORE_POINT, point.text
    for properties in _properties(operation):
        if properties.source_restore_point:
            yield properties.source_restore_point.id, Link.RESTORE_POINT, point.text
        machine = properties.source_metadata
        for volume in machine.storage_profile.volumes if machine and machine.storage_profile else ():
            if volume.managed_disk:
                yield volume.managed_disk.id, Link.RESTORE_POINT, point.text


def _image_written(operation: Operation) -> Iterator[Origin]:
    image = operation.resource.text
    for properties in _properties(operation):
        if properties.source_virtual_machine:
            yield properties.source_virtual_machine.id, Link.IMAGE, image
        for volume in (properties.storage_profile or StorageProfile()).volumes:
            for source in (volume.managed_disk, volume.snapshot):
                yield source.id if source else None, Link.IMAGE, image
            yield volume.blob_uri, Link.IMAGE, image


def _version_written(operation: Operation) -> Iterator[Origin]:
    version = operation.resource
    for properties in _properties(operation):
        profile = properties.storage_profile or StorageProfile()
        sources = (profile.source, *(volume.source for volume in profile.volumes))
        for source in (each or Reference() for each in sources):
            for name in (source.id, source.virtual_machine_id, source.uri):
                yield name, Link.GALLERY_VERSION, version.text
    image = next(version.ancestors(), version)
    yield version.text, Link.LATEST_VERSION, image.text
    if gallery := image.named("galleries"):
        yield version.text, Link.LATEST_VERSION, f"/sharedGalleries/{image.subscription}-{gallery}/images/{image.name}"


def _machine_captured(operation: Operation) -> Iterator[Origin]:
    """To a blob, which the template names that the call is answered with."""
    for resource in operation.response(Captured).resources or ():
        profile = (resource.properties and resource.properties.storage_profile) or StorageProfile()
        for volume in profile.volumes:
            yield operation.resource.text, Link.CAPTURE, volume.image.uri if volume.image else None


def _vault_restored(operation: Operation) -> Iterator[Origin]:
    """As far as the request names both ends."""
    request = operation.request(RestoreRequest)
    wanted = request.properties or RestoreProperties()
    target = ((request.restore_target_info or RestoreTarget()).datasource_info or Datasource()).resource_id
    target = target or wanted.target_virtual_machine_id
    yield wanted.source_resource_id or request.source_resource_id, Link.VAULT_RESTORE, target


_VAULT_RESTORE = (
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/recoveryPoints/restore/action"
)
READERS: dict[str, Reader] = {
    "Microsoft.Compute/snapshots/write": _volume_written,
    "Microsoft.Compute/disks/write": _volume_written,
    "Microsoft.Compute/restorePointCollections/write": _collection_written,
    "Microsoft.Compute/restorePointCollections/restorePoints/write": _restore_point_written,
    "Microsoft.Compute/images/write": _image_written,
    "Microsoft.Compute/galleries/images/versions/write": _version_written,
    "Microsoft.Compute/virtualMachines/capture/action": _machine_captured,
    "Microsoft.Compute/virtualMachines/write": _machine_written,
    "Microsoft.Compute/virtualMachines/attachDetachDataDisks/action": _disks_attached,
    "Microsoft.Compute/virtualMachineScaleSets/write": _scale_set_written,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write": _scale_set_machine_written,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/attachDetachDataDisks/action": _disks_attached,
    _VAULT_RESTORE: _vault_restored,
    "Microsoft.DataProtection/backupVaults/backupInstances/restore/action": _vault_restored,
}
"""What reads an operation, by its name as Microsoft spells it."""
