"""What the letters in a SAS mean, in words.

https://learn.microsoft.com/rest/api/storageservices/create-account-sas and its neighbours for service and user
delegation SAS.
"""

from collections.abc import Mapping

from grantwatch.model.sas import Sas, SasKind

_KINDS = {
    SasKind.ACCOUNT: "account SAS, signed with an account key",
    SasKind.SERVICE: "service SAS, signed with an account key",
    SasKind.USER_DELEGATION: "user delegation SAS, signed with a key that somebody asked for in their own name",
}
_BARE = "not told: a signature alone does not say what signed it, nor what it opens; the other parameters of the URL do"
_PERMISSIONS = {
    "r": "read",
    "a": "add",
    "c": "create",
    "w": "write",
    "d": "delete",
    "x": "delete versions",
    "y": "delete for good",
    "l": "list",
    "t": "read and write tags",
    "f": "find by tags",
    "m": "move",
    "e": "execute",
    "o": "change owners",
    "p": "change permissions, or process messages",
    "u": "update",
    "i": "set immutability",
}
_SERVICES = {"b": "blobs", "f": "files", "q": "queues", "t": "tables"}
_RESOURCE_TYPES = {"s": "the service", "c": "containers", "o": "objects"}
_RESOURCES = {
    "b": "one blob",
    "bs": "one snapshot of a blob",
    "bv": "one version of a blob",
    "c": "a container",
    "d": "a directory",
    "f": "one file",
    "s": "a share",
}


def kind_of(sas: Sas) -> str:
    """What sort of SAS it is, and what signed it."""
    return _BARE if sas.is_bare else _KINDS[sas.kind]


def permissions_of(sas: Sas) -> tuple[str, ...]:
    """What its holder may do."""
    return _words(sas.permissions, _PERMISSIONS)


def reach_of(sas: Sas) -> tuple[str, ...]:
    """To what."""
    if sas.is_account_wide:
        return _words(sas.services, _SERVICES) + _words(sas.resource_types, _RESOURCE_TYPES)
    return (_RESOURCES.get(sas.resource.lower(), sas.resource),) if sas.resource else ()


def _words(letters: str, meanings: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(meanings.get(letter, f"unknown ({letter})") for letter in letters.lower()))
