"""How grants end: by calls that take them back, and by themselves."""

from datetime import timedelta
from enum import Enum

from msgspec import Struct

KEYS = ("key1", "key2")
ACCESS = "access"
DELEGATION_KEYS = "delegation keys"
ANONYMOUS_ACCESS = "anonymous access"
PUBLIC_NETWORKS = "public networks"
EVERY_NETWORK = "every network"


class Ending(Enum):
    """What ends grants before their time, in words, and the parts of a resource that must all go for it.

    Whoever hears of such a call says so: a teller where several detectors are concerned, else the grant's own detector.
    """

    DELETION = "deletion of the resource, of what it lies in, or of the resource group"
    OWN_DELETION = "its own deletion"
    ACCESS_ENDED = ("`endGetAccess`", (ACCESS,))
    KEY_RENEWED = ("renewal of the key that signed it, of both where that is not known", KEYS)
    BOTH_KEYS_RENEWED = ("renewal of both keys", KEYS)
    DELEGATION_KEYS_REVOKED = ("`revokeUserDelegationKeys`", (DELEGATION_KEYS,))
    OPPOSITE_WRITE = "a write that takes it back"
    ANONYMITY_ENDED = ("a write that takes it back, of the container or the account", (ANONYMOUS_ACCESS,))
    NETWORKS_SHUT_OUT = (
        "a write that takes it back, or with publicNetworkAccess Disabled or SecuredByPerimeter, unless it is for a "
        "resource of Azure; where everyone was let in, also with defaultAction Deny",
        (PUBLIC_NETWORKS,),
    )
    SHARING_ENDED = "removal of the recipient, or a reset of the sharing"
    CONNECTION_REFUSED = "a write of the connection with the status Rejected or Disconnected"

    def __init__(self, words: str, parts: tuple[str, ...] = ()) -> None:
        self.words = words
        self.parts = parts


class Life(Struct, frozen=True, kw_only=True):
    """How the grants of one kind end. ``expected`` is None where they are meant to last, or end by themselves."""

    ended_by: tuple[Ending, ...]
    expires: str | None = None
    expected: timedelta | None = None
    because: str


def signing_keys(named: str | None) -> tuple[str, ...]:
    """The account keys that a SAS may be signed with, from what names one; both where nothing does."""
    known = (named or "").lower()
    return tuple(key for key in KEYS if known.startswith(key)) or KEYS
