"""A request to a storage account's data plane, from its resource log."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

from msgspec import Struct
from msgspec.structs import replace

from grantwatch.model.actor import Actor
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.network import IpClass, network_of
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.sas import Sas
from grantwatch.model.severity import Outcome

COPY_ENGINE_READS = ("GetBlob", "GetBlobRange", "GetFile", "ReadFile")
"""What Azure Storage does to a source on behalf of a destination; whoever else claims its agent for more is lying."""


READS = (
    "GetBlob",
    "GetBlobRange",
    "QueryBlobContents",
    "ReadFile",
    "GetFile",
    "QueryEntity",
    "QueryEntities",
    "GetMessages",
    "PeekMessages",
)
"""Operations that bring data to whoever asks.

https://learn.microsoft.com/rest/api/storageservices/storage-analytics-logged-operations-and-status-messages
"""

ANY_OPERATION = "*"
"""In place of the operation, where uses are told apart by less."""
NOT_READING = "-"
"""In place of the operation, where nothing matters but that it is none of ``READS``."""

_COPY_ENGINE_READS = frozenset(map(str.lower, COPY_ENGINE_READS))
_READS = frozenset(map(str.lower, READS))
_COPY_ENGINE = "services_xstore_transport"
_SYSTEM_KEY = re.compile(r"system-\d+\(")
_BROWSER = "Mozilla/"
STAND_IN = "PARAMETERS-"
"""What the name of a SAS begins with when its signature is not known and its parameters stand in for it."""


class Authentication(StrEnum):
    """How a request proved itself, as storage logs spell it without blanks and case."""

    SAS = "sas"
    DELEGATION_SAS = "delegationsas"
    OAUTH = "oauth"


class Access(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One storage request, reduced to what rules may rely on; many alike requests are one.

    ``signature`` is the SHA-256 that storage logs show, the name of a SAS; where it is missing, a digest of the
    SAS's other parameters. ``object_path`` is ``account/container/blob`` in the account's own words, ``source_path``
    the same of a copy's source.
    """

    time: datetime
    operation: str
    succeeded: bool
    authentication: str
    account: str
    resource: str
    actor: Actor
    network: IpClass
    sas: Sas | None = None
    signature: str | None = None
    signed_with: str | None = None
    referrer_is_portal: bool = False
    object_path: str | None = None
    source_path: str | None = None
    requests_delegation_key: bool = False
    policy_violated: bool = False
    salvaged: bool = False
    region: str | None = None

    @property
    def by_copy_engine(self) -> bool:
        """A read made by storage itself for a server-side copy, as far as the agent can be believed."""
        agent = (self.actor.user_agent or "")[: len(_COPY_ENGINE)].lower()
        return agent == _COPY_ENGINE and self.operation.lower() in _COPY_ENGINE_READS

    @property
    def reads(self) -> bool:
        """Whether it brought data to whoever asked."""
        return self.operation.lower() in _READS

    @property
    def reads_nothing(self) -> bool:
        """Whether that is all that ``by_reader`` left of what it did."""
        return self.operation == NOT_READING

    @property
    def in_portal(self) -> bool:
        """Shaped like a person browsing in the Azure portal with the SAS that the portal makes for itself."""
        return self.referrer_is_portal and self.by_browser and self.sas is not None and self.sas.looks_like_portal

    @property
    def by_browser(self) -> bool:
        """As far as the agent can be believed."""
        return (self.actor.user_agent or "").startswith(_BROWSER)

    @property
    def has_signature(self) -> bool:
        """Whether the record told the signature, and not only parameters that two SAS may share."""
        return not (self.signature or STAND_IN).startswith(STAND_IN)

    @property
    def origin(self) -> str:
        """The address, or network, that it came from; the class of networks where that is all that is known."""
        return "Copy engine" if self.by_copy_engine else self.actor.address or self.network

    @property
    def by_storage_itself(self) -> bool:
        """With a SAS that the storage service signed for itself; no client can make one."""
        signer = self.signed_with
        return signer is not None and signer.startswith("system-") and _SYSTEM_KEY.match(signer) is not None


