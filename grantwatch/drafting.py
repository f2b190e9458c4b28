"""What the detectors say of an entity, a fault in one of them costing the others nothing."""

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from grantwatch.detection.detector import Detector, Teller
from grantwatch.detection.index import Index
from grantwatch.detection.match import Match, Statement, Topic
from grantwatch.memory.entities import Entity, EntityKey
from grantwatch.memory.events import Event, events_of, packed
from grantwatch.memory.facts import Note
from grantwatch.memory.notes import Notes, followed, forwarded, named, told, traced
from grantwatch.memory.sightings import Seen, presence_of, seen_at_storage, seen_by
from grantwatch.memory.volumes import volumes_of
from grantwatch.memory.windows import Windows
from grantwatch.model.course import Course
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.grant import GrantStatus
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation, OperationKey
from grantwatch.model.severity import Outcome
from grantwatch.model.storage_access import StorageAccess
from grantwatch.model.volume import Volume
from grantwatch.ports import Parked

logger = logging.getLogger(__name__)

_WAIT_FOR_AN_END = timedelta(hours=1)
_REMEMBERED_FOR = timedelta(days=28)
"""A week less than stores keep what is not touched."""
T = TypeVar("T")


class Draft(Struct):
    """An entity with what its detectors say of it, the topics of what they state, and those their matches depend on.

    Of the latter, ``followed`` also says until when what happened matters to them, None for ever.

    ``notes`` is what it contributes to what is gathered elsewhere, whatever its findings, and ``seen`` what may never
    have been seen before. It has to be looked at again when the end of a call is ``awaited`` no longer, when its
    grants are ``overdue``, and before those that stand would be forgotten.
    """

    entity: Entity
    matches: dict[Detector, list[tuple[Event, Match]]] = field(default_factory=dict)
    statements: dict[Detector | Teller, list[Statement]] = field(default_factory=dict)
    said_under: set[Topic] = field(default_factory=set)
    followed: dict[Topic, datetime | None] = field(default_factory=dict)
    notes: Notes = field(default_factory=lambda: defaultdict(dict))
    awaited: datetime | None = None
    overdue: set[datetime] = field(default_factory=set)
    seen: Seen | None = None

    def add(self, sayer: Detector | Teller, event: Event, said: Iterable[Match | Statement]) -> None:
        """Note what was said. A call that only began counts once its end is not waited for any more."""
        stated = self.statements.setdefault(sayer, [])
        counts = self.entity.lapsed or event.outcome is not Outcome.ATTEMPTED
        for each in said:
            if isinstance(each, Statement):
                stated.append(each)
                self.said_under.add(each.topic)
            elif counts and isinstance(sayer, Detector):
                self.matches.setdefault(sayer, []).append((event, each))
                self.follow(each)

    def follow(self, match: Match) -> None:
        """Of those who came before, what came later than the match is nothing to it; of all else everything counts."""
        before = match.preceded_by.topics if match.preceded_by else ()
        for topic in match.topics:
            known = self.followed.get(topic, match.at)
            self.followed[topic] = max(known, match.at) if topic in before and known is not None else None


