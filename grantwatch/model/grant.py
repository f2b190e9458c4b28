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


class GrantStatus(StrEnum):
    """Whether access still holds, as far as the logs tell. Expiry is derived by readers from ``GrantExpiresAt``."""

    OPEN = "Open"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    UNKNOWN = "Unknown"


class Grant(Struct, frozen=True):
    """One handing-out of access. ``expires`` is None when it lasts until somebody revokes it, or when unknown."""

    kind: GrantKind
    opened: datetime
    expires: datetime | None = None


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