def by_object(access: Access) -> Access:
    """What tells uses apart: everything, objects too."""
    return access


def by_client(access: Access) -> Access:
    """What tells uses apart: everything but the objects, so that a thousand blobs read alike are one use."""
    return replace(access, object_path=None, source_path=None)


def by_client_outside(access: Access) -> Access:
    """What tells uses apart: everything but the objects, where networks of ours are one and crowd nobody out."""
    return by_network(access) if access.network is IpClass.OWN else by_client(access)


def by_reader(access: Access) -> Access:
    """What tells uses apart: who read, told apart as clients outside, and who only did something else."""
    client = by_client_outside(access)
    return client if access.reads else replace(client, operation=NOT_READING)


def by_network(access: Access) -> Access:
    """What tells uses apart: the network alone, so that nobody can crowd others out with agents or operations.

    Networks of ours are one, and storage's copy engine is one wherever it is. Of a SAS like the portal's own it still
    matters whether a browser used it, in the portal.
    """
    if access.by_copy_engine:
        engine = replace(access.actor, address=None, user_agent=_COPY_ENGINE)
        return replace(by_client(access), operation=COPY_ENGINE_READS[0], actor=engine, referrer_is_portal=False)
    browsing = access.by_browser and access.sas is not None and access.sas.looks_like_portal
    return replace(
        access,
        operation=ANY_OPERATION,
        actor=_of_network(access.actor, access.network is IpClass.OWN, browsing),
        referrer_is_portal=access.referrer_is_portal and browsing,
        object_path=None,
        source_path=None,
    )


@lru_cache(maxsize=4096)
def _of_network(actor: Actor, is_own: bool, browsing: bool) -> Actor:
    """What is left of who made a request, where only the network counts."""
    address = None if is_own else network_of(actor.address)
    return replace(actor, address=address, user_agent=_BROWSER if browsing else None)


@dataclass(frozen=True)
class StorageAccess:
    """Storage requests that are one matter to a detector, as it sees them.

    ``accesses`` are the distinct ones in order of first use, never none. ``known_use`` is the latest time at which
    there is known to have been one of the same SAS or caller, where that is remembered.
    """

    key: GatheringKey
    accesses: tuple[Access, ...]
    known_use: datetime | None = field(default=None, kw_only=True)

    @property
    def first(self) -> Access:
        return self.accesses[0]

    @property
    def last_used(self) -> datetime:
        """The latest time at which it is known to have been used: uses of one hour are not told apart."""
        return self.known_use or self.accesses[-1].time

    @property
    def tenant(self) -> str:
        """The tenant that owns the account; empty when it is not configured."""
        return self.key.tenant

    @cached_property
    def outcome(self) -> Outcome:
        return Outcome.SUCCEEDED if any(access.succeeded for access in self.accesses) else Outcome.FAILED

    @property
    def name(self) -> str:
        return self.first.operation

    @property
    def correlation_id(self) -> None:
        """Every request has its own."""
        return None

    @property
    def actor(self) -> Actor:
        return self.first.actor

    @property
    def region(self) -> str | None:
        return self.first.region

    @property
    def salvaged(self) -> bool:
        return any(access.salvaged for access in self.accesses)

    @property
    def resource(self) -> ResourceId:
        """The storage account; just its name where no record named the resource."""
        return resource_of(max({access.resource for access in self.accesses}, key=lambda text: (len(text), text)))

    @property
    def in_portal(self) -> bool:
        return all(access.in_portal for access in self.accesses)

    @property
    def addresses(self) -> tuple[str, ...]:
        return _distinct(access.actor.address for access in self.accesses)

    @property
    def origins(self) -> tuple[str, ...]:
        """Addresses or networks in order of first use, with the class alone where nothing else is known."""
        return _distinct(access.origin for access in self.accesses)

    @property
    def agents(self) -> tuple[str, ...]:
        return _distinct(access.actor.user_agent for access in self.accesses)

    @property
    def operations(self) -> tuple[str, ...]:
        return _distinct(access.operation for access in self.accesses)


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
