"""Where a call came from."""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Not reachable from the internet. Written out, because Python's `is_private` also counts documentation ranges.
_INTERNAL: tuple[IpNetwork, ...] = tuple(
    ipaddress.ip_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


LONGEST_ADDRESS = 128
"""More than any address with its port; callers cut, so that no long text is kept in a cache."""


class IpClass(StrEnum):
    """Whose network an address belongs to."""

    OWN = "Own"
    AZURE_INTERNAL = "AzureInternal"
    PUBLIC = "Public"
    UNKNOWN = "Unknown"


class Networks(Struct, frozen=True):
    """The networks that this organisation declared as its own."""

    own: tuple[IpNetwork, ...] = ()

    @classmethod
    def of(cls, blocks: Iterable[str]) -> "Networks":
        """From CIDR texts; raises ValueError on one that is none."""
        return cls(tuple(ipaddress.ip_network(block.strip(), strict=False) for block in blocks))

    def classify(self, address: str | None) -> IpClass:
        """The class of an address text, or of a network by its first address.

        A private address that nobody declared is some virtual network in Azure, which may as well be an attacker's:
        it is named ``AzureInternal``, not trusted.
        """
        return _classify(self.own, address)


@lru_cache(maxsize=4096)
def _classify(own: tuple[IpNetwork, ...], address: str | None) -> IpClass:
    if address is None:
        return IpClass.UNKNOWN
    try:
        ip = ipaddress.ip_address(address.partition("/")[0])
    except ValueError:
        return IpClass.UNKNOWN
    if any(ip in network for network in own):
        return IpClass.OWN
    return IpClass.AZURE_INTERNAL if any(ip in network for network in _INTERNAL) else IpClass.PUBLIC


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str | None:
    """The network that an address is taken to lie in: /24, or /48 of IPv6, and /16 where addresses are private.

    Virtual networks are seldom smaller than that, and one client moves about in them.
    """
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    length = 48 if ip.version == 6 else 16 if any(ip in network for network in _INTERNAL) else 24
    return str(ipaddress.ip_network(f"{ip}/{length}", strict=False))


def without_port(text: str) -> str:
    """The address in ``v4:port``, ``[v6]:port`` and ``[v6]``; any other text as it is."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


@lru_cache(maxsize=4096)
def address_of(text: str) -> str | None:
    """The address in a ``callerIpAddress``: bare, ``v4:port``, ``[v6]:port`` or ``[v6]``; None where there is none.

    IPv4-mapped IPv6 is unwrapped, and the text is canonical, so that one address has one spelling.
    """
    try:
        ip = ipaddress.ip_address(without_port(text))
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ip)
