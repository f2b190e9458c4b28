"""What is known of one entity, and how what two writers know is joined.

Every join is commutative, associative and idempotent, and so is joining and then dropping what is too much: order,
repetition and the number of writers cannot change what comes out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TypeVar

import msgspec
from msgspec import Struct

from grantwatch.memory.digests import digest
from grantwatch.memory.thinning import Place, Placed, thinned
from grantwatch.model.course import MOST_STEPS, Step
from grantwatch.model.operation import Phase
from grantwatch.model.storage_access import Access
from grantwatch.model.traces import MOST_TRACES, Trace
from grantwatch.model.volume import Taken

MOST_FACTS = 256
"""Of one entity. The earliest are kept, and an entity that is full never counts as harmless."""
MOST_USES = 32
"""Of one entity that does not tell objects apart: enough to list addresses and agents."""


class Note(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that one entity contributes to another, as it was when that much was known.

    ``known`` counts the facts that it rests on: of two notes by one name, the one that rests on more holds, and of two
    that rest on as many the earlier. Of steps that are ``alike`` the first is worth most. ``place`` is that of a trace.
    """

    known: int = 0
    alike: str | None = None
    step: Step | None = None
    trace: Trace | None = None
    place: Place = Place.HERE
    taken: Taken | None = None

    @property
    def time(self) -> datetime:
        fact = self.step or self.trace
        if fact is not None:
            return fact.at
        return self.taken.begins if self.taken is not None else _ANY_TIME  # of what another version noted

    @property
    def holds(self) -> bool:
        if self.step is not None:
            return not self.step.void
        return self.trace is None or self.trace.holds


class LastUse(Struct, frozen=True):
    """When something was used for the first time in the last hour in which it was used.

    What is used all day so changes a row once an hour, and not with every use.
    """

    time: datetime

    def tells_more_than(self, other: "LastUse | None") -> bool:
        """Whether it is of a later hour, or earlier in the same one: of two the one that tells more holds."""
        if other is None:
            return True
        if self.time.hour == other.time.hour and abs(self.time - other.time) < _HOUR:
            return self.time < other.time
        return self.time > other.time

    def known(self, first: datetime) -> int:
        """Grows with whatever it tells more, and with whatever use turns out to have been the first."""
        hour = (self.time - _ANY_TIME) // _HOUR
        hours = hour - (first - _ANY_TIME) // _HOUR
        left = _ANY_TIME + (hour + 1) * _HOUR - self.time
        return (hours * _HOUR + left) // timedelta.resolution


Fact = Phase | Access | Note | LastUse
F = TypeVar("F", Phase, Access, Note)

LAST_USE = "last use"
"""The name of that fact: an entity has one."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def phase_digest(phase: Phase) -> str:
    """The identity of an Activity record, which has no id of its own."""
    return digest(phase)


def access_digest(access: Access) -> str:
    """The identity of alike storage requests: everything but their time."""
    return digest(msgspec.structs.replace(access, time=_ANY_TIME))


def joined(known: Mapping[str, F], new: Mapping[str, F]) -> dict[str, F]:
    """The union of facts by name, and of too many the earliest."""
    return _trimmed(united(known, new))


def united(known: Mapping[str, F], new: Mapping[str, F]) -> dict[str, F]:
    """The union of facts by name.

    The same use of storage keeps its first time, and of two notes the better informed holds, then the earlier.
    """
    union = dict(known)
    for name, fact in new.items():
        if name not in union or _prevails(fact, union[name]):
            union[name] = fact
    return union


def most(facts: Mapping[str, Fact]) -> int:
    """How many facts an entity keeps: few where it does not tell objects apart."""
    fact = next(iter(facts.values()), None)
    if isinstance(fact, Note) and fact.step is not None:
        return MOST_STEPS + 1
    if isinstance(fact, Note) and fact.trace is not None:
        return len(Place) * MOST_TRACES
    return MOST_USES if isinstance(fact, Access) and not (fact.object_path or fact.source_path) else MOST_FACTS


def _prevails(fact: Fact, other: Fact) -> bool:
    if isinstance(fact, Note) and isinstance(other, Note):
        if fact.known != other.known:
            return fact.known > other.known
        if fact.time != other.time:  # an earlier use of storage adds no fact
            return fact.time < other.time
        return fact != other and msgspec.json.encode(fact) > msgspec.json.encode(other)
    return fact.time < other.time


def _trimmed(facts: dict[str, F]) -> dict[str, F]:
    """The earliest; of too many, those that tell what others tell go first, lest repetition crowd out what is new.

    Not before there are too many: the time of a step and its effect may turn out otherwise, and then what it took the
    place of would be missed.
    """
    traces = list(_traces(facts))
    if traces:
        names = thinned(traces)
        return {name: fact for name, fact in facts.items() if name in names}
    if len(facts) <= most(facts):
        return facts
    return dict(_in_order_of_worth(facts)[: most(facts)])


def _traces(facts: Mapping[str, Fact]) -> Iterator[Placed]:
    for name, fact in facts.items():
        if isinstance(fact, Note) and fact.trace is not None:
            yield name, fact.place, fact.trace


def _in_order_of_worth(facts: Mapping[str, F]) -> list[tuple[str, F]]:
    """The first of those alike before all second ones, and so on. Adding more never brings forward what is there."""
    seen: dict[str, int] = defaultdict(int)
    ranked = []
    for place, (name, fact) in enumerate(sorted(facts.items(), key=_precedence)):
        group = _likeness(fact) or name
        ranked.append((seen[group], place, (name, fact)))
        seen[group] += 1
    return [item for _, _, item in sorted(ranked, key=itemgetter(0, 1))]


def _likeness(fact: Fact) -> str | None:
    return fact.alike if isinstance(fact, Note) else None


def _precedence(item: tuple[str, Fact]) -> tuple[bool, datetime, str]:
    """In order of time, but what matters less last.

    Failed tries shall not crowd out the one that succeeded, nor who looked around those who read.
    """
    name, fact = item
    matters_less = not fact.holds if isinstance(fact, Note) else isinstance(fact, Access) and fact.reads_nothing
    return matters_less, fact.time, name
