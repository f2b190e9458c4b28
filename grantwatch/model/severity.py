"""How bad a finding is, and how far the call behind it got."""

from enum import StrEnum
from typing import Self


class Ordered(StrEnum):
    """Members compare by their place in the definition, the first being the least."""

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)

    # Enum's own is that of the name, which is slow and not the one of the equal text.
    __hash__ = str.__hash__

    def __lt__(self, other: str) -> bool:
        return self.rank < self._rank_of(other)

    def __le__(self, other: str) -> bool:
        return self.rank <= self._rank_of(other)

    def __gt__(self, other: str) -> bool:
        return self.rank > self._rank_of(other)

    def __ge__(self, other: str) -> bool:
        return self.rank >= self._rank_of(other)

    def _rank_of(self, other: str) -> int:
        return other.rank if type(other) is type(self) else type(self)(other).rank

    def lowered(self, steps: int) -> Self:
        """The member so many places below, never below the first."""
        return list(type(self))[max(0, self.rank - steps)]


class Severity(Ordered):
    """Severity of a finding, in Sentinel's four words."""

    INFORMATIONAL = "Informational"
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


class Outcome(Ordered):
    """How far an ARM call is known to have got. The greatest one seen holds: success is final, acceptance is not."""

    ATTEMPTED = "Attempted"
    ACCEPTED = "Accepted"
    FAILED = "Failed"
    SUCCEEDED = "Succeeded"


def severity_of(severity: Severity, outcome: Outcome) -> Severity:
    """What remains of a severity when the call failed (two lower, at most Low) or was only attempted."""
    match outcome:
        case Outcome.FAILED:
            return min(severity.lowered(2), Severity.LOW)
        case Outcome.ATTEMPTED:
            return Severity.INFORMATIONAL
        case _:
            return severity
