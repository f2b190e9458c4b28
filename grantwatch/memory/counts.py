"""How much was taken: counts that stay small, and that no order, grouping or repetition of requests can change.

Requests are counted by what is kept of them: in each five minutes of event time those with the smallest digests, which
are a fair sample, since digests are even and nobody can choose them. While all are kept, counts are exact; from then
on the share of all digests that is kept tells how many there were (a k-minimum-values sketch). Objects are counted
likewise, by their own digests, so that one that is read all the time stays one.
https://doi.org/10.1145/1247480.1247504
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from struct import Struct as Layout

from msgspec import Struct

from grantwatch.errors import StateUnavailableError
from grantwatch.model.transfer import Transfer
from grantwatch.model.volume import BUCKET, MOST_OBJECTS, Amount, sketch_of

MOST_EXACT = 1024
"""Requests in a bucket up to which its counts are exact."""

Request = tuple[int, int]
"""Its digest, and the bytes that it moved."""

_VERSION = 1
_DIGESTS = 2**64
_OBJECTS = 2**48
_COARSENESS = 34
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = Layout("<BH")  # the version, and how many requests follow
_REQUEST = Layout("<QHI")  # the digest, the upper 16 bits of the size, the lower 32 bits
_OBJECT = Layout("<HI")
_LOWER = 2**32 - 1


class Sample(Struct, frozen=True):
    """The requests of one bucket with the smallest digests, in their order; one more than is counted exactly.

    That one more says how far the sample reaches. ``objects`` are the smallest digests of all objects.
    """

    kept: tuple[Request, ...] = ()
    objects: tuple[int, ...] = ()

    @property
    def is_exact(self) -> bool:
        return len(self.kept) <= MOST_EXACT

    @property
    def counted(self) -> tuple[Request, ...]:
        return self.kept[:MOST_EXACT]

    @property
    def scale(self) -> float:
        """How many requests each one that is counted stands for."""
        return 1.0 if self.is_exact else _DIGESTS / (self.kept[MOST_EXACT][0] + 1)

    @property
    def known(self) -> int:
        """Grows with whatever a sample learns."""
        requests = sum((_DIGESTS - digest) >> _COARSENESS for digest, _ in self.kept)
        objects = sum((_OBJECTS - each) >> (_COARSENESS // 2) for each in self.objects)
        return len(self.kept) + len(self.objects) + requests + objects


NOTHING = Sample()


def bucket_of(time: datetime) -> datetime:
    """The beginning of the five minutes that a moment lies in."""
    return time - (time - _EPOCH) % BUCKET


def sample_of(transfers: Iterable[Transfer]) -> Sample:
    """A sample of these requests. Two with one digest are one; the greater is kept, so that their order is nothing."""
    found = list(transfers)
    return _sample(((each.digest, each.size) for each in found), (each.object for each in found))


def united(*samples: Sample) -> Sample:
    """The sample of all requests that these are samples of."""
    return _sample(
        chain.from_iterable(sample.kept for sample in samples), chain.from_iterable(each.objects for each in samples)
    )


def _sample(requests: Iterable[Request], objects: Iterable[int]) -> Sample:
    largest = dict(sorted(requests))
    return Sample(tuple(largest.items())[: MOST_EXACT + 1], tuple(sorted(set(objects))[:MOST_OBJECTS]))


def amount_of(begin: datetime, sample: Sample) -> Amount:
    """What a sample of the bucket that begins then comes to."""
    counted, scale = sample.counted, sample.scale
    return Amount(
        at=begin,
        requests=round(len(counted) * scale),
        size=round(sum(size for _, size in counted) * scale),
        objects=sketch_of(sample.objects),
        estimated=not sample.is_exact,
    )


def packed(sample: Sample) -> bytes:
    """A sample as bytes: a version, how many requests it has, 14 bytes for each, and 6 for each object."""
    parts = [_HEAD.pack(_VERSION, len(sample.kept))]
    parts += [_REQUEST.pack(digest, size >> 32, size & _LOWER) for digest, size in sample.kept]
    parts += [_OBJECT.pack(each >> 32, each & _LOWER) for each in sample.objects]
    return b"".join(parts)


def unpacked(content: bytes) -> Sample:
    """The sample that ``packed`` wrote. Raises StateUnavailableError on a later version, ValueError otherwise."""
    version = content[0] if content else 0
    if version > _VERSION:
        raise StateUnavailableError(f"a sample of requests has version {version}; this one reads up to {_VERSION}")
    if version != _VERSION or len(content) < _HEAD.size:
        raise ValueError("no sample of requests")
    _, number = _HEAD.unpack_from(content)
    objects = _HEAD.size + number * _REQUEST.size
    if len(content) < objects or (len(content) - objects) % _OBJECT.size:
        raise ValueError("no sample of requests")
    view = memoryview(content)
    return Sample(
        tuple(
            (digest, upper << 32 | lower) for digest, upper, lower in _REQUEST.iter_unpack(view[_HEAD.size : objects])
        ),
        tuple(upper << 32 | lower for upper, lower in _OBJECT.iter_unpack(view[objects:])),
    )
