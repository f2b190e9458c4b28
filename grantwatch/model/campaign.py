"""Thefts that are told by many findings: steps of which each stage follows another, at one place.

Ordinary work has two stages: a backup product copies and deletes, a pipeline reads keys and uses them. And it is
spread: a deployment opens one account, reads the keys of all, and deletes a disk. A theft has three stages or more, and
a place: what was weakened, or whose keys were taken, is what is then used or destroyed.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from grantwatch.model.attack import Stage
from grantwatch.model.course import Step
from grantwatch.model.grant import GrantKind
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity

_FEWEST_STAGES = 3
_DISORDER = timedelta(minutes=30).total_seconds()
"""By which times of events may contradict the order of stages: logs have clocks of their own."""

Point = tuple[int, float]
"""Stage and time of a step."""


def counts(step: Step) -> bool:
    """Whether a step may be part of a campaign.

    What is Informational was explained, or is a default; only copies and deletions are, and count all the same.
    """
    matters = step.severity > Severity.INFORMATIONAL or step.stage in (Stage.ACCESS, Stage.DESTRUCTION)
    return step.stage is not None and step.took_effect and matters


def campaign_in(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps that make a campaign together, in their order; empty where there is none.

    More steps never make less of it.
    """
    counting = [step for step in steps if counts(step)]
    if len({step.stage for step in counting}) < _FEWEST_STAGES:
        return ()
    story = _in_succession(counting)
    if any(step.severity >= Severity.MEDIUM for step in story) and _has_a_place(story):
        return story
    return ()


def is_of_one_person(story: Sequence[Step]) -> bool:
    """Whether one known person did all of it."""
    return None not in (people := {step.person for step in story}) and len(people) == 1


def is_in_part_of_one_person(story: Sequence[Step]) -> bool:
    """Whether what one known person did of it is a campaign by itself."""
    people = {step.person for step in story} - {None}
    return any(campaign_in(step for step in story if step.person == person) for person in people)


def _in_succession(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that stand in a chain of three or more stages, each after the one before."""
    points = [(step.stage.rank if step.stage else 0, step.at.timestamp()) for step in steps]
    before = _stages_up_to(points)
    after = _stages_up_to([(-stage, -at) for stage, at in points])
    return tuple(step for step, *reach in zip(steps, before, after, strict=True) if sum(reach) - 1 >= _FEWEST_STAGES)


def _stages_up_to(points: Sequence[Point]) -> list[int]:
    """For each point, how many stages the longest chain has that ends there."""
    reach = [1] * len(points)
    earliest: dict[int, float] = {}
    by_stage = sorted((stage, at, place) for place, (stage, at) in enumerate(points))
    for _, alike in groupby(by_stage, key=itemgetter(0)):
        ends = []
        for _, at, place in alike:
            reach[place] += max((length for length, end in earliest.items() if end <= at + _DISORDER), default=0)
            ends.append((reach[place], at))
        for length, at in ends:
            earliest[length] = min(at, earliest.get(length, at))
    return reach


def _has_a_place(story: Sequence[Step]) -> bool:
    """Whether something was used or destroyed that was weakened before, or whose credentials were taken."""
    held = {step.place for step in story if _takes_hold(step)}
    reached = {step.place for step in story if step.stage in (Stage.USE, Stage.DESTRUCTION)}
    return any(not held.isdisjoint(_in_and_around(place)) for place in reached)


def _takes_hold(step: Step) -> bool:
    """A weakening, or a credential: but backups open disks too, and keys all over a subscription are of no place."""
    if step.severity < Severity.LOW:
        return False
    if step.stage is Stage.ACCESS:
        opens_a_disk = step.grant is not None and step.grant.kind is GrantKind.DISK_ACCESS
        return not opens_a_disk and step.place.kind != "microsoft.resources/subscriptions"
    return step.stage is Stage.WEAKENING


@lru_cache(maxsize=4096)
def _in_and_around(place: ResourceId) -> frozenset[ResourceId]:
    return frozenset((place, *place.ancestors()))
