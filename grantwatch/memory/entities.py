"""What findings are about: an ARM call, alike requests to a storage account, or what was gathered about one subject.

An entity is one row: the union of its facts and, for each detector, which revision of its finding is the current one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Self

import msgspec
from msgspec import Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.facts import LAST_USE, Fact, LastUse, Note, joined, most
from grantwatch.model.bounded import Bounded
from grantwatch.model.course import Step
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import OperationKey, Phase
from grantwatch.model.severity import Outcome, Severity
from grantwatch.model.storage_access import Access
from grantwatch.model.traces import Edge, Touch, Trace
from grantwatch.ports import Row

EntityKey = OperationKey | GatheringKey
_VERSION = 1
_LATEST = datetime(3000, 1, 1, tzinfo=UTC)  # no record is of such a time
_ANY_SPAN = timedelta(days=365_250) // timedelta.resolution
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Owner(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The key of an entity where it stands in a row of another."""

    operation: OperationKey | None = None
    gathering: GatheringKey | None = None

    @classmethod
    def of(cls, key: EntityKey) -> Self:
        return cls(operation=key) if isinstance(key, OperationKey) else cls(gathering=key)

    @property
    def key(self) -> EntityKey:
        key = self.operation or self.gathering
        if key is None:
            raise ValueError("a row names no entity")
        return key


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
    grant: str | None = None
    """What the grants table says of it."""
    granted: int = 0
    """The revision that last changed that."""
    named: tuple[str, str] | None = None
    """Id and kind of the grant that it tells of, or last told of."""
    unlisted: bool = False
    """None of its revisions has a row: a finding made of findings counts it among many."""
    courses: tuple[tuple[str, ...], ...] = ()
    """Where it counts or once counted under the tenant of its entity: detectors and their natural keys."""
    abroad: tuple[tuple[str, ...], ...] = ()
    """The same under other tenants, as for lineage, whose entities have none: tenants, detectors, natural keys."""


