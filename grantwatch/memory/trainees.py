"""Who is judged again should their subscription turn out to have begun earlier, and training so to have ended before.

Whoever may be in training leaves a mark, and marks of one subscription lie in one partition.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec import Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey, Owner, address_of_entity
from grantwatch.ports import Row


class _Trainee(Struct, omit_defaults=True, kw_only=True):
    """An entity that may be in training, and its time, which only becomes earlier."""

    owner: Owner
    at: datetime


_DECODER = msgspec.json.Decoder(_Trainee)


@lru_cache(maxsize=4096)
def trainees_of(tenant: str, subscription: str) -> str:
    """The partition of those who are judged again when a subscription turns out to have begun earlier."""
    return digest(("trainees", tenant, subscription))


def mark_of(key: EntityKey, at: datetime, trainees: str) -> Row:
    """What a trainee leaves."""
    owner, _ = address_of_entity(key)
    return Row(trainees, owner, msgspec.json.encode(_Trainee(owner=Owner.of(key), at=at)))


def graduates(marks: Iterable[Row], begins: Mapping[str, datetime], training: timedelta) -> set[EntityKey]:
    """Who left a mark and is in training no more, now that it begins that early."""
    left = ((_DECODER.decode(mark.content), begins[mark.partition]) for mark in marks)
    return {trainee.owner.key for trainee, begin in left if trainee.at >= begin + training}
