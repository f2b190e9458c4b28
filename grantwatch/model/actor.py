"""Who made a call."""

from enum import StrEnum

from msgspec import Struct


class ActorKind(StrEnum):
    """What sort of identity acted."""

    USER = "User"
    GUEST = "Guest"
    SERVICE_PRINCIPAL = "ServicePrincipal"
    MANAGED_IDENTITY = "ManagedIdentity"
    PLATFORM_SERVICE = "PlatformService"
    UNKNOWN = "Unknown"


class Actor(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An identity as the record itself describes it; what is absent there is None here.

    ``tenant`` is the tenant that issued the token, which for a foreigner is not the owner's.
    """

    id: str | None = None
    upn: str | None = None
    name: str | None = None
    kind: ActorKind = ActorKind.UNKNOWN
    tenant: str | None = None
    app_id: str | None = None
    roles: tuple[str, ...] = ()
    authentication_methods: tuple[str, ...] = ()
    address: str | None = None
    user_agent: str | None = None

    @property
    def label(self) -> str:
        """The most telling name there is."""
        return self.upn or self.name or self.id or self.app_id or "an unknown caller"
