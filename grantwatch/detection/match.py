"""What a detector can say about one event: a match, or a statement that bears on other matches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, Recipient
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity

Topic = tuple[str, ...]
"""What statements and matches have in common, such as ``("copy", path)``; always within one owner tenant."""

Fact = str | int | bool | None | tuple[str, ...]
"""A value that may stand in a row. Tuples of the matches that fold into one finding are joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Something said under a topic, which bears on the matches that depend on it.

    ``holds`` is false while, or once, the call behind it has no effect. It is said all the same, so that those who
    heard that it held hear that it does not.
    """

    topic: Topic
    at: datetime
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Statement):
    """The values that a call gave to one property of one resource: one, or those of a list.

    ``is_default`` says that a new resource has this value unless told otherwise, ``whole`` that the call carried the
    resource's whole desired state, so that the property need not have been what it was about.
    """

    values: frozenset[str]
    whole: bool = False
    is_default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing(Statement):
    """Every grant under this topic that was open at that time has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterFact(Statement):
    """A harmless explanation for what matches under this topic report within that time of it."""

    reason: str
    within: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming(Statement):
    """The recipient of matches under this topic, which their own records do not name."""

    recipient: Recipient
    evidence: Mapping[str, Fact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What one detector alone can say about one event.

    ``severity`` defaults to the detector's, ``severity_if_foreign`` applies when the recipient is not known to be
    ours. The fields behind it name what memory shall bring in: a change that counts only against the last known
    value, the topics under which the grant ends, counter-facts that revise the match down to Informational, and
    another record that names the recipient. ``void`` says that a match which fewer records would have made is none.
    """

    summary: str
    target: ResourceId
    at: datetime
    title: str | None = None
    severity: Severity | None = None
    severity_if_foreign: Severity | None = None
    grant: Grant | None = None
    recipient: Recipient = UNKNOWN_RECIPIENT
    evidence: Mapping[str, Fact] = field(default_factory=dict)
    containment: str | None = None
    void: bool = False
    change: Setting | None = None
    closed_by: tuple[Topic, ...] = ()
    countered_by: tuple[Topic, ...] = ()
    named_by: Topic | None = None

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Everything whose statements this match depends on."""
        wanted = (self.change.topic if self.change else None, self.named_by, *self.closed_by, *self.countered_by)
        return tuple(topic for topic in wanted if topic)
