"""The books of the engine."""

from msgspec import Struct
from msgspec.structs import fields


class Tally(Struct):
    """What became of the records of some bodies. Every record is selected, ignored or rejected, and only one of them.

    ``published`` counts revisions of findings, ``parked`` what was set aside with its reason, rejected records too.
    """

    records: int = 0
    selected: int = 0
    ignored: int = 0
    rejected: int = 0
    published: int = 0
    parked: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))
