"""One way from what is stored to what shall be: entities read, drafted, judged and swapped, and what hangs on them.

The order makes it safe to repeat and to run in parallel: read the entities, leave facts and marks under their topics,
read the topics, swap. Whoever swaps has read the topics after the entity, so a stale view always loses. What entities
contribute to gatherings is joined to those in the same swap, and these are read beside the topics: a call whose finding
makes further findings takes no more round trips than any other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from datetime import date, datetime

from msgspec.structs import replace

from grantwatch.courses import Courses
from grantwatch.detection.index import Index
from grantwatch.drafting import Draft, Drafting
from grantwatch.judgement.rendering import Organisation
from grantwatch.judgement.steps import presumed_step
from grantwatch.memory.digests import digest
from grantwatch.memory.due import Cause, due_rows
from grantwatch.memory.entities import EntityKey, address_of_entity, restored, stored
from grantwatch.memory.facts import Fact, Note, united
from grantwatch.memory.notes import Notes
from grantwatch.memory.sightings import NOTHING_NEW, Changes, Novelty, Sightings
from grantwatch.memory.topics import followers_of, neighbours_in, partition_of, rows_of
from grantwatch.memory.trainees import graduates
from grantwatch.memory.windows import Windows
from grantwatch.model.bounded import Bounded
from grantwatch.neighbourhood import Neighbourhood
from grantwatch.ports import Clock, Row, RowKey, StateStore
from grantwatch.verdicts import Verdict, Verdicts, known_of
from grantwatch.work import Telling, Told, View, Work

_REMEMBERED = 32_768
_REMEMBERED_TELLINGS = 8_192


class Rounds:
    """Takes entities through rounds. Keeps what it knows of sightings, what it left under topics, and what it told."""

    def __init__(
        self,
        index: Index,
        store: StateStore,
        organisation: Organisation,
        clock: Clock,
        windows: Windows,
        is_published: Callable[[str, int], bool],
    ) -> None:
        self._courses = Courses(index, windows)
        self._drafting = Drafting(index, windows)
        self._verdicts = Verdicts(organisation, clock, is_published)
        self._store = store
        self._clock = clock
        self._sightings = Sightings(windows.training)
        self._training = windows.training
        self._left: Bounded[RowKey, date] = Bounded(_REMEMBERED)
        self._told: Bounded[EntityKey, Told] = Bounded(_REMEMBERED_TELLINGS)

    def take(self, pending: set[EntityKey], news: set[EntityKey], work: Work) -> set[EntityKey]:
        """One round; returns who is to be taken again. ``news`` has facts that others have not heard of; it shrinks."""
        view = self._read(pending, work)
        drafts = list(view.drafts.values())
        neighbourhood, changes = self._look_around(view, news, work)
        novelties = self._sightings.judge((draft.seen for draft in drafts if draft.seen), changes)
        self._conclude(view, neighbourhood, novelties, work)
        lost_rows = self._swap(view, changes, work)
        lost = {key for key in view.drafts if address_of_entity(key) in lost_rows}
        for key, revisions in view.revisions.items():
            if key not in lost:
                work.revisions.update(revisions)
        again = self._unsettled_by(changes, lost_rows, work)
        work.told_by.update(_told_in(view, lost | view.later))
        told = (neighbourhood.followers(draft) for draft in drafts if draft.entity.key in news)
        following = (lost | view.later | again).union(*told)
        news -= pending - lost
        return following

    def _read(self, pending: Iterable[EntityKey], work: Work) -> View:
        """Drafts of entities as they are with what is new, and their facts and marks left under their topics.

        Most entities are new. What one leaves if it is new is inserted while its row is looked for.
        """
        addresses = {key: address_of_entity(key) for key in pending}
        view = View({}, {})
        for key in addresses:
            self._draft(key, view, work)
        new = self._left_by(view.drafts.values(), work)
        found = self._store.exchange(insert=new, read=list(addresses.values())).rows
        view.rows = {address: found.get(address) for address in addresses.values()}
        known = [key for key, address in addresses.items() if address in found]
        for key in known:
            self._draft(key, view, work)
        more = self._left_by((view.drafts[key] for key in known), work)
        if more:
            self._store.insert(more)
        today = self._clock().date()
        for row in (*new, *more):
            self._left[row.key] = today
        return view

    def _draft(self, key: EntityKey, view: View, work: Work) -> Draft:
        """What is said of an entity as it is with everything that is to be joined to it."""
        entity = restored(key, view.rows.get(address_of_entity(key)))
        entity.join(work.inbox.get(key, {}), lapsed=key in work.swept.lapsed, overdue=work.swept.overdue.get(key))
        view.parked[key] = []
        for detector, traces in work.traced.get(key, {}).items():
            entity.told = {**entity.told, detector: {**entity.told.get(detector, {}), **traces}}
        view.drafts[key] = draft = self._drafting.draft(entity, view.parked[key], _notes(work.inbox.get(key, {})))
        return draft

    def _left_by(self, drafts: Iterable[Draft], work: Work) -> list[Row]:
        """What drafts leave for others to find, as far as this work has not left it yet.

        What this engine left today need not be left again; a row that is inserted on another day is kept from expiring.
        """
        now = self._clock()
        rows = {row.key: row for draft in drafts for row in self._rows_of(draft, now)}
        left = [row for key, row in rows.items() if key not in work.left and self._left.get(key) != now.date()]
        work.left.update(row.key for row in left)
        return left

    def _rows_of(self, draft: Draft, now: datetime) -> Iterator[Row]:
        key = draft.entity.key
        yield from rows_of(draft.entity, draft.said_under, draft.followed)
        if draft.awaited:
            yield from due_rows(key, draft.awaited, now, Cause.CALL)
        for overdue in draft.overdue:
            yield from due_rows(key, overdue, now, Cause.GRANT)
        if draft.seen:
            yield from self._sightings.marks(draft.seen)

    def _look_around(self, view: View, news: Set[EntityKey], work: Work) -> tuple[Neighbourhood, Changes]:
        """What others said under the topics of drafts, and who saw what first.

        Reads the gatherings they may add to, too.
        """
        drafts = list(view.drafts.values())
        partitions = {
            *(partition_of(draft.entity.key.tenant, topic) for draft in drafts for topic in draft.followed),
            *(
                followers_of(draft.entity.key.tenant, topic)
                for draft in drafts
                if draft.entity.key in news
                for topic in draft.said_under
            ),
        }
        seen = [draft.seen for draft in drafts if draft.seen]
        addresses = {address for each in seen for address in self._sightings.addresses(each)}
        addresses |= {address_of_entity(key) for draft in drafts for key in self._gatherings(draft)}
        addresses -= view.rows.keys()
        scanned: Iterable[Row] = ()
        if partitions or addresses:
            found = self._store.exchange(scan=sorted(partitions), read=sorted(addresses))
            view.rows.update({address: found.rows.get(address) for address in addresses})
            scanned = found.scanned
        changes = self._sightings.changes(seen, view.rows)
        return Neighbourhood(neighbours_in(scanned), drafts, self._drafting, work.parked), changes

    def _gatherings(self, draft: Draft) -> Iterator[EntityKey]:
        """Where the findings of a draft may count, as far as that can be told before they are judged."""
        yield from draft.notes
        told = {course for course, _ in self._told_by(draft)}
        for detector, matches in draft.matches.items():
            for event, match in matches:
                step = presumed_step(detector, event, match)
                yield from set(self._courses.of(step, event.tenant)) - told
                yield from self._courses.doubtful(step, draft)
        for published in draft.entity.findings.values():
            yield from set(self._courses.told_of(published, draft)) - told

    def _told_by(self, draft: Draft) -> Set[Telling]:
        """What courses were told of an entity by this engine, if nobody else stored the entity since."""
        content, told = self._told.get(draft.entity.key, (None, frozenset()))
        row = draft.entity.row
        return told if row is not None and content == hash(row.content) else frozenset()

    def confirm(self, told_by: Mapping[EntityKey, Told]) -> None:
        """What courses were told is stored, and what they made of it is published."""
        for key, told in told_by.items():
            self._told[key] = told

    def _conclude(
        self, view: View, neighbourhood: Neighbourhood, novelties: Mapping[EntityKey, Novelty], work: Work
    ) -> None:
        """Judge the drafts, then what they contribute to, and what that contributes to, as far as it was read."""
        queue: Notes = defaultdict(dict)
        for key, draft in view.drafts.items():
            self._judge(draft, neighbourhood, novelties.get(key, NOTHING_NEW), view, work, queue)
            work.traced[key] = draft.entity.told
        while queue:
            arrived, queue = queue, defaultdict(dict)
            for key, notes in arrived.items():
                work.inbox[key] = {**united(_notes(work.inbox[key]), notes)}
                if address_of_entity(key) not in view.rows:
                    view.later.add(key)
                elif self._gather(key, view, work):
                    self._judge(view.drafts[key], neighbourhood, NOTHING_NEW, view, work, queue)
        self._courses.roll_up(view)
        for parked in view.parked.values():
            work.parked += parked

    def _gather(self, key: EntityKey, view: View, work: Work) -> bool:
        """Join what arrived to a gathering; False where it has passed on all of that before.

        What its row holds already may have been stored by somebody who died before passing it on.
        """
        arrived = _notes(work.inbox[key])
        if work.met.get(key) == arrived:
            return False
        work.met[key] = arrived
        self._draft(key, view, work)
        return True

    def _judge(
        self, draft: Draft, neighbourhood: Neighbourhood, novelty: Novelty, view: View, work: Work, queue: Notes
    ) -> None:
        """The findings of a draft, and what it and they contribute to gatherings."""
        key = draft.entity.key
        view.verdicts[key] = found = self._verdicts.of(draft, neighbourhood, novelty)
        view.revisions[key] = {
            each.step.finding: (each.published, each.content) for each in found if each.published is not None
        }
        known, told = known_of(draft, neighbourhood, novelty), self._told_by(draft)
        view.told[key] = set()
        gone = work.steps[key].keys() - {each.step.finding for each in found}
        for step in map(work.steps[key].__getitem__, gone):
            for gathering in work.courses[step.finding]:
                queue[gathering][step.finding] = self._courses.note(gathering, replace(step, void=True), known)
        for each in found:
            name, courses = digest(each.step), set(self._courses.of(each.step, each.tenant))
            for gathering in courses:
                if each.published is not None or _holds(view, gathering, each):
                    view.told[key].add((gathering, name))
                    work.courses[each.step.finding].add(gathering)
                    work.steps[key][each.step.finding] = each.step
                    if (gathering, name) not in told:
                        queue[gathering][each.step.finding] = self._courses.note(gathering, each.step, known)
            doubtful = {course for course in self._courses.doubtful(each.step, draft) if _holds(view, course, each)}
            left_by = self._courses.left_by(each, draft, courses, work.courses[each.step.finding])
            for left in left_by | (doubtful - courses):
                queue[left][each.step.finding] = self._courses.note(left, replace(each.step, void=True), known)
        for entity, notes in draft.notes.items():
            queue[entity] = united(queue[entity], notes)

    def _swap(self, view: View, changes: Changes, work: Work) -> Set[RowKey]:
        """Store what the drafts amount to, and who saw what first; returns the rows that others changed meanwhile.

        What a call told and may take back is stored before it is told, so that whoever comes next knows of it.
        """
        first: list[Row] = []
        others = changes.rows
        for draft in view.drafts.values():
            entity = draft.entity
            if entity.is_saturated:
                work.saturated[entity.key] = entity.latest_use
            row = stored(entity)
            view.contents[entity.key] = row.content
            if row.content != (entity.row.content if entity.row else None) or entity.key in work.overtaken:
                (first if entity.may_take_back else others).append(row)
        if first and self._store.swap(first):
            return {*map(address_of_entity, view.drafts), *(row.key for row in others)}
        work.overtaken -= view.drafts.keys()  # also where their swap is lost: the row then changed all the same
        return set(self._store.swap(others)) if others else set()

    def _unsettled_by(self, changes: Changes, lost: Set[RowKey], work: Work) -> set[EntityKey]:
        """Who is to be judged again for what was seen first: those who thought that they were, or that were trainees.

        They may be about to be stored, as first, by another engine. So they are stored here even if nothing changed:
        of two who swap one row only one succeeds, and the other looks again.
        """
        self._sightings.confirm(row for row in changes.rows if row.key not in lost)
        again = {key for address in lost for key in changes.askers.get(address, ())}
        held = [address for address in changes.firsts if address not in lost and address not in work.told]
        work.told.update(held)
        overtaken = set().union(*(changes.displaced(address) for address in held))
        begins = dict(filter(None, map(changes.trainees, held)))
        if begins:
            overtaken |= graduates(self._store.scan(sorted(begins)), begins, self._training)
        work.overtaken |= overtaken
        return again | overtaken


def _told_in(view: View, unsettled: Set[EntityKey]) -> Iterator[tuple[EntityKey, Told]]:
    """What courses were told in a round, of entities that are stored, as they all are."""
    for key, told in view.told.items():
        if key not in unsettled and unsettled.isdisjoint(course for course, _ in told):
            yield key, (hash(view.contents[key]), frozenset(told))


def _holds(view: View, gathering: EntityKey, verdict: Verdict) -> bool:
    """Whether a gathering was told of a finding that, as it now turns out, is none."""
    row = view.rows.get(address_of_entity(gathering))
    return row is not None and verdict.step.finding in restored(gathering, row).notes


def _notes(facts: Mapping[str, Fact]) -> dict[str, Note]:
    return {name: fact for name, fact in facts.items() if isinstance(fact, Note)}
