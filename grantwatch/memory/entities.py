"""What findings are about: an ARM call, or the alike requests to a storage account, with all that is known of it.

An entity is one row: the union of its facts and, for each detector, which revision of its finding is the current one.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

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

EntityKey = OperationKey | AccessKey
Event = Operation | StorageAccess
_VERSION = 1


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
        return len(self.phases) + len(self.accesses) >= MOST_FACTS

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
        phases, accesses = _earliest(phases), _earliest(accesses)
        changed = (phases, accesses, self.lapsed or lapsed) != (self.phases, self.accesses, self.lapsed)
        self.phases, self.accesses, self.lapsed = phases, accesses, self.lapsed or lapsed
        return changed

    def events(self) -> tuple[Event, ...]:
        """What detectors see of it, in order of event time."""
        return events_of(self.key, self.phases.values(), self.accesses.values())


def events_of(key: EntityKey, phases: Iterable[Phase], accesses: Iterable[Access]) -> tuple[Event, ...]:
    """The events that facts under one key amount to."""
    if isinstance(key, OperationKey):
        return calls(key, phases)
    return tuple(
        StorageAccess(key, access) for access in sorted(accesses, key=lambda access: (access.time, repr(access)))
    )


def phase_digest(phase: Phase) -> str:
    """The identity of an Activity record, which has no id of its own."""
    return digest(phase)


def access_digest(access: Access) -> str:
    """The identity of alike storage requests: everything but their time."""
    return digest(msgspec.structs.replace(access, time=_ANY_TIME))


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _earliest(facts: dict[str, Any]) -> dict[str, Any]:
    if len(facts) <= MOST_FACTS:
        return facts
    kept = sorted(facts.items(), key=lambda item: (item[1].time, item[0]))[:MOST_FACTS]
    return dict(kept)


def address_of_entity(key: EntityKey) -> tuple[str, str]:
    """Where an entity is stored."""
    return digest(key), "entity"


class _Stored(Struct, omit_defaults=True, kw_only=True):
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
    known: Mapping[str, Any] = msgspec.to_builtins(
        _Stored(phases=entity.phases, accesses=entity.accesses, lapsed=entity.lapsed, findings=entity.findings)
    )
    content = msgspec.json.encode({"version": _VERSION, **known, **entity.unknown})
    return Row(partition, name, content, entity.row.version if entity.row else None)
