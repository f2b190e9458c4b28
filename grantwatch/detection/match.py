"""What a detector can say about one event: a match, or a statement that bears on other matches."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct, field
from msgspec.structs import replace

from grantwatch.model.actor import Actor
from grantwatch.model.course import Course
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, Recipient
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.severity import Severity

Topic = tuple[str, ...]
"""What statements and matches have in common, such as ``("copy", path)``; always within one owner tenant."""

Fact = str | int | bool | None | tuple[str, ...]
"""A value that may stand in a row. Tuples of the matches that fold into one finding are joined."""


def ending(resource: ResourceId) -> Topic:
    """Under what it is said that grants on a resource, or on something in it, have ended."""
    return "ending", resource.key


class Statement(Struct, frozen=True, kw_only=True):
    """Something said under a topic, which bears on the matches that depend on it.

    ``holds`` is false while, or once, the call behind it has no effect. It is said all the same, so that those who
    heard that it held hear that it does not.
    """

    topic: Topic
    at: datetime
    holds: bool = True


class Setting(Statement, frozen=True, kw_only=True):
    """The values that a call gave to one property of one resource: one, or those of a list.

    ``is_default`` says that a new resource has this value unless told otherwise, ``whole`` that the call carried the
    resource's whole desired state, so that the property need not have been what it was about.
    """

    values: frozenset[str]
    whole: bool = False
    is_default: bool = False

    def of(self, value: str) -> "Setting":
        """The same of one value alone."""
        return replace(self, values=frozenset((value,)))


class Closing(Statement, frozen=True, kw_only=True):
    """What was open at that time has ended: all grants under this topic, or one part of what they rest on."""

    part: str | None = None


class CounterFact(Statement, frozen=True, kw_only=True):
    """A harmless explanation for what matches under this topic report within that time of it."""

    reason: str
    within: timedelta = timedelta(minutes=30)


class Naming(Statement, frozen=True, kw_only=True):
    """The recipient of matches under this topic, which their own records do not name."""

    recipient: Recipient
    evidence: Mapping[str, Fact] = field(default_factory=dict)


class Precedent(Statement, frozen=True, kw_only=True):
    """Something that somebody did, and without which what matches later could not have been done.

    ``deed`` says what, for a sentence: "read the keys". ``renewed`` is the key that was replaced by it, so that whoever
    had the one before has it no more.
    """

    actor: Actor
    deed: str
    renewed: str | None = None


class Lookback(Struct, frozen=True, kw_only=True):
    """What came before a match, under which topics and how long before.

    Where it ``must`` have, a match without it is void. ``origins`` are the networks that the match comes from; where
    whoever came before came from none of them, the severity is ``severity_if_elsewhere``, if there is one. ``key`` is
    the key that it took, where that is known: what was before its last renewal counts no more.
    """

    topics: tuple[Topic, ...]
    within: timedelta
    origins: tuple[str, ...]
    severity_if_elsewhere: Severity | None = None
    must: bool = True
    key: str | None = None


class Match(Struct, frozen=True, kw_only=True):
    """What one detector alone can say about one event.

    ``severity`` defaults to the detector's, ``severity_if_foreign`` applies when the recipient is not known to be
    ours. The fields behind it name what memory shall bring in: a change that counts only against the last known
    value, counter-facts that revise the match down to Informational, and another record that names the recipient.
    ``void`` says that a match which fewer records would have made is none. A match on a course is ``related`` to the
    findings that it is made of, by their ids, and depends on nothing else.
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
    related: tuple[str, ...] = ()
    void: bool = False
    change: Setting | None = None
    countered_by: tuple[Topic, ...] = ()
    named_by: Topic | None = None
    preceded_by: Lookback | None = None

    @property
    def closed_by(self) -> tuple[Topic, ...]:
        """Under what it is said that the grant ended: of itself, of its resource, and of all that this lies in.

        A grant of another finding's ends there. What a change set goes with its resource, too.
        """
        grant = self.grant
        if grant is None:
            return _endings(None, self.target) if self.change else ()
        return () if grant.of else _endings(grant.carrier, self.target)

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Everything whose statements this match depends on."""
        topics = self.closed_by + self.countered_by
        if self.preceded_by:
            topics = (*topics, *self.preceded_by.topics)
        if self.named_by:
            topics = (self.named_by, *topics)
        return (self.change.topic, *topics) if self.change else topics


@lru_cache(maxsize=4096)
def _endings(carrier: str | None, target: ResourceId) -> tuple[Topic, ...]:
    """Of a carrier, the target, the resources it lies in, and the group, but not of services: those are never deleted.

    A topic costs two calls of the store.
    """
    places = (target, *target.ancestors())
    resources = [each for each in places if not each.kind.startswith("microsoft.resources/") and not _is_service(each)]
    groups = (each for each in places if each.kind == "microsoft.resources/resourcegroups")
    own = [resource_of(carrier)] if carrier else []
    return tuple(dict.fromkeys(ending(each) for each in (*own, *resources, *groups)))


def _is_service(resource: ResourceId) -> bool:
    """Such as the blob service of an account, which is always there."""
    return resource.name.lower() == "default" and resource.kind.endswith("services")


def nothing_in(course: Course) -> Match:
    """What withdraws the finding of a course, if there was one: steps are revised, and may cease to count."""
    first = course.first
    return Match(summary="What this was made of does not hold.", target=first.place, at=first.at, void=True)
