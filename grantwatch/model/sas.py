"""What a shared access signature allows, read from the URL that carries it.

The storage log masks only the signature; every other parameter stays. Their meaning:
https://learn.microsoft.com/rest/api/storageservices/delegate-access-with-shared-access-signature
"""

import hashlib
import re
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import parse_qsl

from msgspec import Struct

from grantwatch.model.secrets import masked, printable
from grantwatch.model.time import time_of

_LARGEST_NETWORK = 2**16
_LONGEST_QUERY = 4096


class SasKind(StrEnum):
    """What signed the SAS, and how far it reaches."""

    ACCOUNT = "AccountSas"
    SERVICE = "ServiceSas"
    USER_DELEGATION = "UserDelegationSas"


class Sas(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The parameters of a SAS; the signature is never among them.

    ``delegator_*`` name who asked for the user delegation key, which is valid since ``delegated``, ``recipient_*`` whom
    a user-bound SAS is for.
    """

    kind: SasKind
    permissions: str = ""
    services: str = ""
    resource_types: str = ""
    resource: str = ""
    starts: datetime | None = None
    expires: datetime | None = None
    address_range: str | None = None
    protocol: str | None = None
    policy: str | None = None
    delegator_id: str | None = None
    delegator_tenant: str | None = None
    delegated: datetime | None = None
    recipient_id: str | None = None
    recipient_tenant: str | None = None

    @property
    def is_bare(self) -> bool:
        """Whether it came as a signature alone, which kinds have in common: which one it is of, it does not tell."""
        return self == Sas(kind=self.kind)

    @property
    def is_account_wide(self) -> bool:
        return self.kind is SasKind.ACCOUNT

    def lifetime(self, used: datetime) -> timedelta | None:
        """From its start, or from a use where it names none, to its expiry; None when it does not say."""
        return self.expires - (self.starts or used) if self.expires else None

    @property
    def binds_address(self) -> bool:
        """Whether it can only be used from some network; a range over half the internet binds nothing."""
        first, _, last = (self.address_range or "").partition("-")
        try:
            return int(ip_address(last or first)) - int(ip_address(first)) < _LARGEST_NETWORK
        except ValueError:
            return False

    @property
    def looks_like_portal(self) -> bool:
        """Near-full account SAS over all services: what the Azure portal mints for browsing by key."""
        return (
            self.is_account_wide
            and set(self.services) >= set("bqtf")
            and set(self.resource_types) >= set("sco")
            and set(self.permissions) >= set("rwdlac")
        )


def sas_of(url: str) -> Sas | None:
    """The SAS in a request URL, or None when it carries no signature. Parameter names are case-blind, as in Azure.

    The outcome depends on the query alone and requests repeat it, so the last few thousand are kept.
    """
    query = url.partition("?")[2].partition("#")[0]
    if not _SIGNATURE.search(query):
        return None
    if len(query) > _LONGEST_QUERY:
        query = "&".join(dict.fromkeys(found[0] for found in _PARAMETER.finditer(query)))[:_LONGEST_QUERY]
    return _sas_of_query(_SIGNATURE.sub("sig=", query))


# `sig` and the signatures of older disk and table links, however the name is cased or percent-encoded.
_SIGNATURE = re.compile(r"(?<![^&?])(?:s|%73)(?:i|%69)(?:g|%67)=[^&#\s]*", re.IGNORECASE)


# The parameters that are read, to find them behind any amount of padding.
_PARAMETER = re.compile(
    r"(?<![^&])(?:ss|srt|sr|sp|st|se|sip|spr|si|skt|skoid|sktid|sduoid|skdutid)=[^&]{0,512}", re.IGNORECASE
)


@lru_cache(maxsize=4096)
def _sas_of_query(query: str) -> Sas:
    fields: dict[str, str] = {}
    for name, value in parse_qsl(query):
        fields.setdefault(name.lower(), masked(printable(value[:8192]))[:256])
    delegated = "skoid" in fields or "sktid" in fields
    if delegated:
        kind = SasKind.USER_DELEGATION
    else:
        kind = SasKind.ACCOUNT if "ss" in fields or "srt" in fields else SasKind.SERVICE
    return Sas(
        kind=kind,
        permissions=fields.get("sp", ""),
        services=fields.get("ss", ""),
        resource_types=fields.get("srt", ""),
        resource=fields.get("sr", ""),
        starts=time_of(fields.get("st")),
        expires=time_of(fields.get("se")),
        address_range=fields.get("sip"),
        protocol=fields.get("spr"),
        policy=fields.get("si"),
        delegator_id=fields.get("skoid"),
        delegator_tenant=fields.get("sktid"),
        delegated=time_of(fields.get("skt")),
        recipient_id=fields.get("sduoid"),
        recipient_tenant=fields.get("skdutid"),
    )


def signature_hash(signature: str) -> str:
    """The name of the SAS with that signature, decoded: upper-case hex SHA-256, as storage logs show it."""
    return hashlib.sha256(signature.encode("utf-8", "surrogatepass")).hexdigest().upper()
