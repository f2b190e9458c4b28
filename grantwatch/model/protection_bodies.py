"""Bodies of the calls that decide how long what is deleted is kept: soft delete, versions, immutability.

The same rules hold as in ``bodies.py``.
"""

from grantwatch.model.bodies import Body, DesiredState


class RetentionPolicy(Body, frozen=True):
    """Whether what is deleted is kept for some time."""

    enabled: bool | None = None


class SoftDelete(Body, frozen=True):
    """``softDeleteSettings`` of a vault; of a backup vault they call it ``state``."""

    soft_delete_state: str | None = None
    state: str | None = None


class Immutability(Body, frozen=True):
    """``immutabilitySettings`` of a vault."""

    state: str | None = None


class VaultSecurity(Body, frozen=True):
    """``securitySettings`` of a vault."""

    soft_delete_settings: SoftDelete | None = None
    immutability_settings: Immutability | None = None


class ProtectionProperties(Body, frozen=True):
    """What keeps deleted data of a storage service, of a vault, or of a vault's backup configuration."""

    delete_retention_policy: RetentionPolicy | None = None
    container_delete_retention_policy: RetentionPolicy | None = None
    share_delete_retention_policy: RetentionPolicy | None = None
    is_versioning_enabled: bool | None = None
    security_settings: VaultSecurity | None = None
    soft_delete_feature_state: str | None = None


class Protection(DesiredState, frozen=True):
    """Body of a write of any of them.

    https://learn.microsoft.com/rest/api/storagerp/blob-services/set-service-properties
    https://learn.microsoft.com/rest/api/recoveryservices/vaults/create-or-update
    """

    properties: ProtectionProperties | None = None
