"""How much was taken through one SAS: by five minutes, in the fullest window of a day, and as a detector sees it."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from msgspec import Struct

from grantwatch.model.storage_access import StorageAccess

BUCKET = timedelta(minutes=5)
MOST_OBJECTS = 64
"""Distinct objects up to which their number is exact; above, it is within about an eighth."""

_DIGESTS = 2**48
_DIGEST_SIZE = 8  # bytes, little-endian like every machine that Azure has
# Below a quarter of an even share of the threshold a bucket is not worth a look.
_SHARE_THAT_COUNTS = 4


class Amount(Struct, frozen=True, array_like=True):
    """What was taken in one bucket: requests, bytes, and the smallest digests of objects in order, 8 bytes each."""

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


class Taken(Struct, frozen=True, kw_only=True):
    """What was taken in one window: figures, each rounded down to a power of two, or of two times the limit.

    A long download so changes them when they have doubled, and not with every request. ``reached`` is how many times
    the limit was reached, of bytes or of objects, whichever more often.
    """

    begins: datetime
    ends: datetime
    reached: float
    requests: int
    size: int
    objects: int
    estimated: bool


@dataclass(frozen=True)
class Volume(StorageAccess):
    """Who used one SAS on one day, and the most that they took within a window that began on it."""

    taken: Taken
    limits: Limits

    def until(self, end: datetime) -> "Volume":
        """The same of those alone who used it before that time: who came later took nothing of what was taken then.

        Who came earlier may have gone on, of which nothing is known. All, while those who took it are not known yet.
        """
        return replace(self, accesses=tuple(each for each in self.accesses if each.time < end) or self.accesses)


def fullest(amounts: Sequence[Amount], day: date, limits: Limits) -> Taken | None:
    """The first window that begins on a day and reached as much, but for less than a doubling, as the fullest one.

    ``amounts`` are in order; those of the next day lie in windows that began before. A window reaches from one bucket
    to that in which it ends, should it begin with the last moment of the first. None where none reached a limit, unless
    estimates are among the amounts: these can fall, and then what was said before must not stand.
    """
    sizes = [0, *accumulate(each.size for each in amounts)]
    objects = [0, *accumulate(distinct(each.objects) for each in amounts)]
    windows: list[tuple[float, Sequence[Amount]]] = []
    most, end = 0.0, 0
    for place, first in enumerate(amounts):
        if first.at.date() != day:
            break
        while end < len(amounts) and amounts[end].at <= first.at + limits.window:
            end += 1
        size, number = sizes[end] - sizes[place], objects[end] - objects[place]
        if windows and limits.reached(size, number) <= most:
            continue  # those before reached as much, even if no object here were the same as another
        if number >= limits.objects:  # else they need not be told apart
            number = distinct(*(each.objects for each in amounts[place:end]))
        reached = limits.reached(size, number)
        most = max(most, reached)
        windows.append((reached, amounts[place:end]))
    if most < 1 and not any(each.estimated for each in amounts):
        return None
    level = _floored(most)
    return next((_taken(window, level, limits) for reached, window in windows if reached >= level), None)


def _taken(window: Sequence[Amount], level: float, limits: Limits) -> Taken:
    return Taken(
        begins=window[0].at,
        ends=window[0].at + limits.window + BUCKET,
        reached=level,
        requests=int(_floored(sum(each.requests for each in window))),
        size=int(limits.size * _floored(sum(each.size for each in window) / limits.size)),
        objects=int(_floored(distinct(*(each.objects for each in window)))),
        estimated=any(each.estimated for each in window) or _is_full(_united(each.objects for each in window)),
    )


def distinct(*sketches: bytes) -> int:
    """How many objects there are in all (a k-minimum-values sketch)."""
    sketch = sketches[0] if len(sketches) == 1 else _united(sketches)
    number = len(sketch) // _DIGEST_SIZE
    if not _is_full(sketch):
        return number
    return round((number - 1) * _DIGESTS / (int.from_bytes(sketch[-_DIGEST_SIZE:], "little") + 1))


def _is_full(sketch: bytes) -> bool:
    """Whether there may be more objects than it has digests, so that their number is an estimate."""
    return len(sketch) >= MOST_OBJECTS * _DIGEST_SIZE


def _united(sketches: Iterable[bytes]) -> bytes:
    return array("Q", sorted(set(array("Q", b"".join(sketches))))[:MOST_OBJECTS]).tobytes()


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
