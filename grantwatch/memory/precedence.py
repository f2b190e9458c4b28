"""Who came before: those who could have done what a match tells of, ranked by how likely it was them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from grantwatch.detection.match import Lookback, Match, Precedent
from grantwatch.model.actor import ActorKind
from grantwatch.model.network import network_of

_AT_ONCE = timedelta(hours=2)
_SOON = timedelta(days=1)
_PEOPLE = (ActorKind.USER, ActorKind.GUEST)
_STRONG, _LIKELY = 3, 2


class Candidate(Struct, frozen=True):
    """Somebody who came before, how long before, and what speaks for them: time, network, and being a person."""

    precedent: Precedent
    gap: timedelta
    points: int
    is_elsewhere: bool

    @property
    def confidence(self) -> str:
        return "strong" if self.points >= _STRONG else "likely" if self.points >= _LIKELY else "possible"

    def __str__(self) -> str:
        """Who, when and from where, in a sentence without its end."""
        actor = self.precedent.actor
        whence = actor.address or "an unknown address"
        return f"{actor.label} {self.precedent.deed} {_spoken(self.gap)} before, from {whence} ({self.confidence})"


def preceded(match: Match, lookback: Lookback, precedents: Sequence[Precedent]) -> Match:
    """The match with its candidates, the likeliest first; void where nobody came before but somebody must have."""
    found = ranked(match.at, lookback, precedents)
    if not found:
        return replace(match, void=match.void or lookback.must)
    told = tuple(dict.fromkeys(map(str, found)))
    return replace(
        match,
        evidence={**match.evidence, "IssuerCandidates": told},
        severity=(found[0].is_elsewhere and lookback.severity_if_elsewhere) or match.severity,
    )


def ranked(at: datetime, lookback: Lookback, precedents: Sequence[Precedent]) -> list[Candidate]:
    """Those who came before that moment, and in time, the likeliest first.

    Each counts by their last time: of many readings of one actor one is enough. Azure's own services hand nothing out.
    """
    before = sorted((each for each in precedents if each.at <= at), key=lambda each: (each.at, repr(each)))
    renewed = [each.at for each in before if each.renewed and each.renewed == lookback.key]
    begin = max((at - lookback.within, *renewed))
    latest: dict[tuple[str, str | None], Precedent] = {}
    for precedent in before:
        if precedent.at >= begin and precedent.actor.kind is not ActorKind.PLATFORM_SERVICE:
            latest[precedent.actor.label, network_of(precedent.actor.address)] = precedent
    return sorted((_candidate(each, at - each.at, lookback) for each in latest.values()), key=_rank)


def _candidate(precedent: Precedent, gap: timedelta, lookback: Lookback) -> Candidate:
    network = network_of(precedent.actor.address)
    is_elsewhere = network is not None and bool(lookback.origins) and network not in lookback.origins
    points = 2 if gap <= _AT_ONCE else 1 if gap <= _SOON else 0
    points += 2 if network in lookback.origins else 0
    points += 1 if precedent.actor.kind in _PEOPLE else 0
    return Candidate(precedent, gap, points, is_elsewhere)


def _rank(candidate: Candidate) -> tuple[int, timedelta, str]:
    return -candidate.points, candidate.gap, str(candidate)


def _spoken(gap: timedelta) -> str:
    """A span in its two largest units."""
    minutes = int(gap.total_seconds()) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else "less than a minute"
