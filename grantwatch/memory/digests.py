"""Short names for values."""

import hashlib
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="deterministic")


def digest(value: Any) -> str:
    """32 hex digits that stand for a value: equal values, in any field order, have equal digests."""
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=16).hexdigest()
