"""What the facts behind one finding share when no single call does."""

from msgspec import Struct


class GatheringKey(Struct, frozen=True, kw_only=True):
    """Owner tenant, the detector that the facts are gathered for, or the first of several, and their natural key."""

    tenant: str
    detector: str
    natural: tuple[str, ...]
