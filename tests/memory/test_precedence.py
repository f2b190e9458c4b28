"""Those who came before are ranked by what speaks for them, whatever the order in which they are heard of."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.detection.match import Lookback, Match, Precedent
from grantwatch.memory.precedence import ranked
from grantwatch.memory.resolution import resolved
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.resource import resource_of
from grantwatch.model.severity import Severity
from tests.strategies import stable
from tests.world import NOON

TOPIC = ("account keys read", "contosodata", "2026-03-10")
LOOKBACK = Lookback(
    topics=(TOPIC,),
    within=timedelta(hours=72),
    origins=("203.0.113.0/24",),
    severity_if_elsewhere=Severity.MEDIUM,
    key="key1",
)
USE = Match(summary="A use.", target=resource_of("contosodata"), at=NOON, preceded_by=LOOKBACK)

precedents = st.builds(
    Precedent,
    topic=st.just(TOPIC),
    at=st.integers(-90 * 60, 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    actor=st.builds(
        Actor,
        upn=st.sampled_from(("ada@contoso.example", "ben@contoso.example", None)),
        kind=st.sampled_from((ActorKind.USER, ActorKind.SERVICE_PRINCIPAL)),
        address=st.sampled_from(("203.0.113.7", "198.51.100.7", None)),
    ),
    deed=st.just("read the keys"),
    renewed=st.sampled_from((None, "key1", "key2")),
)


def read(minutes_before: float, address: str | None = "198.51.100.7", kind: ActorKind = ActorKind.USER) -> Precedent:
    actor = Actor(upn=f"{kind.lower()}@contoso.example", kind=kind, address=address)
    return Precedent(topic=TOPIC, at=NOON - timedelta(minutes=minutes_before), actor=actor, deed="read the keys")


@stable(200)
@given(st.lists(precedents, max_size=8), st.randoms(use_true_random=False))
def test_candidates_and_severity_do_not_depend_on_order_or_repetition(found: list[Precedent], random: Random) -> None:
    again = [*found, *found[: len(found) // 2]]
    random.shuffle(again)

    assert resolved(USE, Severity.INFORMATIONAL, again) == resolved(USE, Severity.INFORMATIONAL, found)


@stable(200)
@given(st.lists(precedents, max_size=8))
def test_a_match_stands_only_where_somebody_came_before_in_time(found: list[Precedent]) -> None:
    in_time = [each for each in found if timedelta(0) <= NOON - each.at <= LOOKBACK.within]
    outcome = resolved(USE, Severity.INFORMATIONAL, found)

    assert outcome.void == (not in_time)
    assert ("IssuerCandidates" in outcome.match.evidence) == bool(in_time)


def test_where_as_much_speaks_for_two_the_nearer_is_named_first() -> None:
    outcome = resolved(USE, Severity.INFORMATIONAL, [read(5), read(3000, "203.0.113.200", ActorKind.GUEST)])

    assert outcome.match.evidence["IssuerCandidates"] == (
        "user@contoso.example read the keys 5 min before, from 198.51.100.7 (strong)",
        "guest@contoso.example read the keys 2 d 2 h before, from 203.0.113.200 (strong)",
    )


@pytest.mark.parametrize(
    ("precedent", "severity"),
    [
        (read(10), Severity.MEDIUM),
        (read(10, "203.0.113.1"), Severity.INFORMATIONAL),
        (read(10, None), Severity.INFORMATIONAL),
    ],
)
def test_only_a_known_other_network_is_elsewhere(precedent: Precedent, severity: Severity) -> None:
    assert resolved(USE, Severity.INFORMATIONAL, [precedent]).severity is severity


@pytest.mark.parametrize(
    ("minutes", "kind", "address", "confidence"),
    [
        (10, ActorKind.USER, "198.51.100.7", "strong"),
        (10, ActorKind.SERVICE_PRINCIPAL, "198.51.100.7", "likely"),
        (600, ActorKind.USER, "198.51.100.7", "likely"),
        (600, ActorKind.SERVICE_PRINCIPAL, "203.0.113.7", "strong"),
        (4000, ActorKind.USER, "198.51.100.7", "possible"),
    ],
)
def test_time_network_and_being_a_person_speak_for_a_candidate(
    minutes: float, kind: ActorKind, address: str, confidence: str
) -> None:
    (candidate,) = ranked(NOON, LOOKBACK, [read(minutes, address, kind)])
    assert candidate.confidence == confidence
