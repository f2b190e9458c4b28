"""Access handed out, and to whom."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

_LONGEST_GRANT = 10 * 366 * 86_400


class GrantKind(StrEnum):
    """What sort of access was handed out."""

    DISK_ACCESS = "DiskAccess"
    ACCOUNT_SAS = "AccountSas"
    SERVICE_SAS = "ServiceSas"
    USER_DELEGATION_KEY = "UserDelegationKey"
    ACCOUNT_KEYS = "AccountKeys"
    SAS_IN_USE = "SasInUse"
    OBJECT_REPLICATION = "ObjectReplication"
    CROSS_TENANT_REPLICATION = "CrossTenantReplication"
    PUBLIC_ACCESS = "PublicAccess"
    NETWORK_OPENING = "NetworkOpening"
    LIGHTHOUSE_DELEGATION = "LighthouseDelegation"
    IMAGE_SHARE = "ImageShare"

    @property
    def expected_life(self) -> timedelta | None:
        """How long it may stay open before somebody should ask why; None where it is meant to last."""
        return timedelta(days=1) if self is GrantKind.DISK_ACCESS else None


class GrantStatus(StrEnum):
    """Whether access still holds, as far as the logs tell. Expiry is derived by readers from ``GrantExpiresAt``."""

    OPEN = "Open"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    UNKNOWN = "Unknown"


class Grant(Struct, frozen=True, omit_defaults=True):
    """One handing-out of access. ``expires`` is None when it lasts until somebody revokes it, or when unknown.

    A grant belongs to the finding that states it, unless ``name`` says which it is: several findings can tell of one
    SAS. ``of`` is the finding that a grant belongs to where another finding tells of it.
    """

    kind: GrantKind
    opened: datetime
    expires: datetime | None = None
    name: tuple[str, ...] = ()
    of: str | None = None

    @property
    def overdue(self) -> datetime | None:
        """Until when a grant of its kind may stay open; None where it ends by itself before, or may stay for ever."""
        life = self.kind.expected_life
        end = self.opened + life if life else None
        return None if end is None or self.of or (self.expires and self.expires <= end) else end


def after(opened: datetime, seconds: int | None) -> datetime | None:
    """When a grant of that length ends; None where no length was asked for, or none that a grant can have."""
    return opened + timedelta(seconds=seconds) if seconds and 0 < seconds <= _LONGEST_GRANT else None


class RecipientKind(StrEnum):
    """What sort of party can now reach the data."""

    TENANT = "Tenant"
    PRINCIPAL = "Principal"
    STORAGE_ACCOUNT = "StorageAccount"
    SUBSCRIPTION = "Subscription"
    ADDRESS = "Address"
    ANYONE = "Anyone"
    UNKNOWN = "Unknown"


class Confidence(StrEnum):
    """How surely the recipient is known: stated by the record, inferred from it, or neither."""

    STATED = "Stated"
    INFERRED = "Inferred"
    NONE = "None"


class Recipient(Struct, frozen=True):
    """Who can now reach the data."""

    kind: RecipientKind
    id: str | None = None
    tenant: str | None = None
    name: str | None = None
    confidence: Confidence = Confidence.STATED


UNKNOWN_RECIPIENT = Recipient(RecipientKind.UNKNOWN, confidence=Confidence.NONE)
ANYONE = Recipient(RecipientKind.ANYONE)
"""Whoever holds a bearer URL, or everyone on the internet."""
