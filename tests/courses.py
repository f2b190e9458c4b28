"""Steps as findings leave them, and what detectors say of courses made of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from grantwatch.detection.detector import Detector
from grantwatch.detection.match import Match
from grantwatch.memory.windows import Windows
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.attack import Stage
from grantwatch.model.course import Course, Step, Window
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.grant import Grant, GrantKind
from grantwatch.model.severity import Outcome, Severity
from tests.world import NOON, SUBSCRIPTION

_LENGTH = timedelta(hours=72)
_KINDS = (GrantKind.ACCOUNT_KEYS, GrantKind.DISK_ACCESS)


def account(name: str) -> str:
    return SUBSCRIPTION.resource("data", "Microsoft.Storage/storageAccounts", name)


def step(finding: str, minutes: float = 0, **more: Any) -> Step:
    """A finding so many minutes after noon: of Ada reading the keys of an account, unless said otherwise."""
    at = NOON + timedelta(minutes=minutes)
    told: dict[str, Any] = {
        "detector": "account_keys_read",
        "title": "Keys read",
        "summary": "Keys were read.",
        "at": at,
        "actor": Actor(id="ada"),
        "target": account("contosodata"),
        "operation": "Microsoft.Storage/storageAccounts/listKeys/action",
        "severity": Severity.LOW,
        "outcome": Outcome.SUCCEEDED,
        "stage": Stage.ACCESS,
        "grant": Grant(GrantKind.ACCOUNT_KEYS, at),
    }
    return Step(finding=finding, **told | more)


@st.composite
def some_steps(draw: st.DrawFn) -> list[Step]:
    """Findings of few people about few or many accounts in a few hours, most of them with one outcome."""
    number = draw(st.integers(1, 24))
    accounts = draw(st.sampled_from((2, 24)))
    usual = draw(st.sampled_from((Outcome.SUCCEEDED, Outcome.FAILED)))
    people = draw(st.sampled_from((("ada",), ("ada", "gus", None))))
    return [draw(_step(str(place), accounts, usual, people)) for place in range(number)]


@st.composite
def _step(draw: st.DrawFn, finding: str, accounts: int, usual: Outcome, people: tuple[str | None, ...]) -> Step:
    minutes = draw(st.integers(0, 60) | st.integers(0, 400))
    opened = NOON + timedelta(minutes=minutes)
    return step(
        finding,
        minutes,
        actor=Actor(id=draw(st.sampled_from(people)), kind=draw(st.sampled_from(ActorKind))),
        target=account(f"account{draw(st.integers(1, accounts))}"),
        severity=draw(st.sampled_from(Severity)),
        outcome=draw(st.sampled_from((usual, usual, usual, Outcome.ACCEPTED, Outcome.FAILED))),
        stage=draw(st.none() | st.sampled_from(Stage)),
        grant=draw(st.none() | st.builds(Grant, st.sampled_from(_KINDS), st.just(opened))),
        overdue=draw(st.none() | st.just(opened + timedelta(days=1))),
        closed=draw(st.none() | st.integers(0, 48).map(lambda hours: opened + timedelta(hours=hours))),
        void=draw(st.integers(0, 7)) == 7,
    )


def course_of(
    steps: Iterable[Step], subject: tuple[str, ...] = ("actor", "ada"), length: timedelta = _LENGTH
) -> Course:
    """The course in which the first of these steps begins a window."""
    ordered = tuple(sorted(steps, key=lambda each: (each.at, each.finding)))
    natural = next(Windows(campaign=length).keys(subject, Window.CAMPAIGN, ordered[0].at))
    key = GatheringKey(tenant="owner", detector="a detector", natural=natural)
    return Course(key, ordered, length, datetime.fromisoformat(natural[-1]))


def said_of(detector: Detector, steps: Iterable[Step], subject: tuple[str, ...] = ("actor", "ada")) -> list[Match]:
    """The matches of a course of these steps, the void ones among them."""
    length = Windows().length(detector.window) if detector.window else None
    course = course_of(steps, subject, length or _LENGTH)
    return [each for each in detector(course) if isinstance(each, Match)]


def standing(detector: Detector, steps: Iterable[Step], subject: tuple[str, ...] = ("actor", "ada")) -> list[Match]:
    """The matches that are reported."""
    return [match for match in said_of(detector, steps, subject) if not match.void]
