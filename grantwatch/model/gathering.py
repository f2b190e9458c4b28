"""What the facts behind one finding share when no single call does."""

from msgspec import Struct

EVERY_TENANT = ""
"""Stands for the owner in the keys of lineage: resource ids are unique, and copies cross from one tenant to another."""


class GatheringKey(Struct, frozen=True, kw_only=True):
    """Owner tenant, the detector that the facts are gathered for, or the first of several, and their natural key.

    The tenant is empty where none is known.
    """

    tenant: str
    detector: str
    natural: tuple[str, ...]
