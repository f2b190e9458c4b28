from collections.abc import Iterator

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, nothing_in
from grantwatch.model.attack import Analytic, Technique
from grantwatch.model.bulk import common_place, distinct, places, subscriptions
from grantwatch.model.course import MOST_STEPS, Course, Step, Window
from grantwatch.model.severity import Severity

LISTED = 100
_COARSENESS = 50


def _by_detector_and_actor(step: Step) -> Iterator[tuple[str, ...]]:
    """Whatever the severity, which may change."""
    if step.person and not step.void:
        yield step.detector, step.person


@detector(
    id="GW32",
    on=Course,
    subjects=_by_detector_and_actor,
    window=Window.CLOCK_HOUR,
    lists=LISTED,
    metadata=Metadata(
        title="Many findings of one kind",
        severity=Severity.LOW,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Pipelines and inventory tools that touch everything they manage.",
            "A migration, or a first run after a deployment.",
        ),
        triage=(
            "Look at some of the related findings: is it one piece of work?",
            "Ask the actor, or the owner of the identity, what it was for.",
            "If it is ordinary, name the identity in the setting for expected principals.",
            "Look at what else the actor did in that hour: a flood can be there to hide it.",
        ),
        references=("https://learn.microsoft.com/azure/sentinel/billing-reduce-costs",),
    ),
)
def findings_rolled_up(course: Course) -> Said:
    """One actor caused more than a hundred Low or Informational findings of one detector within an hour by the clock.

    The first hundred have rows of their own, and are the related ones. The others are only counted here: they stay in
    memory, tell other findings what they have to tell, keep their rows in the list of grants, and get a row as soon as
    they are worse than Low. More may have rows where records came out of order.
    """
    if len(course.steps) <= LISTED:
        return
    told = [step for step in course.steps if not step.void and step.severity <= Severity.LOW]
    if len(told) <= LISTED:
        yield nothing_in(course)
        return
    listed = told[:LISTED]
    number = _number(len(told))
    yield Match(
        summary=f"{listed[0].actor.label} caused {number} findings of the kind “{listed[0].title}” within an hour.",
        target=common_place(listed),
        at=listed[0].at,
        severity=max(step.severity for step in listed),
        evidence={
            "Findings": number,
            "Detector": listed[0].detector,
            "Listed": LISTED,
            "Names": tuple(place.label for place in places(listed)),
            "Subscriptions": subscriptions(listed),
            "Operations": distinct(step.operation for step in listed),
        },
        related=tuple(step.finding for step in listed),
    )


def _number(told: int) -> str:
    """In steps of fifty and up to 256, so that a flood is not told anew with each of its findings."""
    return f"{MOST_STEPS if told >= MOST_STEPS else told // _COARSENESS * _COARSENESS} or more"
