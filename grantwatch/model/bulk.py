"""What many steps have in common, for findings that are made of their number."""

from collections.abc import Iterable, Sequence

from grantwatch.model.course import MOST_STEPS, Course, Step
from grantwatch.model.resource import ResourceId, resource_of


def places(steps: Iterable[Step]) -> tuple[ResourceId, ...]:
    """What the steps are about, each once, in their order."""
    return tuple(dict.fromkeys(step.place for step in steps))


def subscriptions(steps: Iterable[Step]) -> tuple[str, ...]:
    """The subscriptions that the steps reach into, each once, in their order."""
    return distinct(step.resource.subscription for step in steps)


def common_place(steps: Sequence[Step]) -> ResourceId:
    """The subscription that all steps are in, else what the first one is about."""
    shared = subscriptions(steps)
    return resource_of(f"/subscriptions/{shared[0]}") if len(shared) == 1 else steps[0].place


def counted(number: int, course: Course) -> str | int:
    """A number that was counted in a course, as text where steps may be missing."""
    return f"{min(number, MOST_STEPS)} or more" if course.is_full else number


def distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    """The texts there are, each once, in their order."""
    return tuple(dict.fromkeys(value for value in values if value))
