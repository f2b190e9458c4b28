"""Bodies of the calls that let somebody in: roles, private endpoints, local users and shares.

The same rules hold as in ``bodies.py``. Nothing of a local user's passwords and keys may ever be declared here.
"""

from grantwatch.model.bodies import Body


class RoleAssignmentProperties(Body, frozen=True):
    """Of a role assignment.

    ``delegated_managed_identity_resource_id`` is only there where the identity belongs to another tenant.
    """

    role_definition_id: str | None = None
    principal_id: str | None = None
    principal_type: str | None = None
    delegated_managed_identity_resource_id: str | None = None


class RoleAssignment(Body, frozen=True):
    """Body of a write of a role assignment.

    https://learn.microsoft.com/rest/api/authorization/role-assignments/create
    """

    properties: RoleAssignmentProperties | None = None


class ResourceReference(Body, frozen=True):
    """Another resource, by its id."""

    id: str | None = None


class ConnectionState(Body, frozen=True):
    """Whether a private endpoint was let in."""

    status: str | None = None


class ConnectionProperties(Body, frozen=True):
    """Of a private endpoint connection."""

    private_endpoint: ResourceReference | None = None
    private_link_service_connection_state: ConnectionState | None = None


class EndpointConnection(Body, frozen=True):
    """Body of a write of a private endpoint connection, the same at every service.

    https://learn.microsoft.com/rest/api/storagerp/private-endpoint-connections/put
    """

    properties: ConnectionProperties | None = None


class PermissionScope(Body, frozen=True):
    """What a local user may do in one container or share."""

    permissions: str | None = None
    service: str | None = None
    resource_name: str | None = None


class LocalUserProperties(Body, frozen=True):
    """Of a local user. Its keys and passwords are never declared."""

    permission_scopes: tuple[PermissionScope, ...] | None = None
    home_directory: str | None = None
    has_ssh_key: bool | None = None
    has_ssh_password: bool | None = None
    has_shared_key: bool | None = None


class LocalUser(Body, frozen=True):
    """Body of a write of a local user of a storage account.

    https://learn.microsoft.com/rest/api/storagerp/local-users/create-or-update
    """

    properties: LocalUserProperties | None = None


class AccessPolicy(Body, frozen=True):
    """A managed identity that a data share of a storage account lets in."""

    principal_id: str | None = None
    tenant_id: str | None = None
    permission: str | None = None


class SharedAsset(Body, frozen=True):
    """A path that a data share of a storage account shows."""

    asset_path: str | None = None


class SharedDataProperties(Body, frozen=True):
    """Of an invitation of Azure Data Share, and of a data share of a storage account."""

    target_active_directory_id: str | None = None
    target_object_id: str | None = None
    target_email: str | None = None
    access_policies: tuple[AccessPolicy, ...] | None = None
    assets: tuple[SharedAsset, ...] | None = None


class SharedData(Body, frozen=True):
    """Body of a write of either.

    https://learn.microsoft.com/rest/api/datashare/invitations/create
    https://learn.microsoft.com/rest/api/storagerp/data-shares
    """

    properties: SharedDataProperties | None = None
