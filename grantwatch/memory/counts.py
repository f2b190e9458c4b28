"""How much was taken: counts that stay small, and that no order, grouping or repetition of requests can change.

Requests are counted by what is kept of them: in each five minutes of event time those with the smallest digests, which
are a fair sample, since digests are even and nobody can choose them. While all are kept, counts are exact; from then
on the share of all digests that is kept tells how many there were (a k-minimum-values sketch). Objects are counted
likewise, by their own digests, so that one that is read all the time stays one.
https://doi.org/10.1145/1247480.1247504

What is kept are arrays in order, stored as they are: to add a request to a thousand others costs little more than to
find its place.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from struct import Struct as Layout

from msgspec import Struct

from grantwatch.errors import StateUnavailableError
from grantwatch.model.transfer import Transfer
from grantwatch.model.volume import BUCKET, MOST_OBJECTS, Amount

MOST_EXACT = 1024
"""Requests in a bucket up to which its counts are exact."""

_DIGESTS: int = 2**64
_OBJECTS: int = 2**48
_COARSENESS = 34
_MINUTES = BUCKET // timedelta(minutes=1)
_VERSION = 2
_HEAD = Layout("<BH")  # the version, and how many requests follow
_NUMBER = 8  # bytes, little-endian like every machine that Azure has
_FIRST_VERSION, _FIRST_REQUEST, _FIRST_OBJECT = 1, Layout("<QHI"), Layout("<HI")


class Sample(Struct):
    """The requests of one bucket with the smallest digests, in their order; one more than is counted exactly.

    That one more says how far the sample reaches. ``sizes`` are the bytes that each request read, ``objects`` the
    smallest digests of all objects.
    """

    digests: "array[int]"
    sizes: "array[int]"
    objects: "array[int]"

    @property
    def is_exact(self) -> bool:
        return len(self.digests) <= MOST_EXACT

    @property
    def known(self) -> int:
        """Grows with whatever is learnt: what is added to a full sample takes the place of the greatest in it."""
        requests = 0 if self.is_exact else (_DIGESTS - self.digests[-1]) >> _COARSENESS
        objects = 0 if len(self.objects) < MOST_OBJECTS else (_OBJECTS - self.objects[-1]) >> (_COARSENESS // 2)
        return len(self.digests) + len(self.objects) + requests + objects


def bucket_of(time: datetime) -> datetime:
    """The beginning of the five minutes that a moment lies in."""
    return time.replace(minute=time.minute - time.minute % _MINUTES, second=0, microsecond=0)


def sample_of(transfers: Sequence[Transfer], more: Sample | None = None) -> Sample:
    """A sample of these requests and of those that another one is of.

    Two with one digest are one; the greater is kept, so that their order is nothing.
    """
    more = more or Sample(array("Q"), array("Q"), array("Q"))
    digests, sizes, objects = more.digests[:], more.sizes[:], more.objects[:]
    for each in transfers:
        place = bisect_left(digests, each.digest)
        if place == len(digests) or digests[place] != each.digest:
            digests.insert(place, each.digest)
            sizes.insert(place, each.size)
        elif sizes[place] < each.size:
            sizes[place] = each.size
        if each.object is None:
            continue
        place = bisect_left(objects, each.object)
        if place == len(objects) or objects[place] != each.object:
            objects.insert(place, each.object)
    return Sample(digests[: MOST_EXACT + 1], sizes[: MOST_EXACT + 1], objects[:MOST_OBJECTS])


def amount_of(begin: datetime, sample: Sample) -> Amount:
    """What a sample of the bucket that begins then comes to."""
    scale = 1.0 if sample.is_exact else _DIGESTS / (sample.digests[MOST_EXACT] + 1)
    sizes = sample.sizes[:MOST_EXACT]
    return Amount(
        at=begin,
        requests=round(len(sizes) * scale),
        size=round(sum(sizes) * scale),
        objects=sample.objects.tobytes(),
        estimated=not sample.is_exact,
    )


def packed(sample: Sample) -> bytes:
    """A sample as bytes: a version, how many requests it has, their digests, their sizes, and the objects."""
    head = _HEAD.pack(_VERSION, len(sample.digests))
    return head + sample.digests.tobytes() + sample.sizes.tobytes() + sample.objects.tobytes()


def unpacked(content: bytes) -> Sample:
    """The sample that ``packed`` wrote. Raises StateUnavailableError on a later version, ValueError otherwise."""
    version = content[0] if content else 0
    if version > _VERSION:
        raise StateUnavailableError(f"a sample of requests has version {version}; this one reads up to {_VERSION}")
    if version < _FIRST_VERSION or len(content) < _HEAD.size:
        raise ValueError("no sample of requests")
    _, number = _HEAD.unpack_from(content)
    body = content[_HEAD.size :]
    if version == _FIRST_VERSION:
        return _of_first_version(body, number)
    if len(body) % _NUMBER or len(body) < 2 * number * _NUMBER:
        raise ValueError("no sample of requests")
    numbers = array("Q", body)
    return Sample(numbers[:number], numbers[number : 2 * number], numbers[2 * number :])


def _of_first_version(body: bytes, number: int) -> Sample:
    """Requests with their sizes in two parts, one by one, and objects of six bytes."""
    objects = number * _FIRST_REQUEST.size
    if len(body) < objects or (len(body) - objects) % _FIRST_OBJECT.size:
        raise ValueError("no sample of requests")
    requests = list(_FIRST_REQUEST.iter_unpack(body[:objects]))
    return Sample(
        array("Q", (digest for digest, _, _ in requests)),
        array("Q", (upper << 32 | lower for _, upper, lower in requests)),
        array("Q", (upper << 32 | lower for upper, lower in _FIRST_OBJECT.iter_unpack(body[objects:]))),
    )
