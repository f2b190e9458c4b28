"""What the detectors say of an entity, a fault in one of them costing the others nothing."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from grantwatch.detection.detector import Detector, Teller
from grantwatch.detection.index import Index
from grantwatch.detection.match import Match, Statement, Topic
from grantwatch.memory.entities import Entity, EntityKey, Event, address_of_entity, packed
from grantwatch.memory.topics import Neighbours, events_in, follower_in, partition_of
from grantwatch.model.operation import Operation, OperationKey
from grantwatch.model.severity import Outcome
from grantwatch.ports import Parked

logger = logging.getLogger(__name__)


class Draft(Struct):
    """An entity with what its detectors say of it, the topics of what they state, and those their matches depend on."""

    entity: Entity
    matches: dict[Detector, list[tuple[Event, Match]]] = field(default_factory=dict)
    statements: dict[Detector | Teller, list[Statement]] = field(default_factory=dict)
    said_under: set[Topic] = field(default_factory=set)
    followed: set[Topic] = field(default_factory=set)

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
                self.followed.update(each.topics)


class Drafting:
    """Asks the detectors. What they fail on is parked."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def draft(self, entity: Entity, parked: list[Parked]) -> Draft:
        """What is said of an entity."""
        draft = Draft(entity)
        sayers: list[Detector | Teller] = [*self._detectors(entity.key), *self._tellers(entity.key)]
        for event in entity.events():
            for sayer in sayers:
                draft.add(sayer, event, self._said(sayer, event, parked))
        if entity.is_full:
            for detector, event, match in list(self._overflow(draft)):
                draft.add(detector, event, (match,))
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

    def _said(self, sayer: Detector | Teller, event: Any, parked: list[Parked]) -> list[Match | Statement]:
        """What one of them says. One that fails costs its own match on this event and nothing else."""
        try:
            return list(sayer(event))
        except Exception as error:  # any: a fault in one rule must not silence the others
            # Without the traceback: an exception's text can quote the record.
            logger.error("%s failed on an event: %s", sayer.name, type(error).__name__)  # noqa: TRY400
            parked.append(Parked(f"{type(error).__name__} in the detector", packed(event), sayer.name, sound=True))
            return []

    def _overflow(self, draft: Draft) -> Iterator[tuple[Detector, Event, Match]]:
        """A match for each detector that found nothing of weight among the calls that are kept.

        Whoever puts hundreds of calls under one correlation id shall not hide one behind the others.
        """
        event = draft.entity.events()[0]
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
        known = self._index.detectors.get(key.detector)
        return (known,) if known else ()


class Neighbourhood:
    """What stands under the topics of some drafts, and what the detectors make of it."""

    def __init__(
        self,
        found: Mapping[str, Neighbours],
        drafts: Iterable[Draft],
        drafting: Drafting,
        parked: list[Parked],
    ) -> None:
        self._found = found
        self._drafts = {address_of_entity(draft.entity.key)[0]: draft for draft in drafts}
        self._drafting = drafting
        self._parked = parked
        self._stated: dict[tuple[str, Detector], list[Statement]] = {}

    def followers(self, draft: Draft) -> set[EntityKey]:
        """Who, beside the drafts themselves, follows the topics under which something is said of a draft."""
        return {
            follower_in(mark)
            for topic in draft.said_under
            if (found := self._found.get(partition_of(draft.entity.key.tenant, topic)))
            for owner, mark in found.marks.items()
            if owner not in self._drafts
        }

    def statements(self, detector: Detector, draft: Draft, match: Match) -> Sequence[Statement]:
        """What all, seen through the same detector, state under the topics of a match."""
        statements: list[Statement] = []
        for topic in match.topics:
            under = self._under(partition_of(draft.entity.key.tenant, topic), detector)
            statements += [each for each in under if each.topic == topic]
        return statements

    def _under(self, partition: str, detector: Detector) -> Sequence[Statement]:
        stated = self._stated.get((partition, detector))
        if stated is None:
            found = self._found.get(partition)
            facts = found.facts.items() if found else ()
            stated = [each for owner, left in facts for each in self._said(detector, owner, left) if each.holds]
            self._stated[partition, detector] = stated
        return stated

    def _said(self, detector: Detector, owner: str, facts: Mapping[str, bytes]) -> Iterable[Statement]:
        """What a detector states of the facts of one entity; a draft of the same facts has asked it already."""
        draft = self._drafts.get(owner)
        if draft is not None and draft.entity.phases.keys() == facts.keys():
            sayers = self._drafting.sayers(detector, draft.entity.key)
            return [each for sayer in sayers for each in draft.statements.get(sayer, ())]
        return [each for event in events_in(facts) for each in self._drafting.stated(detector, event, self._parked)]