class Drafting:
    """Asks the detectors. What they fail on is parked."""

    def __init__(self, index: Index, windows: Windows) -> None:
        self._index = index
        self._windows = windows

    def draft(self, entity: Entity, parked: list[Parked], news: Mapping[str, Note]) -> Draft:
        """What is said of an entity. ``news`` are the notes that it was given just now."""
        draft = Draft(entity)
        events = self._events(entity)
        detectors = self._detectors(entity.key)
        sayers: list[Detector | Teller] = [*detectors, *self._tellers(entity.key)]
        for sayer in sayers:
            for event in _meant_for(sayer, events) if len(detectors) > 1 else events:
                draft.add(sayer, event, self._said(sayer, event, parked))
        if entity.is_full:
            for detector, event, match in list(self._overflow(draft, events)):
                draft.add(detector, event, (match,))
        for detector in detectors:
            if detector.name in entity.findings and detector not in draft.matches and events:
                draft.matches[detector] = [(events[0], _nothing(events[0]))]
        draft.notes = self._notes(entity, events, parked, news)
        if entity.is_unfinished and not entity.lapsed:
            draft.awaited = min(phase.time for phase in entity.phases.values()) + _WAIT_FOR_AN_END
        draft.overdue = set(_overdue(draft))
        draft.seen = _seen(draft)
        return draft

    def stated(self, detector: Detector, event: Event, parked: list[Parked]) -> Iterator[Statement]:
        """What an event states to the findings of a detector: through the detector itself, or those it is told by."""
        for sayer in self.sayers(detector, event.key):
            yield from (each for each in self._said(sayer, event, parked) if isinstance(each, Statement))

    def sayers(self, detector: Detector, key: EntityKey) -> Iterator[Detector | Teller]:
        """Who speaks of an entity to the findings of a detector."""
        if detector in self._detectors(key):
            yield detector
        yield from (teller for teller in self._tellers(key) if teller in detector.told_by)

    def _said(self, sayer: Detector | Teller, event: Event, parked: list[Parked]) -> list[Match | Statement]:
        return _asked(sayer.name, sayer, event, parked)

    def _notes(self, entity: Entity, events: Sequence[Event], parked: list[Parked], news: Mapping[str, Note]) -> Notes:
        """The traces that calls leave; what is gathered at a volume or group goes on to those whom it concerns."""
        key = entity.key
        if not isinstance(key, OperationKey):
            lineage = events[0] if events else None
            if not isinstance(lineage, Lineage):
                return {}
            return followed(lineage) if lineage.paths else forwarded(key, entity.notes, news, self._windows.snapshot)
        notes: Notes = {}
        route = self._index.route_of(key.name)
        for detector in route.tracers if route else ():
            ask = detector.traces
            left = [_asked(detector.name, ask, event, parked) for event in events] if ask else []
            traces = told(entity.told.get(detector.name, {}), named(left, key))
            if traces:
                entity.told = {**entity.told, detector.name: traces}
            for gathering, found in traced(traces, detector, len(entity.facts)).items():
                notes.setdefault(gathering, {}).update(found)
        return notes

    def _overflow(self, draft: Draft, events: Sequence[Event]) -> Iterator[tuple[Detector, Event, Match]]:
        """A match for each detector that found nothing of weight among the calls that are kept.

        Whoever puts hundreds of calls under one correlation id shall not hide one behind the others.
        """
        event = next(iter(events), None)
        if not isinstance(event, Operation):
            return
        # What was dropped is taken to have been accepted: its outcome may have been dropped with it.
        dropped = Operation(event.key, (msgspec.structs.replace(event.phases[0], outcome=Outcome.ACCEPTED),))
        summary = f"More calls of {event.name} share one correlation id than are kept; look at them by hand."
        reported = {
            detector
            for detector, matches in draft.matches.items()
            for event, match in matches
            if event.outcome in (Outcome.ACCEPTED, Outcome.SUCCEEDED)
            and not match.void
            and (match.severity or detector.metadata.severity) >= detector.metadata.severity
        }
        for detector in self._detectors(draft.entity.key):
            if event.name in detector.operations and detector not in reported:
                yield detector, dropped, Match(summary=summary, target=event.resource, at=event.started)

    def _tellers(self, key: EntityKey) -> Sequence[Teller]:
        route = self._index.route_of(key.name) if isinstance(key, OperationKey) else None
        return route.tellers if route else ()

    def _detectors(self, key: EntityKey) -> Sequence[Detector]:
        if isinstance(key, OperationKey):
            route = self._index.route_of(key.name)
            return route.detectors if route else ()
        sharing = self._index.sharing.get(key.detector)
        if sharing:
            return sharing
        known = self._index.detectors.get(key.detector)
        return (known,) if known else ()

    def _events(self, entity: Entity) -> Sequence[Event]:
        key = entity.key
        known = self._index.detectors.get(key.detector) if isinstance(key, GatheringKey) else None
        if known is not None and known.on is Volume:
            return volumes_of(entity, self._windows.bulk)
        return events_of(key, entity.facts, self._window(key), entity.known_use)

    def _window(self, key: EntityKey) -> timedelta | None:
        known = self._index.detectors.get(key.detector) if isinstance(key, GatheringKey) else None
        if known is None:
            return None
        if known.on is Lineage:
            return self._windows.snapshot
        return self._windows.length(known.window) if known.window else None


def _meant_for(sayer: Detector | Teller, events: Iterable[Event]) -> Iterator[Event]:
    """Events as one of several detectors sees them: without the requests that are none of its findings."""
    for event in events:
        if isinstance(event, StorageAccess) and isinstance(sayer, Detector) and sayer.natural_key:
            its = tuple(access for access in event.accesses if sayer.natural_key(access) == event.key.natural)
            if its:
                yield event if len(its) == len(event.accesses) else dataclasses.replace(event, accesses=its)
        else:
            yield event


def _asked(name: str, ask: Callable[[Any], Iterable[T]], event: Event, parked: list[Parked]) -> list[T]:
    """What a rule says of an event. One that fails costs its own finding on this event and nothing else."""
    try:
        return list(ask(event))
    except Exception as error:  # any: a fault in one rule must not silence the others
        # Without the traceback: an exception's text can quote the record.
        logger.error("%s failed on an event: %s", name, type(error).__name__)  # noqa: TRY400
        parked.append(Parked(f"{type(error).__name__} in the detector", packed(event), name, sound=True))
        return []


def _nothing(event: Event) -> Match:
    """What withdraws a finding that more facts showed to be none."""
    match event:
        case Operation():
            at = event.decided
        case StorageAccess():
            at = event.first.time
        case Course():
            at = event.first.at
        case Lineage():
            at = event.traces[0].at
    return Match(summary="What was reported turned out to be nothing.", target=event.resource, at=at, void=True)


def _overdue(draft: Draft) -> Iterator[datetime]:
    """When grants of its should have been closed, and when those that stand have to be remembered anew."""
    for detector, matches in draft.matches.items():
        known = draft.entity.findings.get(detector.name)
        for event, match in matches:
            grant = match.grant
            if grant is None or grant.of or event.outcome not in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
                continue
            if grant.overdue:
                yield grant.overdue
            again = _remembered_again(match.at, draft.entity.overdue)
            stands = known is None or known.status != GrantStatus.REVOKED
            if stands and (grant.expires is None or grant.expires > again):
                yield again


def _remembered_again(opened: datetime, last: datetime | None) -> datetime:
    """The next time at which an entity is due, if only to be stored anew: what nobody touches is forgotten."""
    times = (last - opened) // _REMEMBERED_FOR if last and last > opened else 0
    return opened + (times + 1) * _REMEMBERED_FOR


def _seen(draft: Draft) -> Seen | None:
    entity = draft.entity
    if isinstance(entity.key, OperationKey) and entity.phases:
        phases = entity.phases.values()
        if not draft.matches:
            return presence_of(entity.key, phases)
        return seen_by(entity.key, phases, sorted(set(_foreign_recipients(draft))))
    return seen_at_storage(entity.key, entity.accesses.values()) if draft.matches else None


def _foreign_recipients(draft: Draft) -> Iterator[str]:
    for matches in draft.matches.values():
        for _, match in matches:
            if match.recipient.tenant and match.recipient.tenant != draft.entity.key.tenant:
                yield match.recipient.tenant
