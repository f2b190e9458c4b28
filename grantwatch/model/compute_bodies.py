"""Bodies of the calls that lead data from a volume to a machine: the fields that rules may rely on.

The same rules hold as in ``bodies.py``. Nothing of a machine's ``osProfile``, custom data, extension settings or
scripts may ever be declared here.
"""

from grantwatch.model.bodies import Body, DesiredState


class Reference(Body, frozen=True):
    """What one resource names another by: its id, that of an image shared with others or, for a blob, its URL."""

    id: str | None = None
    shared_gallery_image_id: str | None = None
    uri: str | None = None
    virtual_machine_id: str | None = None


class Volume(Body, frozen=True):
    """One disk in a storage profile of a machine, an image or a version of a gallery image.

    https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update
    """

    create_option: str | None = None
    managed_disk: Reference | None = None
    source_resource: Reference | None = None
    snapshot: Reference | None = None
    source: Reference | None = None
    image: Reference | None = None
    blob_uri: str | None = None
    to_be_detached: bool | None = None


class StorageProfile(Body, frozen=True):
    """The disks of a machine or image, and what they are made from; also the response of ``attachDetachDataDisks``."""

    image_reference: Reference | None = None
    os_disk: Volume | None = None
    data_disks: tuple[Volume, ...] | None = None
    source: Reference | None = None
    os_disk_image: Volume | None = None
    data_disk_images: tuple[Volume, ...] | None = None

    @property
    def data_volumes(self) -> tuple[Volume, ...]:
        return (self.data_disks or ()) + (self.data_disk_images or ())

    @property
    def volumes(self) -> tuple[Volume, ...]:
        system = tuple(each for each in (self.os_disk, self.os_disk_image) if each)
        return system + self.data_volumes


class AddressProperties(Body, frozen=True):
    """The public address of an interface, or what one is to be made like."""

    public_ip_address: Reference | None = None
    public_ip_address_configuration: Reference | None = None


class Address(Body, frozen=True):
    """One address of a network interface."""

    properties: AddressProperties | None = None


class InterfaceProperties(Body, frozen=True):
    """The addresses of a network interface."""

    ip_configurations: tuple[Address, ...] | None = None


class Interface(Body, frozen=True):
    """Body of a write to a network interface, or one that is to be made with a machine.

    https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/create-or-update
    """

    properties: InterfaceProperties | None = None

    @property
    def is_public(self) -> bool:
        found = (each.properties for each in (self.properties and self.properties.ip_configurations) or ())
        return any(each.public_ip_address or each.public_ip_address_configuration for each in found if each)


class NetworkProfile(Body, frozen=True):
    """The network interfaces of a machine."""

    network_interfaces: tuple[Reference, ...] | None = None
    network_interface_configurations: tuple[Interface, ...] | None = None


class ProfileHolder(Body, frozen=True):
    """The model of a scale set's machines, or the machine that a restore point was made of."""

    storage_profile: StorageProfile | None = None
    network_profile: NetworkProfile | None = None


class ComputeProperties(ProfileHolder, frozen=True):
    """Of a machine, a scale set, an image, a version of a gallery image, or a restore point and its collection."""

    virtual_machine_profile: ProfileHolder | None = None
    source_virtual_machine: Reference | None = None
    source: Reference | None = None
    source_restore_point: Reference | None = None
    source_metadata: ProfileHolder | None = None


class ComputeResource(DesiredState, frozen=True):
    """Body of a write to one of these.

    https://learn.microsoft.com/rest/api/compute/gallery-image-versions/create-or-update
    https://learn.microsoft.com/rest/api/compute/restore-points/create
    """

    properties: ComputeProperties | None = None


class Captured(Body, frozen=True):
    """The template that ``capture`` answers with.

    https://learn.microsoft.com/rest/api/compute/virtual-machines/capture
    """

    resources: tuple[ComputeResource, ...] | None = None


class DiskToAttach(Body, frozen=True):
    """One disk that a machine shall get."""

    disk_id: str | None = None


class DisksToAttach(Body, frozen=True):
    """Of ``attachDetachDataDisks``.

    https://learn.microsoft.com/rest/api/compute/virtual-machines/attach-detach-data-disks
    """

    data_disks_to_attach: tuple[DiskToAttach, ...] | None = None


class RestoreProperties(Body, frozen=True):
    """What a recovery services vault restores, and onto which machine."""

    source_resource_id: str | None = None
    target_virtual_machine_id: str | None = None


class Datasource(Body, frozen=True):
    """What a backup vault restores to."""

    resource_id: str | None = None


class RestoreTarget(Body, frozen=True):
    """Where a backup vault restores to."""

    datasource_info: Datasource | None = None


class RestoreRequest(Body, frozen=True):
    """Of ``restore`` in vaults of either kind.

    https://learn.microsoft.com/rest/api/backup/restores/trigger
    https://learn.microsoft.com/rest/api/dataprotection/backup-instances/trigger-restore
    """

    properties: RestoreProperties | None = None
    source_resource_id: str | None = None
    restore_target_info: RestoreTarget | None = None


class PublicAddressProperties(Body, frozen=True):
    """What a public address was given to."""

    ip_configuration: Reference | None = None


class PublicAddress(Body, frozen=True):
    """Body of a write to a public address.

    https://learn.microsoft.com/rest/api/virtualnetwork/public-ip-addresses/create-or-update
    """

    properties: PublicAddressProperties | None = None


class LinkedMachine(Body, frozen=True):
    """A machine that a bastion opens to whoever has the link."""

    vm: Reference | None = None


class ShareableLinks(Body, frozen=True):
    """Of ``createShareableLinks``.

    https://learn.microsoft.com/rest/api/virtualnetwork/bastion-hosts/put-bastion-shareable-link
    """

    vms: tuple[LinkedMachine, ...] | None = None
