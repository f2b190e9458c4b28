"""What ARM calls asked for and were answered: the fields of request and response bodies that rules may rely on.

A body type is a whitelist. Only its fields are kept in memory, shown as evidence or written anywhere, so a field that
can hold a secret must never be declared. Names are snake_case here, camelCase in the body, and matched without regard
to case, because resource providers accept any case; what has another type than declared is read as absent.
"""

from msgspec import Struct


def folded(name: str) -> str:
    """The spelling under which a declared field is looked up among a body's keys in lower case."""
    return name.replace("_", "").lower()


class Body(Struct, frozen=True, omit_defaults=True, kw_only=True, rename=folded):
    """Base of body types."""


class GrantAccess(Body, frozen=True):
    """Of ``beginGetAccess``.

    https://learn.microsoft.com/rest/api/compute/disks/grant-access
    """

    access: str | None = None
    duration_in_seconds: int | None = None


class IssuedSas(Body, frozen=True):
    """Of ``listAccountSas`` and ``listServiceSas``.

    https://learn.microsoft.com/rest/api/storagerp/storage-accounts
    """

    signed_services: str | None = None
    signed_resource_types: str | None = None
    signed_resource: str | None = None
    signed_permission: str | None = None
    signed_start: str | None = None
    signed_expiry: str | None = None
    signed_ip: str | None = None
    signed_protocol: str | None = None
    signed_identifier: str | None = None
    key_to_sign: str | None = None
    canonicalized_resource: str | None = None


class RenewedKey(Body, frozen=True):
    """Of ``regenerateKey`` and ``rotateKey``: which key it was. The new keys are in the answer, which nobody reads.

    https://learn.microsoft.com/rest/api/storagerp/storage-accounts/regenerate-key
    """

    key_name: str | None = None


class IpRule(Body, frozen=True):
    """One allowed address or range of a firewall."""

    value: str | None = None


class VirtualNetworkRule(Body, frozen=True):
    """One allowed subnet of a firewall."""

    id: str | None = None


class ResourceAccessRule(Body, frozen=True):
    """One allowed Azure resource, which may be another tenant's."""

    tenant_id: str | None = None
    resource_id: str | None = None


class NetworkRules(Body, frozen=True):
    """``networkAcls`` of a storage account."""

    default_action: str | None = None
    ip_rules: tuple[IpRule, ...] | None = None
    virtual_network_rules: tuple[VirtualNetworkRule, ...] | None = None
    resource_access_rules: tuple[ResourceAccessRule, ...] | None = None


class StorageAccountProperties(Body, frozen=True):
    """The part of a storage account's properties that decides who can reach it."""

    allow_blob_public_access: bool | None = None
    allow_cross_tenant_replication: bool | None = None
    public_network_access: str | None = None
    network_acls: NetworkRules | None = None
    public_access: str | None = None


class Sku(Body, frozen=True):
    """The pricing tier of a resource."""

    name: str | None = None


class DesiredState(Body, frozen=True):
    """What every PUT of a resource has and a PATCH of one setting has not."""

    location: str | None = None
    sku: Sku | None = None

    @property
    def is_whole(self) -> bool:
        return self.location is not None or self.sku is not None


class StorageResource(DesiredState, frozen=True):
    """Body of a write to a storage account, or to one of its containers."""

    properties: StorageAccountProperties | None = None


class ReplicationProperties(Body, frozen=True):
    """Of an object replication policy.

    https://learn.microsoft.com/rest/api/storagerp/object-replication-policies
    """

    policy_id: str | None = None
    source_account: str | None = None
    destination_account: str | None = None


class ReplicationPolicy(Body, frozen=True):
    """Body of a write of an object replication policy."""

    properties: ReplicationProperties | None = None


class SharingGroup(Body, frozen=True):
    """Recipients of one kind: ``Subscriptions``, ``AADTenants`` or ``Community``."""

    type: str | None = None
    ids: tuple[str, ...] | None = None


class GallerySharing(Body, frozen=True):
    """Of ``galleries/share``.

    https://learn.microsoft.com/rest/api/compute/gallery-sharing-profile/update
    """

    operation_type: str | None = None
    groups: tuple[SharingGroup, ...] | None = None


class Delegation(Body, frozen=True):
    """What one principal of the managing tenant gets."""

    role_definition_id: str | None = None


class LighthouseProperties(Body, frozen=True):
    """Of a registration definition, or of the assignment that puts one into force."""

    registration_definition_id: str | None = None
    registration_definition_name: str | None = None
    managed_by_tenant_id: str | None = None
    managed_by_tenant_name: str | None = None
    authorizations: tuple[Delegation, ...] | None = None


class Lighthouse(Body, frozen=True):
    """Body of a write to a registration definition or assignment.

    https://learn.microsoft.com/rest/api/managedservices/registration-definitions
    """

    properties: LighthouseProperties | None = None


class ImageSource(Body, frozen=True):
    """The image that a disk is made from."""

    id: str | None = None
    shared_gallery_image_id: str | None = None


class CreationData(Body, frozen=True):
    """Where a disk or snapshot comes from."""

    create_option: str | None = None
    source_resource_id: str | None = None
    source_uri: str | None = None
    storage_account_id: str | None = None
    elastic_san_resource_id: str | None = None
    image_reference: ImageSource | None = None
    gallery_image_reference: ImageSource | None = None


class DiskProperties(Body, frozen=True):
    """Of a managed disk or snapshot."""

    creation_data: CreationData | None = None
    disk_size_gb: int | None = None


class DiskResource(DesiredState, frozen=True):
    """Body of a write to a managed disk or snapshot.

    https://learn.microsoft.com/rest/api/compute/snapshots
    """

    properties: DiskProperties | None = None
