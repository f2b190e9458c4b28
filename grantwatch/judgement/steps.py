"""What a finding says in brief."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from grantwatch.detection.detector import Detector
from grantwatch.detection.match import Match
from grantwatch.judgement.judged import Judged, lead_of, precedence
from grantwatch.judgement.rendering import Content
from grantwatch.memory.events import Event
from grantwatch.model.course import Course, Step
from grantwatch.model.severity import severity_of

_LONGEST = 300


def step_of(detector: Detector, content: Content, found: Sequence[Judged], overdue: datetime | None) -> Step:
    """The step that a finding is, for findings that are made of findings; grants due by ``overdue`` were found so.

    When its grant was last used was weighed already, and is not told with every use.
    """
    lead = lead_of(found)
    match, held = lead.match, _held(found, overdue)
    grant = replace(held.match.grant, last_used=None) if held.match.grant else None
    until = grant.overdue if grant and held.grants_access else None
    return Step(
        finding=content["FindingId"],
        detector=detector.name,
        title=content["FindingTitle"],
        summary=content["Summary"][:_LONGEST],
        at=match.at,
        actor=lead.event.actor,
        target=match.target.text,
        operation=lead.event.name,
        severity=content["Severity"],
        outcome=lead.outcome,
        stage=detector.metadata.stage,
        recipient=held.match.recipient,
        grant=grant,
        closed=held.resolved.closed,
        overdue=until if until and overdue and until <= overdue else None,
        containment=content["Containment"],
        region=lead.event.region,
        void=content["Withdrawn"],
        salvaged=lead.event.salvaged,
    )


def _held(found: Sequence[Judged], overdue: datetime | None) -> Judged:
    """The match whose grant matters most: one that was left open, else one that stands."""

    def rank(judged: Judged) -> tuple[bool, bool, tuple[int, int, datetime]]:
        until = judged.match.grant.overdue if judged.match.grant else None
        is_due = until is not None and overdue is not None and until <= overdue
        left_open = is_due and until is not None and (judged.closed is None or judged.closed > until)
        return not left_open, judged.closed is not None, precedence(judged)

    return min([judged for judged in found if judged.grants_access] or found, key=rank)


def presumed_step(detector: Detector, event: Event, match: Match) -> Step:
    """The step that a match will probably be, before it is judged: enough to know where it counts."""
    severity = match.severity or detector.metadata.severity
    return Step(
        finding="",
        detector=detector.name,
        title="",
        summary="",
        at=match.at,
        actor=event.actor,
        target=match.target.text,
        operation=event.name,
        severity=severity if isinstance(event, Course) else severity_of(severity, event.outcome),
        outcome=event.outcome,
        stage=detector.metadata.stage,
        recipient=match.recipient,
        grant=match.grant,
        void=match.void,
    )
