"""What all variants are given: the same bodies of one family, held in memory."""

from dataclasses import dataclass
from enum import StrEnum

from tools.load import activity_bodies, storage_bodies

_STORAGE_RECORDS_TO_ONE_OF_ACTIVITY = 4
_SIGNED_SHARE, _SIGNATURES = 0.3, 1_000


class Family(StrEnum):
    """The kinds of logs that are measured."""

    STORAGE = "storage"
    ACTIVITY = "activity"
    SIGNED = "storage, 30 % by SAS"
    """By 1,000 of them, which is as bad as it gets."""


@dataclass(frozen=True)
class Load:
    """Message bodies of one family with `records` records in all."""

    family: Family
    records: int
    bodies: tuple[bytes, ...]

    @property
    def size(self) -> int:
        return sum(map(len, self.bodies))


def load_of(family: Family, storage_records: int) -> Load:
    """The load that goes with so many storage records: Activity records are longer and fewer, a quarter as many."""
    match family:
        case Family.STORAGE:
            return Load(family, storage_records, tuple(storage_bodies(storage_records)))
        case Family.ACTIVITY:
            records = max(1, storage_records // _STORAGE_RECORDS_TO_ONE_OF_ACTIVITY)
            return Load(family, records, tuple(activity_bodies(records)))
        case Family.SIGNED:
            bodies = storage_bodies(storage_records, share=_SIGNED_SHARE, signatures=_SIGNATURES)
            return Load(family, storage_records, tuple(bodies))
