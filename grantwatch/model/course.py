"""The course of things: findings about one subject in a window of time, for findings that are made of findings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from grantwatch.model.actor import Actor
from grantwatch.model.attack import Stage
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, Recipient
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.severity import Outcome, Severity


class Window(StrEnum):
    """A setting that says how far apart things may be and still belong together."""

    TRANSFER = "transfer_time_window"
    CAMPAIGN = "campaign_window"
    HOUR = "hour"
    """No setting: always an hour."""
    ALWAYS = "always"
    """No window: whatever is of one subject belongs together."""


class Step(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a finding says in brief, at one of its revisions.

    ``at`` is the time of the event; ``target`` is spelled as in the finding. What was withdrawn is ``void``.
    ``overdue`` says that the grant was still open at that time, longer than its kind may be.
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
    containment: str | None = None
    region: str | None = None
    void: bool = False
    salvaged: bool = False

    @property
    def resource(self) -> ResourceId:
        return resource_of(self.target)

    @property
    def took_effect(self) -> bool:
        return self.outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED)


@dataclass(frozen=True)
class Course:
    """The steps of one subject, in order of time, never none.

    Where there is a window, they are those of two neighbouring ones, and ``begins`` is the start of the first: whatever
    belongs together within one window falls whole into the course of the window that it begins in.
    """

    key: GatheringKey
    steps: tuple[Step, ...]
    window: timedelta
    begins: datetime | None = None

    @property
    def windows(self) -> Iterator[Sequence[Step]]:
        """The steps within one window of each that begins one, in order of time."""
        if self.begins is None:
            yield self.steps
            return
        for place, first in enumerate(self.steps):
            if first.at < self.begins + self.window:
                yield [step for step in self.steps[place:] if step.at < first.at + self.window]

    def fullest(self, value: Callable[[Sequence[Step]], int]) -> Sequence[Step]:
        """The earliest of the windows with the greatest value; empty where none begins here."""
        return max(self.windows, key=value, default=())

    @property
    def first(self) -> Step:
        return self.steps[0]

    @property
    def tenant(self) -> str:
        return self.key.tenant

    @property
    def outcome(self) -> Outcome:
        return max(step.outcome for step in self.steps)

    @property
    def name(self) -> str:
        return self.first.operation

    @property
    def correlation_id(self) -> None:
        """Every call has its own."""
        return None

    @property
    def actor(self) -> Actor:
        return self.first.actor

    @property
    def region(self) -> str | None:
        return self.first.region

    @property
    def salvaged(self) -> bool:
        return any(step.salvaged for step in self.steps)
