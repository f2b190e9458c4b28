"""How much was taken: counts that stay small, and that no order, grouping or repetition of requests can change.

Requests are counted by what is kept of them: in each five minutes of event time those with the smallest digests, which
are a fair sample, since digests are even and nobody can choose them. While all are kept, counts are exact; from then
on the share of all digests that is kept tells how many there were (a k-minimum-values sketch).
https://doi.org/10.1145/1247480.1247504
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from struct import Struct as Layout

from msgspec import Struct

from grantwatch.errors import StateUnavailableError
from grantwatch.model.transfer import MOST_BYTES, Transfer

BUCKET = timedelta(minutes=5)
MOST_EXACT = 1024
"""Requests in a bucket up to which its counts are exact."""

_VERSION = 1
_DIGESTS = 2**64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENTRY = Layout("<QQI")  # the digest, the upper 16 bits of the object with the size, the lower 32 bits of the object
_LOWER = 2**32 - 1


class Sample(Struct, frozen=True):
    """The requests of one bucket with the smallest digests, in their order; one more than is counted exactly.

    That one more says how far the sample reaches.
    """

    kept: tuple[Transfer, ...] = ()

    @property
    def is_exact(self) -> bool:
        return len(self.kept) <= MOST_EXACT

    @property
    def counted(self) -> tuple[Transfer, ...]:
        return self.kept[:MOST_EXACT]

    @property
    def scale(self) -> float:
        """How many requests each one that is counted stands for."""
        return 1.0 if self.is_exact else _DIGESTS / (self.kept[MOST_EXACT].digest + 1)


class Count(Struct, frozen=True):
    """Distinct requests, the bytes that they moved, and distinct objects; ``estimated`` where not all were kept."""

    requests: int = 0
    bytes: int = 0
    objects: int = 0
    estimated: bool = False


def bucket_of(time: datetime) -> datetime:
    """The beginning of the five minutes that a moment lies in."""
    return time - (time - _EPOCH) % BUCKET


def sample_of(transfers: Iterable[Transfer]) -> Sample:
    """A sample of these requests. Two with one digest are one; the greater is kept, so that their order is nothing."""
    by_digest = {transfer.digest: transfer for transfer in sorted(transfers)}
    return Sample(tuple(sorted(by_digest.values())[: MOST_EXACT + 1]))


def united(*samples: Sample) -> Sample:
    """The sample of all requests that these are samples of."""
    return sample_of(chain.from_iterable(sample.kept for sample in samples))


def count_of(samples: Iterable[Sample]) -> Count:
    """What samples of different buckets come to together.

    An object that a sample shows once stands for others that it does not show; one that it shows again does not. That
    is right both where every request is for another object and where all are for a few.
    """
    samples = tuple(samples)
    unseen = 0.0
    for sample in samples:
        once = sum(times == 1 for times in Counter(each.object for each in sample.counted).values())
        unseen += once * (sample.scale - 1)
    return Count(
        requests=round(sum(len(sample.counted) * sample.scale for sample in samples)),
        bytes=round(sum(sum(each.size for each in sample.counted) * sample.scale for sample in samples)),
        objects=len({each.object for sample in samples for each in sample.counted}) + round(unseen),
        estimated=not all(sample.is_exact for sample in samples),
    )


def windows(buckets: Mapping[datetime, Sample], length: timedelta) -> Iterator[tuple[datetime, Count]]:
    """The count of every window of that length that begins with a bucket, by its beginning, in order."""
    for begin in sorted(buckets):
        yield begin, count_of(sample for start, sample in buckets.items() if begin <= start < begin + length)


def busiest(buckets: Mapping[datetime, Sample], length: timedelta) -> Count:
    """The most of each that any window of that length holds."""
    found = [count for _, count in windows(buckets, length)]
    return Count(
        requests=max((count.requests for count in found), default=0),
        bytes=max((count.bytes for count in found), default=0),
        objects=max((count.objects for count in found), default=0),
        estimated=any(count.estimated for count in found),
    )


def packed(sample: Sample) -> bytes:
    """A sample as bytes: a version, then 20 bytes a request."""
    entries = (
        _ENTRY.pack(each.digest, (each.object >> 32) << 48 | each.size, each.object & _LOWER) for each in sample.kept
    )
    return bytes((_VERSION,)) + b"".join(entries)


def unpacked(content: bytes) -> Sample:
    """The sample that ``packed`` wrote. Raises StateUnavailableError on a later version, ValueError otherwise."""
    version = content[0] if content else 0
    if version > _VERSION:
        raise StateUnavailableError(f"a sample of requests has version {version}; this one reads up to {_VERSION}")
    if version != _VERSION or (len(content) - 1) % _ENTRY.size:
        raise ValueError("no sample of requests")
    return Sample(
        tuple(
            Transfer(digest, middle & MOST_BYTES, (middle >> 48) << 32 | lower)
            for digest, middle, lower in _ENTRY.iter_unpack(memoryview(content)[1:])
        )
    )
