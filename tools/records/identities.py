"""Who calls: users, guests, service principals, managed identities and services of the platform."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from random import Random

from tools.records.identifiers import random_guid, sha256_upper, synthetic_guid, undashed
from tools.records.places import Subscription, Tenant

_MICROSOFT = "http://schemas.microsoft.com"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"

AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
AZURE_PORTAL = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
AZCOPY = "579a7132-0e58-4d80-b1e1-7a1e2d337859"
EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
BACKUP_MANAGEMENT_SERVICE = "262044b1-e2ce-469f-a196-69ab7ada62d3"


class Role(Enum):
    """Built-in roles: the title as evidence shows it, and the id that is the same in every tenant."""

    OWNER = ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635")
    CONTRIBUTOR = ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c")
    ACCOUNT_CONTRIBUTOR = ("Storage Account Contributor", "17d1049b-9a84-46fb-8f53-869881c3d3ab")
    BACKUP_CONTRIBUTOR = ("Storage Account Backup Contributor", "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1")
    KEY_OPERATOR = ("Storage Account Key Operator Service Role", "81a9662b-bebf-436f-a333-f67b29880f12")
    SNAPSHOT_CONTRIBUTOR = ("Disk Snapshot Contributor", "7efff54f-a5b4-42b5-a1c5-5411624893ce")
    BLOB_READER = ("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1")
    BLOB_CONTRIBUTOR = ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe")

    def __init__(self, title: str, definition_id: str) -> None:
        self.title = title
        self.definition_id = definition_id


class CallerKind(Enum):
    """What sort of identity calls."""

    USER = auto()
    GUEST = auto()
    SERVICE_PRINCIPAL = auto()
    MANAGED_IDENTITY = auto()
    PLATFORM_SERVICE = auto()


_PEOPLE = frozenset({CallerKind.USER, CallerKind.GUEST})
_CREDENTIAL_CLASS = {CallerKind.USER: "0", CallerKind.GUEST: "0", CallerKind.SERVICE_PRINCIPAL: "1"}


@dataclass(frozen=True)
class Caller:
    """An identity with its home tenant, the application it calls through, its address and its role.

    A person's name is "Given Surname". Applications that are not Microsoft's get an id from their name.
    """

    kind: CallerKind
    name: str
    home: Tenant
    address: str
    role: Role
    application: str = ""
    methods: str = "pwd,mfa"
    resource_id: str = ""

    @property
    def is_person(self) -> bool:
        return self.kind in _PEOPLE

    @property
    def object_id(self) -> str:
        return synthetic_guid("object", self.home.name, self.name)

    @property
    def application_id(self) -> str:
        return self.application or synthetic_guid("application", self.home.name, self.name)

    @property
    def user_name(self) -> str:
        return f"{self.name.replace(' ', '.').lower()}@{self.home.domain}"

    @property
    def principal_type(self) -> str:
        return "User" if self.is_person else "ServicePrincipal"


def authorization_evidence(caller: Caller, subscription: Subscription) -> dict[str, str]:
    """Return the role assignment by which the caller was let in."""
    return {
        "role": caller.role.title,
        "roleAssignmentScope": subscription.scope,
        "roleAssignmentId": undashed(synthetic_guid("assignment", subscription.id, caller.object_id)),
        "roleDefinitionId": undashed(caller.role.definition_id),
        "principalId": undashed(caller.object_id),
        "principalType": caller.principal_type,
    }


def claims(caller: Caller, tenant: Tenant, at: datetime, rng: Random) -> dict[str, str]:
    """Return the flattened ARM token: every value is text, numbers and lists too.

    A guest signs in to `tenant`, the resource's, and names the home tenant as identity provider; every other
    caller brings a token of its home tenant.
    """
    issuer = tenant if caller.kind is CallerKind.GUEST else caller.home
    token = _token(issuer, at, rng)
    return {
        **token,
        **(_person(caller, rng) if caller.is_person else _application(caller)),
        **_suffix(issuer, rng),
    }


def _token(issuer: Tenant, at: datetime, rng: Random) -> dict[str, str]:
    issued = int((at - timedelta(minutes=7)).timestamp())
    return {
        "aud": "https://management.core.windows.net/",
        "iss": issuer.issuer,
        "iat": str(issued),
        "nbf": str(issued),
        "exp": str(issued + 4500),
        "aio": f"Synthetic/{rng.getrandbits(512):0128x}==",
    }


def _person(caller: Caller, rng: Random) -> dict[str, str]:
    given, _, surname = caller.name.partition(" ")
    return {
        f"{_MICROSOFT}/claims/authnclassreference": "1",
        f"{_MICROSOFT}/claims/authnmethodsreferences": caller.methods,
        **(_foreign(caller) if caller.kind is CallerKind.GUEST else {f"{_XMLSOAP}/upn": caller.user_name}),
        "appid": caller.application_id,
        "appidacr": _CREDENTIAL_CLASS[caller.kind],
        f"{_XMLSOAP}/surname": surname,
        f"{_XMLSOAP}/givenname": given,
        "groups": ",".join(synthetic_guid("group", caller.home.name, str(number)) for number in range(8)),
        "idtyp": "user",
        "ipaddr": caller.address,
        "name": caller.name,
        f"{_MICROSOFT}/identity/claims/objectidentifier": caller.object_id,
        "puid": f"1003{sha256_upper('puid', caller.name)[:12]}",
        f"{_MICROSOFT}/identity/claims/scope": "user_impersonation",
        "sid": random_guid(rng),
        f"{_XMLSOAP}/nameidentifier": sha256_upper("subject", caller.name)[:43],
        f"{_XMLSOAP}/name": caller.user_name,
        "wids": synthetic_guid("directory role", caller.name),
    }


def _foreign(caller: Caller) -> dict[str, str]:
    return {
        "altsecid": f"5::1003{sha256_upper('altsecid', caller.name)[:12]}",
        f"{_XMLSOAP}/emailaddress": caller.user_name,
        f"{_MICROSOFT}/identity/claims/identityprovider": caller.home.issuer,
    }


def _application(caller: Caller) -> dict[str, str]:
    resource = {"xms_mirid": caller.resource_id} if caller.kind is CallerKind.MANAGED_IDENTITY else {}
    return {
        "appid": caller.application_id,
        "appidacr": _CREDENTIAL_CLASS.get(caller.kind, "2"),
        f"{_MICROSOFT}/identity/claims/identityprovider": caller.home.issuer,
        "idtyp": "app",
        f"{_MICROSOFT}/identity/claims/objectidentifier": caller.object_id,
        f"{_XMLSOAP}/nameidentifier": caller.object_id,
        **resource,
    }


def _suffix(issuer: Tenant, rng: Random) -> dict[str, str]:
    return {
        "rh": f"1.Synthetic{issuer.id.replace('-', '')}.",
        f"{_MICROSOFT}/identity/claims/tenantid": issuer.id,
        "uti": f"Synthetic{rng.getrandbits(52):013x}",
        "ver": "1.0",
        "xms_tcdt": "1577836800",
    }
