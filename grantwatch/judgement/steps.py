"""What a finding says in brief."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter

from msgspec.structs import replace

from grantwatch.detection.detector import Detector
from grantwatch.detection.match import Match
from grantwatch.judgement.granted import MOST_LISTED
from grantwatch.judgement.judged import Judged, lead_of, precedence
from grantwatch.judgement.rendering import Content
from grantwatch.memory.events import Event
from grantwatch.model.course import Course, Step
from grantwatch.model.grant import Recipient
from grantwatch.model.severity import severity_of

_LONGEST = 300
_NEVER = datetime.max.replace(tzinfo=UTC)


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
        left_open=tuple(_left_open(found, overdue)) if overdue else (),
        containment=content["Containment"],
        region=lead.event.region,
        void=content["Withdrawn"],
        salvaged=lead.event.salvaged,
    )


def _held(found: Sequence[Judged], overdue: datetime | None) -> Judged:
    """The match whose grant matters most: one that was left open, else one that stands, or stood the longest."""

    def rank(judged: Judged) -> tuple[bool, float, tuple[int, int, datetime]]:
        until = _due(judged, overdue)
        left_open = until is not None and (judged.closed is None or judged.closed > until)
        return not left_open, -(judged.closed or _NEVER).timestamp(), precedence(judged)

    return min([judged for judged in found if judged.grants_access] or found, key=rank)


def _left_open(found: Sequence[Judged], overdue: datetime) -> Iterator[str]:
    """Of several grants, to whom and since when each is given that should have ended and has not."""
    granted = {
        (grant.opened, f"{_label(judged.match.recipient)}, since {grant.opened:%Y-%m-%dT%H:%MZ}"): judged
        for judged in found
        if judged.grants_access and (grant := judged.match.grant)
    }
    left = [name for (_, name), judged in sorted(granted.items(), key=itemgetter(0)) if _is_left(judged, overdue)]
    if len(granted) > 1:
        yield from left[:MOST_LISTED]
        yield from ("and more",) if len(left) > MOST_LISTED else ()


def _is_left(judged: Judged, overdue: datetime) -> bool:
    return judged.closed is None and _due(judged, overdue) is not None


def _due(judged: Judged, overdue: datetime | None) -> datetime | None:
    """Until when its grant may be open, if that is over."""
    until = judged.match.grant.overdue if judged.match.grant else None
    return until if until and overdue and until <= overdue else None


def _label(recipient: Recipient) -> str:
    named = recipient.name or recipient.id
    return f"{recipient.kind}: {named}" if named else str(recipient.kind)


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
