"""What one storage request read, for counting."""

from msgspec import Struct

MOST_BYTES = 2**48 - 1
"""Of one request; a larger size is no size of a request."""


class Transfer(Struct, frozen=True, order=True):
    """One request: a digest of its identity (64 bits), the bytes that it read, and a digest of their object (48 bits).

    One that reads nothing has no object. The identity holds the id that the storage service gives to every request, so
    that no client can choose a digest.
    """

    digest: int
    size: int
    object: int | None
