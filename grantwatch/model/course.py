"""The course of things: findings about one subject in a window of time, for findings that are made of findings."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from operator import attrgetter
from typing import Self

from msgspec import Struct

from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.attack import Stage
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, Recipient
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.severity import Outcome, Severity

MOST_STEPS = 256
"""That count of one course: the earliest. One more is kept, which says that there are more."""

WINDOWS_OF_A_COURSE = 4
"""So many windows long is the time in which the windows of one course begin."""
_AT = attrgetter("at")


class Window(StrEnum):
    """A setting that says how far apart things may be and still belong together."""

    TRANSFER = "transfer_time_window"
    CAMPAIGN = "campaign_window"
    HOUR = "hour"
    """No setting: always an hour."""
    CLOCK_HOUR = "clock hour"
    """No setting: an hour by the clock, whose end parts what belongs together."""
    ALWAYS = "always"
    """No window: whatever is of one subject belongs together."""


class Step(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a finding says in brief, at one of its revisions.

    ``at`` is the time of the event; ``target`` is spelled as in the finding. What was withdrawn is ``void``.
    ``overdue`` says that the grant was still open at that time, longer than its kind may be. Of a finding with several
    grants, ``left_open`` names those of them that are so now, by recipient and time.
    """

    finding: str
    detector: str
    title: str
    summary: str
    at: datetime
    actor: Actor
    target: str
    operation: str
    severity: Severity
    outcome: Outcome
    stage: Stage | None = None
    recipient: Recipient = UNKNOWN_RECIPIENT
    grant: Grant | None = None
    closed: datetime | None = None
    overdue: datetime | None = None
    left_open: tuple[str, ...] = ()
    containment: str | None = None
    region: str | None = None
    void: bool = False
    salvaged: bool = False

    @property
    def resource(self) -> ResourceId:
        return resource_of(self.target)

    def likeness(self, window: timedelta) -> tuple[str, ...]:
        """What repetitions of it share: the deed, its target, who did it, how bad it is, and a quarter of a window."""
        quarter = self.at.timestamp() // (window.total_seconds() / 4)
        return self.detector, self.resource.key, self.actor.id or "", self.severity, str(quarter)

    @property
    def took_effect(self) -> bool:
        """It happened, and nothing has come up since that makes it void."""
        return self.outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED) and not self.void

    @property
    def place(self) -> ResourceId:
        """The storage account that it is about, or whatever else it is about."""
        return self.resource.storage_account or self.resource

    @property
    def person(self) -> str | None:
        """Who did it, by object id or whatever else is known; None where nobody knows, and for Azure's own services."""
        actor = self.actor
        return None if actor.kind is ActorKind.PLATFORM_SERVICE else actor.id or actor.upn or actor.app_id


@dataclass(frozen=True)
class Course:
    """The steps of one subject, in order of time, never none.

    Where there is a window, ``begins`` is when the first of its windows may begin. The steps are those of all windows
    that begin in the course, and of one window before it: whatever belongs together within one window falls whole into
    the course in which it begins.
    """

    key: GatheringKey
    steps: tuple[Step, ...]
    window: timedelta
    begins: datetime | None = None

    @property
    def windows(self) -> Iterator[Sequence[Step]]:
        """The steps within one window of each that begins one, in order of time, but not those that lie in another."""
        if self.begins is None:
            yield self.steps
            return
        end = self.begins + WINDOWS_OF_A_COURSE * self.window
        last = 0
        for place, first in enumerate(self.steps):
            stop = bisect_left(self.steps, first.at + self.window, key=_AT) if first.at < end else last
            if stop > last:
                yield self.steps[place:stop]
                last = stop

    def told(self, pick: Callable[[Sequence[Step]], Sequence[Step]]) -> tuple[Step, ...]:
        """What is picked from the windows that begin in this course, together, in order of time.

        What lies wholly in what is picked from a window before them is told by the course before.
        """
        here: dict[str, Step] = {}
        before: list[set[str]] = []
        for window in self.windows:
            picked = {step.finding: step for step in pick(window)}
            if self.begins is not None and window[0].at < self.begins:
                before.append(set(picked))
            elif not any(picked.keys() <= names for names in before):
                here |= picked
        return tuple(step for step in self.steps if step.finding in here)

    def of(self, findings: Collection[str]) -> Self:
        """The course of these findings alone: what happened is told by them, and not by what is beside them."""
        steps = tuple(step for step in self.steps if step.finding in findings)
        return replace(self, steps=steps) if steps else self

    @property
    def is_full(self) -> bool:
        """More steps than count, none of them a repetition: there may have been still more."""
        return len({step.likeness(self.window) for step in self.steps}) > MOST_STEPS

    @property
    def first(self) -> Step:
        return self.steps[0]

    @cached_property
    def worst(self) -> Step:
        """What speaks for all: the first of the worst steps, or of those by somebody who is known."""
        return max(self.steps, key=lambda step: (step.severity.rank, step.person is not None))

    @property
    def tenant(self) -> str:
        return self.key.tenant

    @property
    def resource(self) -> ResourceId:
        return self.worst.resource

    @cached_property
    def outcome(self) -> Outcome:
        return max(step.outcome for step in self.steps)

    @property
    def name(self) -> str:
        return self.worst.operation

    @property
    def correlation_id(self) -> None:
        """Every call has its own."""
        return None

    @property
    def actor(self) -> Actor:
        return self.worst.actor

    @property
    def region(self) -> str | None:
        return self.worst.region

    @property
    def salvaged(self) -> bool:
        return any(step.salvaged for step in self.steps)
