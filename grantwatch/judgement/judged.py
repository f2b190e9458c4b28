"""A match as it was judged, and which of several speaks for them."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from grantwatch.detection.match import Match
from grantwatch.memory.events import Event
from grantwatch.memory.resolution import Resolved
from grantwatch.model.course import Course
from grantwatch.model.severity import Outcome, Severity


class Judged(Struct, frozen=True):
    """One resolved match on its event, with the severity that remains."""

    event: Event
    resolved: Resolved
    severity: Severity
    expected: bool = False

    @property
    def match(self) -> Match:
        return self.resolved.match

    @property
    def outcome(self) -> Outcome:
        return self.event.outcome

    @property
    def grants_access(self) -> bool:
        return self.match.grant is not None and self.outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED)

    @property
    def closed(self) -> datetime | None:
        """When the grant ended; of one that another finding tells of, when that one says so."""
        return self.event.first.closed if isinstance(self.event, Course) else self.resolved.closed

    @property
    def sentence(self) -> str:
        match self.outcome:
            case Outcome.FAILED:
                return f"Failed: {self.match.summary}"
            case Outcome.ATTEMPTED:
                return f"Attempted, outcome unknown: {self.match.summary}"
            case _:
                return self.match.summary


def lead_of(found: Sequence[Judged]) -> Judged:
    """The match that speaks for all that fold into one finding."""
    return found[0] if len(found) == 1 else min(found, key=precedence)


def precedence(judged: Judged) -> tuple[int, int, datetime]:
    """The worst first, then the furthest, then the earliest; the matches themselves come in a settled order."""
    return -judged.severity.rank, -judged.outcome.rank, judged.match.at
