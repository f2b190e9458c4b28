"""Rows that say who was first, and when: the holder of a sighting, or of the beginning of a subscription.

Of all who say to have been first the one with the smallest time, then name, is. The row keeps who was displaced.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

import msgspec
from msgspec import Struct

from grantwatch.memory.entities import EntityKey, Owner, address_of_entity
from grantwatch.ports import Row, RowKey

NAME = "first"
_MOST_DISPLACED = 8


class Span(NamedTuple):
    """The earliest and the latest time at which something was seen."""

    earliest: datetime
    latest: datetime

    def covers(self, other: "Span") -> bool:
        """Began before, and did not end on an earlier day: a row of it has nothing to say of that, nor to be told."""
        return self.earliest < other.earliest and other.latest.date() <= self.latest.date()


class First(Struct, omit_defaults=True, kw_only=True):
    """Who was first, and who was believed to be before. ``latest`` keeps the row from expiring."""

    version: int = 1
    at: datetime
    name: str
    owner: Owner
    latest: datetime
    displaced: tuple[Owner, ...] = ()

    @classmethod
    def by(cls, key: EntityKey, seen: Span) -> Self:
        """What somebody says of themselves."""
        name, _ = address_of_entity(key)
        return cls(at=seen.earliest, name=name, owner=Owner.of(key), latest=seen.latest)

    @property
    def span(self) -> "Span":
        return Span(self.at, self.latest)


_DECODER = msgspec.json.Decoder(First)


def first_in(row: Row) -> First:
    """What a row says."""
    return _DECODER.decode(row.content)


def joined(known: First, mine: First, stored: First | None) -> First:
    """Who is first of two, with everybody who stood in the row and is not."""
    first = min(known, mine, key=lambda each: (each.at, each.name))
    overtaken = () if stored is None or stored.owner == first.owner else (stored.owner,)
    return msgspec.structs.replace(
        first,
        latest=max(known.latest, mine.latest),
        displaced=tuple(dict.fromkeys((*overtaken, *(stored.displaced if stored else ()))))[:_MOST_DISPLACED],
    )


def changed(firsts: Mapping[RowKey, First], before: Mapping[RowKey, Row | None]) -> list[Row]:
    """The rows that differ from what is stored."""
    contents = {address: _completed(first, before.get(address)) for address, first in firsts.items()}
    return [
        Row(*address, content, row.version if row else None)
        for address, content in contents.items()
        for row in (before.get(address),)
        if row is None or content != row.content
    ]


def _completed(first: First, before: Row | None) -> bytes:
    """What is to be stored, with the fields that only a later version understands."""
    content = msgspec.json.encode(first)
    if before is None or msgspec.json.encode(first_in(before)) == before.content:
        return content
    known: dict[str, Any] = msgspec.json.decode(content)
    stored: dict[str, Any] = msgspec.json.decode(before.content)
    unknown = {name: value for name, value in stored.items() if name not in First.__struct_fields__}
    return msgspec.json.encode({**known, **unknown, "version": max(first.version, stored.get("version", 0))})
