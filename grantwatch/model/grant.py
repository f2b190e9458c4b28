"""Access handed out, and to whom."""

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from grantwatch.model.life import Ending, Life
from grantwatch.model.resource import folded_id

_LONGEST_GRANT = 10 * 366 * 86_400


class GrantKind(StrEnum):
    """What sort of access was handed out, and how it ends."""

    life: Life

    def __new__(cls, value: str, life: Life) -> "GrantKind":
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.life = life
        return kind

    DISK_ACCESS = (
        "DiskAccess",
        Life(
            ended_by=(Ending.ACCESS_ENDED, Ending.DELETION),
            expires="after the duration that was asked for",
            expected=timedelta(days=1),
            because="An export takes hours, and its URL needs no credential.",
        ),
    )
    ACCOUNT_SAS = (
        "AccountSas",
        Life(
            ended_by=(Ending.KEY_RENEWED, Ending.DELETION),
            expires="when the request says",
            expected=timedelta(days=7),
            because="A SAS that hands data over is used within days.",
        ),
    )
    SERVICE_SAS = (
        "ServiceSas",
        Life(
            ended_by=(Ending.KEY_RENEWED, Ending.DELETION),
            expires="when the request says; with its stored access policy, which no log shows",
            expected=timedelta(days=7),
            because="A SAS that hands data over is used within days.",
        ),
    )
    USER_DELEGATION_KEY = (
        "UserDelegationKey",
        Life(
            ended_by=(Ending.DELEGATION_KEYS_REVOKED, Ending.DELETION),
            expires="after seven days at the latest",
            because="It ends by itself within days.",
        ),
    )
    ACCOUNT_KEYS = (
        "AccountKeys",
        Life(
            ended_by=(Ending.BOTH_KEYS_RENEWED, Ending.DELETION),
            because="Services read keys all day long, and nobody renews them after each reading.",
        ),
    )
    SAS_IN_USE = (
        "SasInUse",
        Life(
            ended_by=(Ending.KEY_RENEWED, Ending.DELEGATION_KEYS_REVOKED, Ending.DELETION),
            expires="when the SAS says; with its stored access policy, which no log shows",
            because="Each day of use is a finding of its own.",
        ),
    )
    OBJECT_REPLICATION = (
        "ObjectReplication",
        Life(ended_by=(Ending.OWN_DELETION, Ending.DELETION), because="Replication is set up to last."),
    )
    CROSS_TENANT_REPLICATION = (
        "CrossTenantReplication",
        Life(
            ended_by=(Ending.OPPOSITE_WRITE, Ending.DELETION),
            expected=timedelta(days=7),
            because="Days suffice to set up a policy that needs it; without one it is forgotten.",
        ),
    )
    PUBLIC_ACCESS = (
        "PublicAccess",
        Life(
            ended_by=(Ending.ANONYMITY_ENDED, Ending.DELETION),
            expected=timedelta(days=7),
            because="What was opened for a handover should be closed after a week.",
        ),
    )
    NETWORK_OPENING = (
        "NetworkOpening",
        Life(
            ended_by=(Ending.NETWORKS_SHUT_OUT, Ending.DELETION),
            expected=timedelta(days=7),
            because="Networks are opened for a piece of work, and forgotten.",
        ),
    )
    LIGHTHOUSE_DELEGATION = (
        "LighthouseDelegation",
        Life(ended_by=(Ending.OWN_DELETION, Ending.DELETION), because="A provider is taken on for years."),
    )
    IMAGE_SHARE = (
        "ImageShare",
        Life(
            ended_by=(Ending.SHARING_ENDED, Ending.DELETION),
            expected=timedelta(days=30),
            because="An image that was shared to move machines is not needed after a month.",
        ),
    )
    ROLE_ASSIGNMENT = (
        "RoleAssignment",
        Life(ended_by=(Ending.OWN_DELETION, Ending.DELETION), because="Roles are given to last."),
    )
    PRIVATE_ENDPOINT = (
        "PrivateEndpoint",
        Life(
            ended_by=(Ending.CONNECTION_REFUSED, Ending.OWN_DELETION, Ending.DELETION),
            because="A connection is part of how a network is built.",
        ),
    )
    SFTP_USER = (
        "SftpLocalUser",
        Life(
            ended_by=(Ending.OWN_DELETION, Ending.DELETION),
            expected=timedelta(days=30),
            because="A password or key of a local user never expires, and no directory shows it.",
        ),
    )
    DATA_SHARE = (
        "DataShare",
        Life(
            ended_by=(Ending.SHARING_ENDED, Ending.OWN_DELETION, Ending.DELETION),
            because="Data is shared to go on being shared.",
        ),
    )

    @property
    def expected_life(self) -> timedelta | None:
        """How long it may stay open before somebody should ask why; None where it is meant to last."""
        return self.life.expected

    @property
    def parts(self) -> tuple[str, ...]:
        """On which parts of its resource such a grant rests, unless it says so itself."""
        return next((ending.parts for ending in self.life.ended_by if ending.parts), ())


class GrantStatus(StrEnum):
    """Whether access still holds, as far as the logs tell. Expiry is derived by readers from ``GrantExpiresAt``."""

    OPEN = "Open"
    EXPIRED = "Expired"
    REVOKED = "Revoked"
    UNKNOWN = "Unknown"


class Grant(Struct, frozen=True, omit_defaults=True):
    """One handing-out of access. ``expires`` is None when it lasts until somebody revokes it, or when unknown.

    A grant belongs to the finding that states it, unless ``name`` says which it is: several findings can tell of one
    SAS, and one finding of several grants. ``of`` is the finding that a grant belongs to where another finding tells of
    it. ``carrier`` is the id of the resource that the grant itself is, such as an assignment, and its name where it has
    no other. ``rests_on`` names the parts of its resource that must all go to end it, where they are others than the
    kind's. What was ``last_used`` at some time had not ended before.
    """

    kind: GrantKind
    opened: datetime
    expires: datetime | None = None
    name: tuple[str, ...] = ()
    of: str | None = None
    carrier: str | None = None
    rests_on: tuple[str, ...] = ()
    last_used: datetime | None = None

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells it from others of its kind, whichever finding tells of it; empty where only its finding does."""
        return self.name or ((folded_id(self.carrier),) if self.carrier else ())

    @property
    def parts(self) -> tuple[str, ...]:
        return self.rests_on or self.kind.parts

    @property
    def held_until(self) -> datetime:
        """The latest time at which it is known to have held."""
        return max(self.opened, self.last_used or self.opened)

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
