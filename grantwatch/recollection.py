"""Bringing facts to rest: remembered, seen beside what others said, judged, and revised where that is news.

The order of work is what makes it safe to repeat and to run in parallel: read the entities, leave facts and marks under
their topics, read the topics, swap. Whoever swaps has read the topics after the entity, so a stale view always loses.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct, field

from grantwatch.detection.detector import Detector
from grantwatch.detection.index import Index
from grantwatch.drafting import Draft, Drafting, Neighbourhood
from grantwatch.errors import StateConflictError
from grantwatch.judgement.rendering import Content, Judged, Organisation, judged, rendered
from grantwatch.judgement.revision import revised
from grantwatch.memory.due import due, due_rows
from grantwatch.memory.entities import (
    EntityKey,
    Published,
    address_of_entity,
    restored,
    stored,
)
from grantwatch.memory.resolution import resolved
from grantwatch.memory.topics import neighbours_in, partition_of, rows_of
from grantwatch.model.bounded import Bounded
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import Phase
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access
from grantwatch.ports import Clock, Parked, StateStore

_Use = tuple[GatheringKey, str]
_NEVER = datetime.max.replace(tzinfo=UTC)

Facts = Mapping[EntityKey, Mapping[str, Phase | Access]]
"""By entity, and by their digests."""

_ROUNDS = 24
_REMEMBERED = 16_384


class Conclusion(Struct):
    """What a batch came to: current revisions of the findings it touched, and detectors that failed.

    ``saturated`` says from when on further uses of storage cannot change an entity, because earlier ones fill it.
    """

    revisions: dict[str, tuple[Published, Content]] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    facts: Facts = field(default_factory=dict)
    saturated: dict[EntityKey, datetime] = field(default_factory=dict)


class Recollection:
    """The engine's memory and judgement over one state store."""

    def __init__(self, index: Index, store: StateStore, organisation: Organisation, clock: Clock) -> None:
        self._drafting = Drafting(index)
        self._store = store
        self._organisation = organisation
        self._clock = clock
        self._settled_uses: Bounded[_Use, datetime] = Bounded(_REMEMBERED)
        self._saturated: Bounded[EntityKey, datetime] = Bounded(_REMEMBERED)
        self._published: Bounded[str, int] = Bounded(_REMEMBERED)

    def remember(self, facts: Facts, *, lapsed: frozenset[EntityKey] = frozenset()) -> Conclusion:
        """Add facts to their entities and bring every finding they bear on up to date.

        Raises StateConflictError when other writers keep winning.
        """
        conclusion = Conclusion(facts=facts)
        pending = {key for key, found in facts.items() if not self._is_settled(key, found)} | lapsed
        news = set(pending)
        for _ in range(_ROUNDS):
            if not pending:
                return conclusion
            drafts = self._drafts(pending, facts, lapsed, conclusion)
            self._share(drafts)
            neighbourhood = self._neighbourhood(drafts, conclusion)
            lost = self._conclude(drafts, neighbourhood, conclusion)
            settled = pending - lost
            told = (neighbourhood.followers(draft) for draft in drafts if draft.entity.key in news)
            pending = lost.union(*told)
            news -= settled
        raise StateConflictError(f"{len(pending)} entities kept changing under other writers")

    def lapse(self, before: datetime | None) -> Conclusion:
        """Take the calls begun before that event time, whose end nobody saw, as attempts."""
        keys = list(dict.fromkeys(due(self._store, before)))
        rows = self._store.read([address_of_entity(key) for key in keys])
        open_ended = [restored(key, rows.get(address_of_entity(key))) for key in keys]
        lapsed = frozenset(each.key for each in open_ended if each.is_unfinished)
        return self.remember({}, lapsed=lapsed)

    def unpublished(self, conclusion: Conclusion) -> list[tuple[Published, Content]]:
        """The revisions that this engine does not know to have been published."""
        return [
            (published, content)
            for name, (published, content) in conclusion.revisions.items()
            if self._published.get(name) != published.revision
        ]

    def confirm(self, conclusion: Conclusion) -> None:
        """Everything of it is durable and published; repeats need not be looked at again."""
        for key, latest in conclusion.saturated.items():
            self._saturated[key] = latest
        for name, (published, _) in conclusion.revisions.items():
            self._published[name] = published.revision
        for key, facts in conclusion.facts.items():
            for use, first in _uses(key, facts):
                self._settled_uses[use] = min(self._settled_uses.get(use, first), first)

    def _is_settled(self, key: EntityKey, facts: Mapping[str, Phase | Access]) -> bool:
        """Uses of storage that this engine has brought to rest before, the same or an earlier one of their kind."""
        if not isinstance(key, GatheringKey):
            return False
        saturated = self._saturated.get(key, _NEVER)
        return all(
            first > saturated or self._settled_uses.get(use, _NEVER) <= first for use, first in _uses(key, facts)
        )

    def _drafts(
        self, pending: Iterable[EntityKey], facts: Facts, lapsed: frozenset[EntityKey], conclusion: Conclusion
    ) -> list[Draft]:
        addresses = {key: address_of_entity(key) for key in pending}
        rows = self._store.read(list(addresses.values()))
        drafts = []
        for key, address in addresses.items():
            entity = restored(key, rows.get(address))
            entity.join(facts.get(key, {}), lapsed=key in lapsed)
            drafts.append(self._drafting.draft(entity, conclusion.parked))
        return drafts

    def _share(self, drafts: Iterable[Draft]) -> None:
        rows = [
            row
            for draft in drafts
            for row in (*rows_of(draft.entity, draft.said_under, draft.followed), *due_rows(draft.entity))
        ]
        if rows:
            self._store.insert(rows)

    def _neighbourhood(self, drafts: Sequence[Draft], conclusion: Conclusion) -> Neighbourhood:
        partitions = {
            partition_of(draft.entity.key.tenant, topic)
            for draft in drafts
            for topic in draft.said_under | draft.followed
        }
        rows = self._store.scan(sorted(partitions)) if partitions else ()
        return Neighbourhood(neighbours_in(rows), drafts, self._drafting, conclusion.parked)

    def _conclude(
        self, drafts: Sequence[Draft], neighbourhood: Neighbourhood, conclusion: Conclusion
    ) -> set[EntityKey]:
        """Judge and swap; returns the entities that another writer changed meanwhile."""
        rows, current = [], {}
        for draft in drafts:
            before = draft.entity.row.content if draft.entity.row else None
            current[draft.entity.key] = self._revisions(draft, neighbourhood)
            if draft.entity.accesses and draft.entity.is_full:
                conclusion.saturated[draft.entity.key] = draft.entity.latest_use
            row = stored(draft.entity)
            if row.content != before:
                rows.append(row)
        lost_rows = set(self._store.swap(rows)) if rows else set()
        lost = {draft.entity.key for draft in drafts if address_of_entity(draft.entity.key) in lost_rows}
        for key, revisions in current.items():
            if key not in lost:
                conclusion.revisions.update(revisions)
        return lost

    def _revisions(self, draft: Draft, neighbourhood: Neighbourhood) -> dict[str, tuple[Published, Content]]:
        """The current revision of each finding of an entity, noted in the entity."""
        entity = draft.entity
        revisions = {}
        for detector in draft.matches:
            found = list(self._judged(detector, draft, neighbourhood))
            standing = [each for each in found if not each.resolved.void]
            content = rendered(detector, entity.key, standing or found, self._organisation)
            content["Withdrawn"] = not standing
            before = entity.findings.get(detector.name)
            if not standing:
                if before is None:
                    continue
                content["Severity"] = Severity.INFORMATIONAL
            is_published = before is not None and self._published.get(content["FindingId"]) == before.revision
            published = revised(before, content, self._clock(), is_published=is_published)
            entity.findings = {**entity.findings, detector.name: published}
            revisions[content["FindingId"]] = (published, content)
        return revisions

    def _judged(self, detector: Detector, draft: Draft, neighbourhood: Neighbourhood) -> Iterator[Judged]:
        certain = not draft.entity.is_full
        for event, match in draft.matches[detector]:
            statements = neighbourhood.statements(detector, draft, match)
            found = resolved(match, detector.metadata.severity, statements, certain=certain)
            yield judged(event, found, self._organisation)


def _uses(key: EntityKey, facts: Mapping[str, Phase | Access]) -> Iterator[tuple[_Use, datetime]]:
    if isinstance(key, GatheringKey):
        for name, fact in facts.items():
            yield (key, name), fact.time
