"""What detectors see of an entity."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TypeVar

import msgspec
from msgspec import Struct

from grantwatch.memory.entities import EntityKey, Owner
from grantwatch.memory.facts import Fact, Note, access_digest, phase_digest
from grantwatch.memory.operations import calls
from grantwatch.model.course import Course
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation, OperationKey, Phase
from grantwatch.model.storage_access import Access, StorageAccess
from grantwatch.model.volume import Volume

Event = Operation | StorageAccess | Volume | Course | Lineage
F = TypeVar("F", Access, Note)


def events_of(
    key: EntityKey, facts: Mapping[str, Fact], window: timedelta | None = None, known_use: datetime | None = None
) -> tuple[Event, ...]:
    """The events that facts under one key, by digest, amount to: calls, requests for one object each, or one whole.

    ``window`` is how far apart gathered notes may be and still belong together, None for however far. ``known_use`` is
    the latest time at which any of it is known to have been used, where that is remembered.
    """
    if isinstance(key, OperationKey):
        return calls(key, {name: fact for name, fact in facts.items() if isinstance(fact, Phase)})
    objects: dict[tuple[str | None, str | None], list[Access]] = {}
    for access in in_order(facts, Access):
        objects.setdefault((access.object_path, access.source_path), []).append(access)
    if objects:
        return tuple(StorageAccess(key, tuple(alike), known_use=known_use) for alike in objects.values())
    notes = in_order(facts, Note)
    steps = tuple(note.step for note in notes if note.step is not None)
    traces = tuple(note.trace for note in notes if note.trace is not None)
    if steps and window is not None:
        return (Course(key, steps, window, datetime.fromisoformat(key.natural[-1])),)
    if steps:
        return (Course(key, steps, timedelta.max),)
    return (Lineage(key, traces, window or timedelta.max),) if traces else ()


def in_order(facts: Mapping[str, Fact], kind: type[F]) -> list[F]:
    """Facts of one kind, in order of time, and those of one time in that of their names."""
    found = [(fact.time, name, fact) for name, fact in facts.items() if isinstance(fact, kind)]
    return [fact for _, _, fact in sorted(found, key=itemgetter(0, 1))]


class _Packed(Struct, omit_defaults=True):
    owner: Owner
    phases: dict[str, Phase] = {}
    accesses: dict[str, Access] = {}


# Made at import: msgspec crashes if two threads are the first to need one type.
_PACKED = msgspec.json.Decoder(_Packed)


def packed(event: Event) -> bytes:
    """An event by itself, as JSON. What was gathered from findings is their entity's already, and left out."""
    packed = _Packed(Owner.of(event.key))
    if isinstance(event, Operation):
        packed.phases = {phase_digest(phase): phase for phase in event.phases}
    elif isinstance(event, StorageAccess):
        packed.accesses = {access_digest(access): access for access in event.accesses}
    return msgspec.json.encode(packed)


def unpacked(body: bytes) -> tuple[EntityKey, dict[str, Fact]]:
    """The facts that ``packed`` wrote, by digest, and their entity. Raises ValueError on anything else."""
    packed = _PACKED.decode(body)
    return packed.owner.key, {**packed.phases, **packed.accesses}
