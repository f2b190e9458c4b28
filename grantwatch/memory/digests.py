"""Short names for values."""

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


def digest(value: Any) -> str:
    """32 hex digits that stand for a value whose dictionaries, if any, are always built in one order."""
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=16).hexdigest()
