"""How a storage request proves its right: `identity` of the record, and what the URI shows of it."""

from dataclasses import dataclass
from typing import Any, Protocol

from tools.records.identifiers import sha256_upper, signature_hash, synthetic_guid
from tools.records.identities import Caller, Role
from tools.records.places import Account

_STORAGE_AUDIENCE = "https://storage.azure.com"


class Credential(Protocol):
    """Anything that can sign a storage request."""

    @property
    def query(self) -> str:
        """The SAS parameters in the URI, or nothing."""
        ...

    def identity(self, account: Account, action: str) -> dict[str, Any]:
        """Return the record's `identity`; `action` is the data action that the request needs."""
        ...


@dataclass(frozen=True)
class OAuth:
    """A bearer token of a caller."""

    caller: Caller
    role: Role = Role.BLOB_CONTRIBUTOR
    query: str = ""

    def identity(self, account: Account, action: str) -> dict[str, Any]:
        return {
            "type": "OAuth",
            "tokenHash": sha256_upper("token", self.caller.object_id),
            "authorization": [_authorization(self.caller, self.role, account, action)],
            "requester": _requester(self.caller, account),
        }


@dataclass(frozen=True)
class AccountKey:
    """A signature by an account key, 1 or 2."""

    key: int = 1
    query: str = ""

    def identity(self, account: Account, action: str) -> dict[str, Any]:
        return {"type": "AccountKey", "tokenHash": account.key_hash(self.key)}


@dataclass(frozen=True)
class Sas:
    """An account or service SAS: the query tells them apart, `label` says which SAS of all it is."""

    query: str
    label: str
    key: int = 1

    def identity(self, account: Account, action: str) -> dict[str, Any]:
        return {
            "type": "SAS",
            "tokenHash": f"{account.key_hash(self.key)},SasSignature({signature_hash(self.label)})",
        }


@dataclass(frozen=True)
class DelegationSas:
    """A SAS signed with a user delegation key of `delegator`."""

    query: str
    label: str
    delegator: Caller

    def identity(self, account: Account, action: str) -> dict[str, Any]:
        key = sha256_upper("delegation key", account.name, self.delegator.object_id)
        return {
            "type": "DelegationSas",
            "tokenHash": f"user-delegation({key}),SasSignature({signature_hash(self.label)})",
            "authorization": [_authorization(self.delegator, Role.BLOB_READER, account, action)],
            "requester": {"objectId": self.delegator.object_id, "tenantId": self.delegator.home.id},
        }


@dataclass(frozen=True)
class Anonymous:
    """No credential at all: the container is public."""

    query: str = ""

    def identity(self, account: Account, action: str) -> dict[str, Any]:
        return {"type": "Anonymous"}


def _authorization(caller: Caller, role: Role, account: Account, action: str) -> dict[str, Any]:
    assignment = synthetic_guid("assignment", account.name, caller.object_id, role.title)
    return {
        "action": action,
        "roleAssignmentId": assignment,
        "roleDefinitionId": role.definition_id,
        "principals": [{"id": caller.object_id, "type": caller.principal_type}],
        "denyAssignmentId": "",
        "type": "RBAC",
        "result": "Granted",
        "reason": "Policy",
    }


def _requester(caller: Caller, account: Account) -> dict[str, str]:
    """Return who asked; storage does not show the user name of another tenant's user."""
    named = caller.is_person and caller.home == account.subscription.tenant
    return {
        "appId": caller.application_id,
        "audience": _STORAGE_AUDIENCE,
        "objectId": caller.object_id,
        "tenantId": caller.home.id,
        "tokenIssuer": caller.home.issuer,
        **({"upn": caller.user_name, "userName": caller.user_name} if named else {}),
    }
