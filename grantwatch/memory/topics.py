"""Where entities learn of each other.

A topic has two partitions. An entity that has something to say under it leaves its facts in one; an entity whose
findings depend on it leaves a mark in the other. A follower reads facts alone and a sayer marks alone, so that the
followers of a popular topic cost each other nothing. Everybody writes before reading, so that whoever comes last sees
it all.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Struct, field

from grantwatch.detection.match import Topic
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import Entity, EntityKey, address_of_entity
from grantwatch.memory.events import Event, events_of
from grantwatch.memory.facts import Fact, joined
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import OperationKey, Phase
from grantwatch.model.storage_access import Access
from grantwatch.ports import Row

_VERSION = 1
_FOLLOWS = "follows"


class _Entry(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Either a fact that an entity left, or the mark of a follower, who may ask ``until`` some time."""

    version: int = _VERSION
    operation: OperationKey | None = None
    access: GatheringKey | None = None
    phase: Phase | None = None
    request: Access | None = None
    until: datetime | None = None

    @property
    def key(self) -> EntityKey:
        key = self.operation or self.access
        if key is None:
            raise ValueError("a topic's entry belongs to no entity")
        return key


_DECODER = msgspec.json.Decoder(_Entry)


class Neighbours(Struct):
    """What stands under one topic, as it was written: facts and marks of followers, by the entity that left them."""

    facts: dict[str, dict[str, bytes]] = field(default_factory=dict)
    marks: dict[str, bytes] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def partition_of(tenant: str, topic: Topic) -> str:
    """Where the facts under a topic are stored."""
    return digest(("topic", tenant, topic))


@lru_cache(maxsize=4096)
def followers_of(tenant: str, topic: Topic) -> str:
    """Where the marks of those who follow a topic are stored."""
    return digest(("followers", tenant, topic))


def rows_of(entity: Entity, said_under: Collection[Topic], followed: Mapping[Topic, datetime | None]) -> Iterator[Row]:
    """What an entity leaves under its topics, to be inserted where absent.

    Of what it follows the latest time is given that it asks for, None where it asks for all. That only becomes earlier
    as more is known, so that the mark that was left first serves.
    """
    tenant = entity.key.tenant
    left = _facts(entity) if said_under else ()
    for topic in said_under:
        for name, content in left:
            yield Row(partition_of(tenant, topic), name, content)
    for topic, until in followed.items():
        yield Row(followers_of(tenant, topic), *_mark(entity, until))


def _facts(entity: Entity) -> list[tuple[str, bytes]]:
    owner, _ = address_of_entity(entity.key)
    facts = [
        (f"{owner}-{name}", msgspec.json.encode(_entry(entity.key, phase=phase)))
        for name, phase in entity.phases.items()
    ]
    for name, access in entity.accesses.items():
        # The time belongs to the name: a use that turns out to be older is one more fact.
        content = msgspec.json.encode(_entry(entity.key, request=access))
        facts.append((f"{owner}-{name}-{access.time.timestamp():.6f}", content))
    return facts


def _mark(entity: Entity, until: datetime | None) -> tuple[str, bytes]:
    owner, _ = address_of_entity(entity.key)
    return f"{owner}-{_FOLLOWS}", msgspec.json.encode(_entry(entity.key, until=until))


def _entry(
    key: EntityKey, *, phase: Phase | None = None, request: Access | None = None, until: datetime | None = None
) -> _Entry:
    if isinstance(key, OperationKey):
        return _Entry(operation=key, phase=phase, until=until)
    return _Entry(access=key, request=request, until=until)


@lru_cache(maxsize=2048)
def _decoded(content: bytes) -> _Entry:
    """What a row holds. Cached, because an entity leaves the same under each of its topics."""
    return _DECODER.decode(content)


def neighbours_in(rows: Iterable[Row]) -> dict[str, Neighbours]:
    """What stands in these rows, by partition."""
    found: dict[str, Neighbours] = defaultdict(Neighbours)
    for row in rows:
        owner, _, name = row.name.partition("-")
        if name == _FOLLOWS:
            found[row.partition].marks[owner] = row.content
        else:
            found[row.partition].facts.setdefault(owner, {})[name] = row.content
    return found


def follower_in(mark: bytes, since: datetime | None) -> EntityKey | None:
    """Who left a mark; None where what happened then or later is nothing to them."""
    entry = _decoded(mark)
    return entry.key if entry.until is None or since is None or since <= entry.until else None


def events_in(facts: Mapping[str, bytes]) -> Sequence[Event]:
    """The events that what one entity left, by name, amounts to."""
    entries = [(name.partition("-")[0], _decoded(content)) for name, content in facts.items()]
    left: dict[str, Fact] = dict(joined({}, {name: entry.phase for name, entry in entries if entry.phase is not None}))
    accesses: dict[str, Access] = {}
    for name, entry in entries:
        if entry.request is not None:
            accesses = joined(accesses, {name: entry.request})
    return events_of(entries[0][1].key, left | accesses)