class Entity(Struct, kw_only=True):
    """An entity as it is remembered, and the row that it was read from.

    ``lapsed`` says that nobody waits for the end of its calls any more, ``overdue`` the time of what a sweep last found
    due of its grants. ``last_use`` is kept of what detectors follow that ask for it, whichever uses are kept.
    """

    key: EntityKey
    phases: dict[str, Phase] = {}
    accesses: dict[str, Access] = {}
    notes: dict[str, Note] = {}
    lapsed: bool = False
    overdue: datetime | None = None
    last_use: LastUse | None = None
    findings: dict[str, Published] = {}
    told: dict[str, dict[str, Trace]] = {}
    """The traces that its calls were told to have left, by detector and name."""
    row: Row | None = None

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Whichever it has: an entity has facts of one sort."""
        return self.phases or self.accesses or self.notes

    @property
    def is_full(self) -> bool:
        """As many facts as are kept: later ones are dropped."""
        return len(self.facts) >= most(self.facts)

    @property
    def is_saturated(self) -> bool:
        """Whether later uses cannot take the place of any that is kept."""
        return bool(self.accesses) and self.is_full and not any(use.reads_nothing for use in self.accesses.values())

    @property
    def latest_use(self) -> datetime:
        return max(access.time for access in self.accesses.values())

    @property
    def known_use(self) -> datetime | None:
        """The latest time at which it is known to have been used; None where nothing is known of uses but the first."""
        return max(self.latest_use, self.last_use.time) if self.last_use and self.accesses else None

    @property
    def known_of_uses(self) -> int:
        """Grows with every use that is kept, and where one turns out to have begun earlier.

        A use that read something takes the place of one that did not, whenever it was.
        """
        uses = self.accesses.values()
        return sum((_LATEST - use.time) // timedelta.resolution + (not use.reads_nothing) * _ANY_SPAN for use in uses)

    @property
    def known_of_last_use(self) -> int:
        """Grows with what is learnt of its last use."""
        first = min((access.time for access in self.accesses.values()), default=None)
        return self.last_use.known(first) if self.last_use and first else 0

    @property
    def known_of_sweeps(self) -> int:
        """Grows with what sweeps found due of it: each may find another of its grants left open."""
        return self.lapsed + ((self.overdue - _EPOCH) // timedelta.resolution if self.overdue else 0)

    @property
    def is_unfinished(self) -> bool:
        """Some call has begun, and nobody knows yet how it ended."""
        seen = [phase.outcome for phase in self.phases.values()]
        ends = seen.count(Outcome.SUCCEEDED) + seen.count(Outcome.FAILED)
        return seen.count(Outcome.ATTEMPTED) > max(ends, seen.count(Outcome.ACCEPTED))

    @property
    def may_take_back(self) -> bool:
        """Others are told of it what it may turn out not to be.

        Its calls may have left other traces, while nobody knows what was asked for. They may have ended otherwise, or
        at other times, while one is accepted only, where one failed, and where several share a key. And a way may turn
        out to be none.
        """
        if self.findings and any(note.trace is not None for note in self.notes.values()):
            return True
        outcomes = [phase.outcome for phase in self.phases.values()]
        if self.told and Outcome.ATTEMPTED not in outcomes:
            return True
        succeeded = outcomes.count(Outcome.SUCCEEDED)
        return Outcome.FAILED in outcomes or succeeded > 1 or (Outcome.ACCEPTED in outcomes and not succeeded)

    def join(self, facts: Mapping[str, Fact], *, lapsed: bool = False, overdue: datetime | None = None) -> None:
        """Add facts, by digest, and what a sweep found."""
        phases = {name: fact for name, fact in facts.items() if isinstance(fact, Phase)}
        accesses = {name: fact for name, fact in facts.items() if isinstance(fact, Access)}
        notes = {name: fact for name, fact in facts.items() if isinstance(fact, Note)}
        self.phases = joined(self.phases, phases) if phases else self.phases
        self.accesses = joined(self.accesses, accesses) if accesses else self.accesses
        self.notes = joined(self.notes, notes) if notes else self.notes
        last_use = facts.get(LAST_USE)
        if isinstance(last_use, LastUse) and last_use.tells_more_than(self.last_use):
            self.last_use = last_use
        self.lapsed |= lapsed
        self.overdue = max(filter(None, (self.overdue, overdue)), default=None)


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
    notes: dict[str, Note] | msgspec.UnsetType = msgspec.UNSET
    overdue: datetime | msgspec.UnsetType = msgspec.UNSET
    last_use: datetime | msgspec.UnsetType = msgspec.UNSET
    told: dict[str, dict[str, Trace]] | msgspec.UnsetType = msgspec.UNSET


_Decoded = tuple[_Stored, bool]
"""What a row says, and whether that is all of it: another version may have written fields that nobody here knows."""

# Rows by their content: those that are read next are mostly those that were just written.
_RECENT: Bounded[bytes, _Decoded] = Bounded(512)
_DECODER = msgspec.json.Decoder(_Stored)
_GROUPS = ("phases", "accesses", "notes")
_OF_NOTES = {"is", *Step.__struct_fields__, *Edge.__struct_fields__, *Touch.__struct_fields__}


def restored(key: EntityKey, row: Row | None) -> Entity:
    """The entity in a row, or a new one."""
    if row is None:
        return Entity(key=key)
    found, _ = _decoded(row.content)
    return Entity(
        key=key,
        phases=dict(found.phases),
        accesses=dict(found.accesses),
        notes=dict(found.notes or {}),
        lapsed=found.lapsed,
        overdue=found.overdue or None,
        last_use=LastUse(found.last_use) if found.last_use else None,
        findings=found.findings,
        told=found.told or {},
        row=row,
    )


def stored(entity: Entity) -> Row:
    """The row of an entity, against the version that it was read at, with every field that another version wrote."""
    partition, name = address_of_entity(entity.key)
    before, is_all = _decoded(entity.row.content) if entity.row else (_Stored(), True)
    known = _Stored(
        version=max(before.version, _VERSION),
        phases=entity.phases,
        accesses=entity.accesses,
        lapsed=entity.lapsed,
        findings=entity.findings,
        notes=entity.notes or msgspec.UNSET,
        overdue=entity.overdue or msgspec.UNSET,
        last_use=entity.last_use.time if entity.last_use else msgspec.UNSET,
        told=entity.told or msgspec.UNSET,
    )
    content = msgspec.json.encode(known)
    if entity.row and not is_all:
        content = msgspec.json.encode(_completed(msgspec.to_builtins(known), msgspec.json.decode(entity.row.content)))
    else:
        _RECENT[content] = known, True
    return Row(partition, name, content, entity.row.version if entity.row else None)


def _decoded(content: bytes) -> _Decoded:
    found = _RECENT.get(content)
    if found is None:
        known = _DECODER.decode(content)
        found = _RECENT[content] = known, msgspec.json.encode(known) == content
    return found


def _completed(known: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What is known now, with the fields beside it that only a later version understands."""
    completed = {**before, **known}
    for group in _GROUPS:
        facts = before.get(group, {})
        if group in known:
            completed[group] = {name: _with_unknown(fact, facts.get(name, {})) for name, fact in known[group].items()}
    findings = before.get("findings", {})
    completed["findings"] = {
        name: {**_unknown(findings.get(name, {})), **published} for name, published in known.get("findings", {}).items()
    }
    return completed


def _with_unknown(fact: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """A fact with the fields of what it was before, and those of its step or trace that nobody here knows."""
    nested: dict[str, Any] = {
        part: {**{name: value for name, value in before[part].items() if name not in _OF_NOTES}, **fact[part]}
        for part in ("step", "trace")
        if part in fact and part in before
    }
    return {**before, **fact, **nested}


def _unknown(published: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in published.items() if field not in Published.__struct_fields__}
