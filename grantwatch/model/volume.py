"""How much was taken through one SAS, as a detector sees it: requests, bytes and objects by five minutes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import islice, takewhile

from msgspec import Struct

from grantwatch.model.storage_access import StorageAccess

BUCKET = timedelta(minutes=5)
MOST_OBJECTS = 64
"""Distinct objects up to which their number is exact; above, it is within about an eighth."""

_DIGESTS = 2**48
_DIGEST_SIZE = 6
# Below a quarter of an even share of the threshold a bucket is not worth a look.
_SHARE_THAT_COUNTS = 4


class Amount(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What was taken in one bucket: requests, bytes, and the smallest digests of objects, six bytes each, in order."""

    at: datetime
    requests: int
    size: int
    objects: bytes
    estimated: bool = False


class Limits(Struct, frozen=True, kw_only=True):
    """From how many bytes or objects within how long on reading is a transfer in bulk."""

    window: timedelta
    size: int
    objects: int

    def reached(self, size: int, objects: int) -> float:
        """How many times one of the two was reached."""
        return max(size / self.size, objects / self.objects)

    def counts(self, amount: Amount) -> bool:
        """Whether a bucket counts at all: many do not, and cost nothing but themselves.

        Counts that are estimated may fall again, so that these buckets always count.
        """
        shares = self.window / BUCKET * _SHARE_THAT_COUNTS
        return amount.estimated or self.reached(amount.size, distinct(amount.objects)) * shares >= 1

    def days(self, at: datetime) -> Iterator[date]:
        """The days of the windows that a bucket lies in, by their beginnings."""
        day = (at - self.window).astimezone(UTC).date()
        while day <= at.date():
            yield day
            day += timedelta(days=1)


class Taken(Struct, frozen=True):
    """What was taken in one window: figures, each rounded down to a power of two, or of two times the limit.

    A long download so changes them when they have doubled, and not with every request.
    """

    begins: datetime
    ends: datetime
    requests: int
    size: int
    objects: int
    estimated: bool


@dataclass(frozen=True)
class Volume(StorageAccess):
    """Who used one SAS on one day, and how much they took.

    ``amounts`` are those of the buckets that count, in order; some may be of the next day, for the windows that begin
    on this one.
    """

    amounts: tuple[Amount, ...]
    limits: Limits

    @property
    def most(self) -> float:
        """How many times the fullest window reached a limit."""
        return max((reached for reached, _ in self._windows), default=0.0)

    @property
    def taken(self) -> Taken | None:
        """The first window that reached as much, but for less than a doubling, as the fullest one; None without any."""
        level, limits = _floored(self.most), self.limits
        window = next((window for reached, window in self._windows if reached >= level), None)
        if window is None:
            return None
        return Taken(
            begins=window[0].at,
            ends=window[0].at + limits.window + BUCKET,
            requests=int(_floored(sum(each.requests for each in window))),
            size=int(limits.size * _floored(sum(each.size for each in window) / limits.size)),
            objects=int(_floored(distinct(*(each.objects for each in window)))),
            estimated=any(each.estimated for each in window) or _is_full(_united(each.objects for each in window)),
        )

    def until(self, end: datetime) -> "Volume":
        """The same of those alone who used it before that time: who came later took nothing of what was taken then.

        Who came earlier may have gone on, of which nothing is known. All, while those who took it are not known yet.
        """
        return replace(self, accesses=tuple(each for each in self.accesses if each.time < end) or self.accesses)

    @cached_property
    def _windows(self) -> Sequence[tuple[float, Sequence[Amount]]]:
        """What lies in each window that begins with a bucket of this day, and how many times it reached a limit."""
        day = date.fromisoformat(self.key.natural[-1])
        windows = []
        for place, first in enumerate(self.amounts):
            if first.at.date() == day:
                window = self._within(place)
                windows.append((self._reached(window), window))
        return windows

    def _within(self, place: int) -> Sequence[Amount]:
        """From one bucket to that in which the window ends, should it begin with the last moment of the first."""
        end = self.amounts[place].at + self.limits.window
        return tuple(takewhile(lambda each: each.at <= end, islice(self.amounts, place, None)))

    def _reached(self, window: Sequence[Amount]) -> float:
        size = sum(each.size for each in window)
        objects = sum(distinct(each.objects) for each in window)
        if objects >= self.limits.objects:  # else they need not be told apart
            objects = distinct(*(each.objects for each in window))
        return self.limits.reached(size, objects)


def sketch_of(objects: Iterable[int]) -> bytes:
    """The smallest digests of objects, which tell how many there are, as they are kept; in order, 48 bits each."""
    return b"".join([each.to_bytes(_DIGEST_SIZE) for each in objects])


def distinct(*sketches: bytes) -> int:
    """How many objects there are in all (a k-minimum-values sketch)."""
    sketch = sketches[0] if len(sketches) == 1 else _united(sketches)
    number = len(sketch) // _DIGEST_SIZE
    if not _is_full(sketch):
        return number
    return round((number - 1) * _DIGESTS / (int.from_bytes(sketch[-_DIGEST_SIZE:]) + 1))


def _is_full(sketch: bytes) -> bool:
    """Whether there may be more objects than it has digests, so that their number is an estimate."""
    return len(sketch) >= MOST_OBJECTS * _DIGEST_SIZE


def _united(sketches: Iterable[bytes]) -> bytes:
    places = ((sketch, place) for sketch in sketches for place in range(0, len(sketch), _DIGEST_SIZE))
    digests = {sketch[place : place + _DIGEST_SIZE] for sketch, place in places}
    return b"".join(sorted(digests)[:MOST_OBJECTS])


def _floored(value: float) -> float:
    """The greatest power of two that is not greater."""
    if value <= 0:
        return 0
    power = 1.0
    while power > value:
        power /= 2
    while power * 2 <= value:
        power *= 2
    return power
