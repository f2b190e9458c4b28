"""What the detectors say of an entity, a fault in one of them costing the others nothing."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from grantwatch.detection.detector import Detector
from grantwatch.detection.index import Index
from grantwatch.detection.match import Match, Statement, Topic
from grantwatch.memory.entities import Entity, EntityKey, Event, packed
from grantwatch.model.operation import Operation, OperationKey
from grantwatch.model.severity import Outcome
from grantwatch.ports import Parked

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Draft:
    """An entity with what its detectors say of it: matches, and the topics under which they state anything."""

    entity: Entity
    matches: list[tuple[Detector, Event, Match]] = field(default_factory=list)
    said_under: set[Topic] = field(default_factory=set)

    @property
    def followed(self) -> set[Topic]:
        """The topics on which the matches depend."""
        return {topic for _, _, match in self.matches for topic in match.topics}


class Drafting:
    """Asks the detectors. What they fail on is parked."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def draft(self, entity: Entity, parked: list[Parked]) -> Draft:
        """What is said of an entity. A call that only began counts once its end is not waited for any more."""
        draft = Draft(entity)
        for event in entity.events():
            for detector in self._detectors(entity.key):
                for said in self.said(detector, event, parked):
                    if not isinstance(said, Match):
                        draft.said_under.add(said.topic)
                    elif entity.lapsed or event.outcome is not Outcome.ATTEMPTED:
                        draft.matches.append((detector, event, said))
        if entity.is_full:
            draft.matches += self._overflow(draft)
        return draft

    def said(self, detector: Detector, event: Event, parked: list[Parked]) -> list[Match | Statement]:
        """What one detector says. One that fails costs its own match on this event and nothing else."""
        try:
            return list(detector(event))
        except Exception as error:  # any: a fault in one rule must not silence the others
            # Without the traceback: an exception's text can quote the record.
            logger.error("detector %s failed on an event: %s", detector.name, type(error).__name__)  # noqa: TRY400
            parked.append(Parked(f"{type(error).__name__} in the detector", packed(event), detector.name))
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
            detector.name
            for detector, event, match in draft.matches
            if event.outcome in (Outcome.ACCEPTED, Outcome.SUCCEEDED)
            and not match.void
            and (match.severity or detector.metadata.severity) >= detector.metadata.severity
        }
        for detector in self._detectors(draft.entity.key):
            if event.name in detector.operations and detector.name not in reported:
                yield detector, dropped, Match(summary=summary, target=event.resource, at=event.started)

    def _detectors(self, key: EntityKey) -> Sequence[Detector]:
        if isinstance(key, OperationKey):
            return self._index.detectors_of(key.name)
        known = self._index.detectors.get(key.detector)
        return (known,) if known else ()
