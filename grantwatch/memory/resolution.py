"""A match in the light of what others said under its topics."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from grantwatch.detection.match import Closing, CounterFact, Match, Naming, Precedent, Setting, Statement, Topic
from grantwatch.memory.precedence import preceded
from grantwatch.model.grant import UNKNOWN_RECIPIENT
from grantwatch.model.severity import Severity

S = TypeVar("S", bound=Statement)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Resolved(Struct, frozen=True):
    """A match with its severity before outcome and recipient are weighed.

    ``void`` says that nothing changed: such a match is not reported, and withdrawn where it was.
    """

    match: Match
    severity: Severity
    closed: datetime | None = None
    void: bool = False
    reason: str | None = None


def resolved(match: Match, default: Severity, statements: Sequence[Statement], *, certain: bool = True) -> Resolved:
    """What becomes of a match. ``certain`` is false when facts were dropped, and then nothing speaks in its favour."""
    match = _named(match, statements)
    if match.preceded_by is not None:
        match = preceded(match, match.preceded_by, _of(statements, Precedent, *match.preceded_by.topics))
    closed = _closing(match, statements)
    outcome = Resolved(match, match.severity or default, closed=closed, void=match.void)
    if match.void or not certain:
        return outcome
    counter = _counter(match, statements)
    if counter is not None:
        return replace(outcome, severity=Severity.INFORMATIONAL, reason=counter.reason)
    return _changed(outcome, match, statements)


def _of(statements: Iterable[Statement], kind: type[S], *topics: Topic) -> list[S]:
    return [each for each in statements if isinstance(each, kind) and each.topic in topics]


def _named(match: Match, statements: Sequence[Statement]) -> Match:
    """With the recipient that another record names; several that disagree name nobody."""
    under = _of(statements, Naming, match.named_by) if match.named_by else []
    if not under:
        return match
    recipients = {naming.recipient for naming in under}
    if len(recipients) > 1:
        claimed = tuple(sorted(each.id or "" for each in recipients))
        return replace(match, recipient=UNKNOWN_RECIPIENT, evidence={**match.evidence, "ClaimedRecipients": claimed})
    evidence = min((naming.evidence for naming in under), key=repr)
    return replace(match, recipient=recipients.pop(), evidence={**match.evidence, **evidence})


def _closing(match: Match, statements: Sequence[Statement]) -> datetime | None:
    """When the match's grant ended: the earliest closing, or other value of what it changed, after it last held."""
    if match.grant is None or not statements:
        return None
    grant, change = match.grant, match.change
    closings = [each for each in _of(statements, Closing, *match.closed_by) if each.at >= grant.held_until]
    ends = [each.at for each in closings if each.part is None]
    gone = [min((each.at for each in closings if each.part == part), default=_NEVER) for part in grant.parts]
    if gone and max(gone) < _NEVER:
        ends.append(max(gone))
    if change is not None:
        undone = (each for each in _of(statements, Setting, change.topic) if not change.values <= each.values)
        ends += [each.at for each in undone if each.at > change.at]
    return min(ends, default=None)


def _shut_out_since(setting: Setting, match: Match, statements: Sequence[Statement]) -> bool:
    """Whether what a setting let in was ended before the match: its resource is another, or it had no effect."""
    parts = match.grant.parts if match.grant else ()
    ends = {None, *parts} if len(parts) == 1 else {None}
    closings = (each.at for each in _of(statements, Closing, *match.closed_by) if each.part in ends)
    return any(setting.at <= at < match.at for at in closings)


def _counter(match: Match, statements: Sequence[Statement]) -> CounterFact | None:
    if not match.countered_by:
        return None
    counters = _of(statements, CounterFact, *match.countered_by)
    fitting = [counter for counter in counters if abs(counter.at - match.at) <= counter.within]
    return min(fitting, key=lambda counter: (counter.at, counter.reason), default=None)


def _changed(outcome: Resolved, match: Match, statements: Sequence[Statement]) -> Resolved:
    """Only a change counts: known and no less before is void, unknown before a full PUT is Low."""
    change = match.change
    if change is None:
        return outcome
    before = [setting for setting in _of(statements, Setting, change.topic) if setting.at < change.at]
    last = max(before, key=lambda setting: (setting.at, sorted(setting.values)), default=None)
    adds = last is None or not change.values <= last.values
    if last is not None and (adds or not _shut_out_since(last, match, statements)):
        if not adds:
            return replace(outcome, void=True, reason="nothing was added to what held before")
        return replace(outcome, reason=f"before, it was {', '.join(sorted(last.values)) or 'empty'}")
    if change.is_default:
        return replace(outcome, severity=Severity.INFORMATIONAL, reason="a new resource with default settings")
    if change.whole:
        lowered = min(outcome.severity.lowered(1), Severity.LOW)
        return replace(outcome, severity=lowered, reason="the value before is not known; the call set everything")
    return outcome
