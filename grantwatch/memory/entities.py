"""What findings are about: an ARM call, or the alike requests to a storage account, with all that is known of it.

An entity is one row: the union of its facts and, for each detector, which revision of its finding is the current one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.operations import calls
from grantwatch.model.bounded import Bounded
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import Operation, OperationKey, Phase
from grantwatch.model.severity import Outcome, Severity
from grantwatch.model.storage_access import Access, StorageAccess
from grantwatch.ports import Row

MOST_FACTS = 256
"""Of one entity. The earliest are kept, and an entity that is full never counts as harmless."""
MOST_USES = 32
"""Of one entity that does not tell objects apart: enough to list addresses and agents."""

EntityKey = OperationKey | GatheringKey
Event = Operation | StorageAccess
_VERSION = 1
F = TypeVar("F", Phase, Access)


class Published(Struct, omit_defaults=True, kw_only=True):
    """The current revision of a finding, with what the next one is compared with."""

    revision: int
    content: str
    severity: Severity
    highest: Severity
    outcome: Outcome
    status: str | None = None
    recipient: str | None = None
    raised_to: Severity | None = None
    raised_at: datetime | None = None
    reason: str = ""


class Entity(Struct, kw_only=True):
    """An entity as it is remembered, and the row that it was read from."""

    key: EntityKey
    phases: dict[str, Phase] = {}
    accesses: dict[str, Access] = {}
    lapsed: bool = False
    findings: dict[str, Published] = {}
    row: Row | None = None

    @property
    def is_full(self) -> bool:
        """As many facts as are kept: later ones are dropped."""
        facts = self.phases or self.accesses
        return len(facts) >= _most(facts)

    @property
    def latest_use(self) -> datetime:
        return max(access.time for access in self.accesses.values())

    @property
    def is_unfinished(self) -> bool:
        """Some call has begun, and nobody knows yet how it ended."""
        seen = [phase.outcome for phase in self.phases.values()]
        ends = seen.count(Outcome.SUCCEEDED) + seen.count(Outcome.FAILED)
        return seen.count(Outcome.ATTEMPTED) > max(ends, seen.count(Outcome.ACCEPTED))

    def join(self, facts: Mapping[str, Phase | Access], *, lapsed: bool = False) -> None:
        """Add facts, by digest."""
        if isinstance(self.key, OperationKey):
            self.phases = joined(self.phases, {name: fact for name, fact in facts.items() if isinstance(fact, Phase)})
        else:
            uses = {name: fact for name, fact in facts.items() if isinstance(fact, Access)}
            self.accesses = joined(self.accesses, uses)
        self.lapsed |= lapsed

    def events(self) -> tuple[Event, ...]:
        """What detectors see of it."""
        return events_of(self.key, self.phases, self.accesses)


def joined(known: Mapping[str, F], new: Mapping[str, F]) -> dict[str, F]:
    """The union of facts, where the same use of storage keeps its first time, and of too many the earliest are kept.

    Trimming what a union made gives the same whatever the order, so that it may happen at any step.
    """
    union = dict(known)
    for name, fact in new.items():
        if name not in union or fact.time < union[name].time:
            union[name] = fact
    most = _most(union)
    if len(union) <= most:
        return union
    return dict(sorted(union.items(), key=lambda item: (item[1].time, item[0]))[:most])


def _most(facts: Mapping[str, Phase | Access]) -> int:
    """How many facts an entity keeps: few where it does not tell objects apart."""
    fact = next(iter(facts.values()), None)
    return MOST_USES if isinstance(fact, Access) and fact.object_path is fact.source_path is None else MOST_FACTS


def events_of(key: EntityKey, phases: Mapping[str, Phase], accesses: Mapping[str, Access]) -> tuple[Event, ...]:
    """The events that facts under one key, by digest, amount to: calls, or requests for one object each."""
    if isinstance(key, OperationKey):
        return calls(key, phases)
    objects: dict[tuple[str | None, str | None], list[Access]] = {}
    for _, access in sorted(accesses.items(), key=lambda item: (item[1].time, item[0])):
        objects.setdefault((access.object_path, access.source_path), []).append(access)
    return tuple(StorageAccess(key, tuple(alike)) for alike in objects.values())


class _PackedOperation(Struct):
    key: OperationKey
    phases: tuple[Phase, ...]


class _PackedAccess(Struct):
    key: GatheringKey
    accesses: tuple[Access, ...]


# Made at import: msgspec crashes if two threads are the first to need one type.
_PACKED_OPERATION = msgspec.json.Decoder(_PackedOperation)
_PACKED_ACCESS = msgspec.json.Decoder(_PackedAccess)


def packed(event: Event) -> bytes:
    """An event by itself, as JSON."""
    if isinstance(event, Operation):
        return msgspec.json.encode(_PackedOperation(event.key, event.phases))
    return msgspec.json.encode(_PackedAccess(event.key, event.accesses))


def unpacked(body: bytes) -> tuple[EntityKey, dict[str, Phase | Access]]:
    """The facts that ``packed`` wrote, by digest, and their entity. Raises ValueError on anything else."""
    try:
        access = _PACKED_ACCESS.decode(body)
    except msgspec.ValidationError:
        operation = _PACKED_OPERATION.decode(body)
        return operation.key, {phase_digest(phase): phase for phase in operation.phases}
    return access.key, {access_digest(fact): fact for fact in access.accesses}


def phase_digest(phase: Phase) -> str:
    """The identity of an Activity record, which has no id of its own."""
    return digest(phase)


def access_digest(access: Access) -> str:
    """The identity of alike storage requests: everything but their time."""
    return digest(msgspec.structs.replace(access, time=_ANY_TIME))


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def address_of_entity(key: EntityKey) -> tuple[str, str]:
    """Where an entity is stored."""
    return digest(key), "entity"


class _Stored(Struct, kw_only=True):
    version: int = _VERSION
    phases: dict[str, Phase] = {}
    accesses: dict[str, Access] = {}
    lapsed: bool = False
    findings: dict[str, Published] = {}


# Rows by their content, decoded: those that are read next are mostly those that were just written.
_RECENT: Bounded[bytes, _Stored] = Bounded(512)
_DECODER = msgspec.json.Decoder(_Stored)
_PUBLISHED_FIELDS = frozenset(Published.__struct_fields__)


def restored(key: EntityKey, row: Row | None) -> Entity:
    """The entity in a row, or a new one."""
    if row is None:
        return Entity(key=key)
    found = _decoded(row.content)
    return Entity(
        key=key,
        phases=dict(found.phases),
        accesses=dict(found.accesses),
        lapsed=found.lapsed,
        findings=found.findings,
        row=row,
    )


def stored(entity: Entity) -> Row:
    """The row of an entity, against the version that it was read at, with every field that another version wrote."""
    partition, name = address_of_entity(entity.key)
    known = _Stored(phases=entity.phases, accesses=entity.accesses, lapsed=entity.lapsed, findings=entity.findings)
    content = msgspec.json.encode(known)
    if entity.row and msgspec.json.encode(_decoded(entity.row.content)) != entity.row.content:
        content = msgspec.json.encode(_completed(msgspec.to_builtins(known), msgspec.json.decode(entity.row.content)))
    else:
        _RECENT[content] = known
    return Row(partition, name, content, entity.row.version if entity.row else None)


def _decoded(content: bytes) -> _Stored:
    known = _RECENT.get(content)
    if known is None:
        known = _RECENT[content] = _DECODER.decode(content)
    return known


def _completed(known: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What is known now, with the fields beside it that only a later version understands."""
    completed = {**before, **known, "version": max(before.get("version", 0), _VERSION)}
    for group in ("phases", "accesses"):
        facts = before.get(group, {})
        completed[group] = {name: {**facts.get(name, {}), **fact} for name, fact in known.get(group, {}).items()}
    findings = before.get("findings", {})
    completed["findings"] = {
        name: {**_unknown(findings.get(name, {})), **published} for name, published in known.get("findings", {}).items()
    }
    return completed


def _unknown(published: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in published.items() if field not in _PUBLISHED_FIELDS}
