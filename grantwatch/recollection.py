"""Bringing facts to rest: remembered, seen beside what others said, judged, and revised where that is news."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime

from msgspec import Struct, field

from grantwatch.detection.index import Index
from grantwatch.errors import StateConflictError
from grantwatch.judgement.rendering import Content, Organisation
from grantwatch.memory import last_uses
from grantwatch.memory.due import Cause, Due, due, end_of_input
from grantwatch.memory.entities import EntityKey, Published, address_of_entity, restored
from grantwatch.memory.facts import LAST_USE, Fact, LastUse, Note
from grantwatch.memory.windows import Windows
from grantwatch.model.bounded import Bounded
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.storage_access import Access
from grantwatch.ports import Clock, Parked, Row, StateStore
from grantwatch.rounds import Rounds
from grantwatch.work import Revisions, Swept, Told, Work

_Use = tuple[GatheringKey, str]
_NEVER = datetime.max.replace(tzinfo=UTC)

Facts = Mapping[EntityKey, Mapping[str, Fact]]
"""By entity, and by their digests."""

_MOST_ROUNDS = 24
_REMEMBERED = 16_384
_SWEPT_AT_ONCE = 256


class Conclusion(Struct):
    """What a batch came to: current revisions of the findings it touched, and detectors that failed.

    ``saturated`` says from when on further uses of storage cannot change an entity, because earlier ones fill it.
    """

    revisions: Revisions = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    facts: Facts = field(default_factory=dict)
    saturated: dict[EntityKey, datetime] = field(default_factory=dict)
    told_by: dict[EntityKey, Told] = field(default_factory=dict)


class DuePart(Struct, frozen=True):
    """Some of what a sweep finds due: what has to be judged, days of use, and the rows to forget when all is told."""

    swept: Swept
    days: Sequence[EntityKey]
    rows: Sequence[Row]


class Unpublished(Struct, frozen=True):
    """A revision to publish. ``changes_grant``: the grants table may not have heard yet what it says of its grant.

    An unlisted one is told to the grants table alone.
    """

    published: Published
    content: Content
    changes_grant: bool


class Recollection:
    """The engine's memory and judgement over one state store."""

    def __init__(
        self, index: Index, store: StateStore, organisation: Organisation, clock: Clock, windows: Windows
    ) -> None:
        self._rounds = Rounds(index, store, organisation, clock, windows, self._is_published)
        self._store = store
        self._settled_uses: Bounded[_Use, datetime] = Bounded(_REMEMBERED)
        self._saturated: Bounded[EntityKey, datetime] = Bounded(_REMEMBERED)
        self._last_uses: Bounded[EntityKey, LastUse] = Bounded(_REMEMBERED)
        self._settled_notes: Bounded[tuple[EntityKey, str], int] = Bounded(_REMEMBERED)
        self._published: Bounded[str, int] = Bounded(_REMEMBERED)
        self._latest: datetime | None = None

    def remember(
        self, facts: Facts, swept: Swept | None = None, *, overtaken: Set[EntityKey] = frozenset()
    ) -> Conclusion:
        """Add facts to their entities and bring every finding they bear on up to date.

        ``overtaken`` are judged again, whether or not anything else is new of them. Raises StateConflictError when
        other writers keep winning.
        """
        work = Work(swept or Swept(), overtaken=set(overtaken))
        pending = work.swept.lapsed | work.swept.overdue.keys()
        pending |= {key for key, found in facts.items() if not self._is_settled(key, found)}
        pending |= last_uses.note(self._store, dict(self._later_uses(facts.keys() - pending, facts)))
        for key in pending & facts.keys():
            work.inbox[key].update(facts[key])
        news = set(pending)
        following = {*pending, *overtaken}
        for _ in range(_MOST_ROUNDS):
            if not following:
                self.note_time(max((fact.time for found in facts.values() for fact in found.values()), default=None))
                return Conclusion(work.revisions, work.parked, facts, work.saturated, work.told_by)
            following = self._rounds.take(following, news, work)
        raise StateConflictError(f"{len(following)} entities kept changing under other writers")

    def due(self, now: datetime | None) -> Iterator[DuePart]:
        """What a sweep finds due by now, part by part.

        None stands for the end of all input: no end of a call is waited for any more, and grants are looked at as of
        the latest event, also of inputs that ended before.
        """
        limit = now or end_of_input(self._store, self._latest)
        for entries in due(self._store, now):
            wanted = [
                each for each in entries if each.cause is not Cause.GRANT or (limit is not None and each.at <= limit)
            ]
            for start in range(0, len(wanted), _SWEPT_AT_ONCE):
                part = wanted[start : start + _SWEPT_AT_ONCE]
                days = [each.key for each in part if each.cause is Cause.USE]
                yield DuePart(self._swept(part), days, [each.row for each in part])

    def note_time(self, time: datetime | None) -> None:
        """There was an event then, whether or not there is anything to remember of it."""
        self._latest = max(filter(None, (self._latest, time)), default=None)

    def forget(self, rows: Sequence[Row]) -> None:
        """Delete the rows of what was due and is settled."""
        self._store.delete(rows)

    def unpublished(self, conclusion: Conclusion) -> list[Unpublished]:
        """The revisions that this engine does not know to have been published."""
        return [
            Unpublished(published, content, changes_grant=published.granted > self._published.get(name, 0))
            for name, (published, content) in conclusion.revisions.items()
            if not self._is_published(name, published.revision)
        ]

    def confirm(self, conclusion: Conclusion) -> None:
        """Everything of it is durable and published; repeats need not be looked at again."""
        self._rounds.confirm(conclusion.told_by)
        for key, latest in conclusion.saturated.items():
            self._saturated[key] = latest
        for name, (published, _) in conclusion.revisions.items():
            self._published[name] = published.revision
        for key, facts in conclusion.facts.items():
            for use, first in _uses(key, facts):
                self._settled_uses[use] = min(self._settled_uses.get(use, first), first)
            for name, fact in facts.items():
                if isinstance(fact, LastUse) and fact.tells_more_than(self._last_uses.get(key)):
                    self._last_uses[key] = fact
                if isinstance(fact, Note):
                    self._settled_notes[key, name] = max(self._settled_notes.get((key, name), 0), fact.known)

    def _is_published(self, name: str, revision: int) -> bool:
        return self._published.get(name) == revision

    def _is_settled(self, key: EntityKey, facts: Mapping[str, Fact]) -> bool:
        """Uses of storage that this engine has brought to rest before, the same or an earlier one of their kind.

        So it is with what notes say: the same, or what was better informed.
        """
        if not isinstance(key, GatheringKey) or not facts:
            return False
        notes = ((name, fact) for name, fact in facts.items() if isinstance(fact, Note))
        if any(self._settled_notes.get((key, name), -1) < note.known for name, note in notes):
            return False
        saturated = self._saturated.get(key, _NEVER)
        return all(
            first > saturated or self._settled_uses.get(use, _NEVER) <= first for use, first in _uses(key, facts)
        )

    def _later_uses(self, keys: Iterable[EntityKey], facts: Facts) -> Iterator[tuple[EntityKey, LastUse]]:
        """What is new of entities that are settled but for that: they were used in a further hour."""
        for key in keys:
            use = facts[key].get(LAST_USE)
            if isinstance(use, LastUse) and use.tells_more_than(self._last_uses.get(key)):
                yield key, use

    def _swept(self, entries: Sequence[Due]) -> Swept:
        calls = list(dict.fromkeys(each.key for each in entries if each.cause is Cause.CALL))
        rows = self._store.read([address_of_entity(key) for key in calls]) if calls else {}
        found = [restored(key, rows.get(address_of_entity(key))) for key in calls]
        overdue: dict[EntityKey, datetime] = {}
        for each in entries:
            if each.cause is Cause.GRANT:
                overdue[each.key] = max(each.at, overdue.get(each.key, each.at))
        return Swept(frozenset(entity.key for entity in found if entity.is_unfinished), overdue)


def _uses(key: EntityKey, facts: Mapping[str, Fact]) -> Iterator[tuple[_Use, datetime]]:
    if isinstance(key, GatheringKey):
        for name, fact in facts.items():
            if isinstance(fact, Access):
                yield (key, name), fact.time
