"""The declaration of a detector."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

from grantwatch.detection.match import Match, Statement
from grantwatch.model.attack import Analytic, Stage, Tactic, Technique
from grantwatch.model.bodies import Body
from grantwatch.model.course import Course, Step, Window
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, Authentication, StorageAccess, by_client
from grantwatch.model.traces import Trace
from grantwatch.model.volume import Volume

Said = Iterator[Match | Statement]
Tellings = Iterator[Statement]
NaturalKey = Callable[[Access], tuple[str, ...] | None]
Distinct = Callable[[Access], Access]
Subjects = Callable[[Step], Iterable[tuple[str, ...]]]


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What people and generated content need to know of a detector.

    ``severity`` is what a successful match has unless the detector says otherwise. Triage steps are imperative
    sentences in the order an analyst takes them. References are web addresses of the facts relied on. ``stage`` is
    what a finding is in a theft, None for what is no step of one.
    """

    title: str
    severity: Severity
    techniques: tuple[Technique, ...]
    analytics: tuple[Analytic, ...]
    false_positives: tuple[str, ...]
    triage: tuple[str, ...]
    references: tuple[str, ...]
    stage: Stage | None = None

    @cached_property
    def tactics(self) -> tuple[Tactic, ...]:
        return tuple(dict.fromkeys(technique.tactic for technique in self.techniques))

    @cached_property
    def technique_ids(self) -> tuple[str, ...]:
        return tuple(technique.id for technique in self.techniques)


@dataclass(frozen=True, kw_only=True, eq=False)
class Teller:
    """ARM calls that bear on findings of several detectors, such as the renewal of a key; no finding by themselves."""

    name: str
    operations: tuple[str, ...]
    requests: tuple[type[Body], ...]
    tell: Callable[[Operation], Tellings]

    def __call__(self, operation: Operation) -> Tellings:
        return self.tell(operation)


def teller(
    *, operations: tuple[str, ...], requests: tuple[type[Body], ...] = ()
) -> Callable[[Callable[[Operation], Tellings]], Teller]:
    """Declare a function to be a teller. Operations are named as those of a detector."""

    def declare(tell: Callable[[Operation], Tellings]) -> Teller:
        return Teller(name=tell.__name__, operations=operations, requests=requests, tell=tell)

    return declare


@dataclass(frozen=True, kw_only=True, eq=False)
class Detector:
    """A pure function from one event to what can be said of it, with the selection of events that reach it.

    ``id`` is part of every finding's id and never changes. For storage, ``natural_key`` says which requests are one
    finding (beside owner tenant and detector), or None for a request that is none of it, and ``distinct_by`` reduces
    a request to what matters: those that are then alike, but for their time, are one use, with the earliest time;
    ``notes_last_use`` says that grants rest on the last one, too. For volumes, all requests with its
    ``authentications`` are selected and counted, whatever their operation, and it sees who made those that read; the
    last part of their natural key is the day. For a course, ``subjects`` says under which subjects a step belongs, and
    ``window`` how long one is; where it ``lists`` a number, findings after so many have no row while they are Low at
    most. For lineage, ``traces`` says what a call did to volumes and machines, and ``mentioning`` of which operations
    only those records are selected whose bodies mention a text, in whatever case. ``told_by`` names the tellers whose
    statements its matches depend on.
    """

    id: str
    name: str
    description: str
    on: type[Operation] | type[StorageAccess] | type[Volume] | type[Course] | type[Lineage]
    operations: tuple[str, ...]
    metadata: Metadata
    judge: Callable[[Any], Said]
    requests: tuple[type[Body], ...] = ()
    responses: tuple[type[Body], ...] = ()
    told_by: tuple[Teller, ...] = ()
    authentications: frozenset[Authentication] | None = None
    also: tuple[str, ...] = ()
    authorized_for: str | None = None
    natural_key: NaturalKey | None = None
    distinct_by: Distinct = by_client
    notes_last_use: bool = False
    subjects: Subjects | None = None
    window: Window | None = None
    lists: int | None = None
    traces: Callable[[Operation], Iterator[Trace]] | None = None
    mentioning: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, event: Operation | StorageAccess | Volume | Course | Lineage) -> Said:
        return self.judge(event)


@overload
def detector(
    *,
    id: str,
    on: type[Operation],
    operations: tuple[str, ...],
    metadata: Metadata,
    requests: tuple[type[Body], ...] = (),
    responses: tuple[type[Body], ...] = (),
    told_by: tuple[Teller, ...] = (),
) -> Callable[[Callable[[Operation], Said]], Detector]: ...
@overload
def detector(
    *,
    id: str,
    on: type[Volume],
    metadata: Metadata,
    natural_key: NaturalKey,
    operations: tuple[str, ...],
    authentications: frozenset[Authentication],
    distinct_by: Distinct = by_client,
    notes_last_use: bool = False,
    told_by: tuple[Teller, ...] = (),
) -> Callable[[Callable[[Volume], Said]], Detector]: ...
@overload
def detector(
    *,
    id: str,
    on: type[StorageAccess],
    metadata: Metadata,
    natural_key: NaturalKey,
    operations: tuple[str, ...] = (),
    authentications: frozenset[Authentication] | None = None,
    also: tuple[str, ...] = (),
    authorized_for: str | None = None,
    distinct_by: Distinct = by_client,
    notes_last_use: bool = False,
    told_by: tuple[Teller, ...] = (),
) -> Callable[[Callable[[StorageAccess], Said]], Detector]: ...
@overload
def detector(
    *,
    id: str,
    on: type[Course],
    metadata: Metadata,
    subjects: Subjects,
    window: Window,
    lists: int | None = None,
) -> Callable[[Callable[[Course], Said]], Detector]: ...
@overload
def detector(
    *,
    id: str,
    on: type[Lineage],
    metadata: Metadata,
    operations: tuple[str, ...],
    traces: Callable[[Operation], Iterator[Trace]],
    mentioning: Mapping[str, str],
    requests: tuple[type[Body], ...] = (),
    responses: tuple[type[Body], ...] = (),
) -> Callable[[Callable[[Lineage], Said]], Detector]: ...
def detector(*, id: str, on: type[Any], metadata: Metadata, operations: tuple[str, ...] = (), **selection: Any) -> Any:
    """Declare a function to be a detector.

    ``operations`` are spelled as Microsoft spells them and matched case-blind; ``*/delete`` stands for every operation
    that ends so, and no operations for all of a storage detector's authentications. ``requests`` and ``responses`` are
    the body types that the function reads. ``also`` names storage operations that are selected whatever their
    authentication, and ``authorized_for`` requests of any unusual operation whose authorization names that action.
    """

    def declare(judge: Callable[[Any], Said]) -> Detector:
        return Detector(
            id=id,
            name=judge.__name__,
            description=inspect.cleandoc(judge.__doc__ or ""),
            on=on,
            operations=operations,
            metadata=metadata,
            judge=judge,
            **selection,
        )

    return declare
