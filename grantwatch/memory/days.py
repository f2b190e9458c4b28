"""What the five minutes of a day came to that count in it, as one row beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from grantwatch.errors import StateUnavailableError
from grantwatch.model.volume import Amount

_VERSION = 1


class Counted(Struct, frozen=True, array_like=True):
    """What a bucket came to when that much of it was known."""

    known: int
    amount: Amount


class Day(Struct, frozen=True, array_like=True):
    """The buckets that count in the windows that begin on a day, in order."""

    version: int = _VERSION
    buckets: tuple[Counted, ...] = ()

    @property
    def known(self) -> int:
        """Grows with whatever is learnt of a bucket."""
        return sum(each.known for each in self.buckets)

    @property
    def amounts(self) -> Sequence[Amount]:
        return [each.amount for each in self.buckets]

    def joined(self, new: Mapping[datetime, Counted]) -> "Day":
        """The day with what is new of its buckets: of each holds what more is known of."""
        buckets = {each.amount.at: each for each in self.buckets}
        for begin, counted in new.items():
            if begin not in buckets or buckets[begin].known < counted.known:
                buckets[begin] = counted
        return Day(buckets=tuple(buckets[begin] for begin in sorted(buckets)))

    def packed(self) -> bytes:
        """The day as bytes, which ``day_in`` reads."""
        return msgspec.msgpack.encode(self)


# Made at import: msgspec crashes if two threads are the first to need one type.
_DECODER = msgspec.msgpack.Decoder(Day)


def day_in(content: bytes | None) -> Day:
    """The day in a row, without any buckets where there is none.

    Raises StateUnavailableError on what a later version packed, ValueError on what nobody did.
    """
    day = _DECODER.decode(content) if content is not None else Day()
    if day.version > _VERSION:
        raise StateUnavailableError(f"counts of a day have version {day.version}; this one reads up to {_VERSION}")
    return day
