"""What findings are about: an ARM call, or the alike requests to a storage account, with all that is known of it.

An entity is one row: the union of its facts and, for each detector, which revision of its finding is the current one.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.operations import calls
from grantwatch.model.operation import Operation, OperationKey, Phase
from grantwatch.model.severity import Outcome, Severity
from grantwatch.model.storage_access import Access, AccessKey, StorageAccess
from grantwatch.ports import Row

MOST_FACTS = 256
"""Of one entity. The earliest are kept, and an entity that is full never counts as harmless."""
MOST_USES = 32
"""Of one entity that does not tell objects apart: enough to list addresses and agents."""

EntityKey = OperationKey | AccessKey
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
    reason: str = ""


class Entity(Struct, kw_only=True):
    """An entity as it is remembered. ``unknown`` keeps the fields that a later version wrote."""

    key: EntityKey
    phases: dict[str, Phase] = {}
    accesses: dict[str, Access] = {}
    lapsed: bool = False
    findings: dict[str, Published] = {}
    unknown: dict[str, Raw] = {}
    row: Row | None = None

    @property
    def is_full(self) -> bool:
        """As many facts as are kept: later ones are dropped."""
        return len(self.phases) >= MOST_FACTS or len(self.accesses) >= _most(self.accesses)

    @property
    def latest_use(self) -> datetime:
        return max(access.time for access in self.accesses.values())

    @property
    def attempted_only(self) -> bool:
        """Nothing but starts: nobody knows yet how the call ended."""
        return bool(self.phases) and all(phase.outcome is Outcome.ATTEMPTED for phase in self.phases.values())

    def join(self, facts: Iterable[Phase | Access], *, lapsed: bool = False) -> bool:
        """Add facts by set union, the same use of storage keeping its first time. Returns whether anything changed."""
        phases, accesses = dict(self.phases), dict(self.accesses)
        for fact in facts:
            if isinstance(fact, Phase):
                phases.setdefault(phase_digest(fact), fact)
            else:
                name = access_digest(fact)
                accesses[name] = min(accesses.get(name, fact), fact, key=lambda access: access.time)
        phases, accesses = _earliest(phases, MOST_FACTS), _earliest(accesses, _most(accesses))
        changed = (phases, accesses, self.lapsed or lapsed) != (self.phases, self.accesses, self.lapsed)
        self.phases, self.accesses, self.lapsed = phases, accesses, self.lapsed or lapsed
        return changed

    def events(self) -> tuple[Event, ...]:
        """What detectors see of it."""
        return events_of(self.key, self.phases, self.accesses)


def events_of(key: EntityKey, phases: Mapping[str, Phase], accesses: Mapping[str, Access]) -> tuple[Event, ...]:
    """The events that facts under one key, by digest, amount to: calls, or requests for one object each."""
    if isinstance(key, OperationKey):
        return calls(key, phases)
    objects: dict[tuple[str | None, str | None], list[Access]] = {}
    for _, access in sorted(accesses.items(), key=lambda item: (item[1].time, item[0])):
        objects.setdefault((access.object_path, access.source_path), []).append(access)
    return tuple(StorageAccess(key, tuple(alike)) for alike in objects.values())


def phase_digest(phase: Phase) -> str:
    """The identity of an Activity record, which has no id of its own."""
    return digest(phase)


def access_digest(access: Access) -> str:
    """The identity of alike storage requests: everything but their time."""
    return digest(msgspec.structs.replace(access, time=_ANY_TIME))


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _earliest(facts: dict[str, F], most: int) -> dict[str, F]:
    if len(facts) <= most:
        return facts
    return dict(sorted(facts.items(), key=lambda item: (item[1].time, item[0]))[:most])


def _most(accesses: Mapping[str, Access]) -> int:
    by_object = any(access.object_path or access.source_path for access in accesses.values())
    return MOST_FACTS if by_object else MOST_USES


def address_of_entity(key: EntityKey) -> tuple[str, str]:
    """Where an entity is stored."""
    return digest(key), "entity"


class _Stored(Struct, kw_only=True):
    version: int = _VERSION
    phases: dict[str, Phase] = {}
    accesses: dict[str, Access] = {}
    lapsed: bool = False
    findings: dict[str, Published] = {}


_DECODER = msgspec.json.Decoder(_Stored)
_FIELDS = frozenset(field.name for field in msgspec.structs.fields(_Stored))
_RAW = msgspec.json.Decoder(dict[str, Raw])


def restored(key: EntityKey, row: Row | None) -> Entity:
    """The entity in a row, or a new one."""
    if row is None:
        return Entity(key=key)
    stored = _DECODER.decode(row.content)
    unknown = {name: Raw(bytes(raw)) for name, raw in _RAW.decode(row.content).items() if name not in _FIELDS}
    return Entity(
        key=key,
        phases=stored.phases,
        accesses=stored.accesses,
        lapsed=stored.lapsed,
        findings=stored.findings,
        unknown=unknown,
        row=row,
    )


def stored(entity: Entity) -> Row:
    """The row of an entity, against the version that it was read at."""
    partition, name = address_of_entity(entity.key)
    known = _Stored(phases=entity.phases, accesses=entity.accesses, lapsed=entity.lapsed, findings=entity.findings)
    content = msgspec.json.encode({**msgspec.to_builtins(known), **entity.unknown} if entity.unknown else known)
    return Row(partition, name, content, entity.row.version if entity.row else None)
