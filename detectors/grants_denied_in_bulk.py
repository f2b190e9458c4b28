from collections.abc import Iterator, Sequence

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, nothing_in
from grantwatch.model.attack import Analytic, Technique
from grantwatch.model.bulk import common_place, counted, distinct, subscriptions
from grantwatch.model.course import Course, Step, Window
from grantwatch.model.severity import Outcome, Severity

_MANY = 10


def _by_actor(step: Step) -> Iterator[tuple[str, ...]]:
    if step.grant and step.person and _is_refused(step):
        yield (step.person,)


@detector(
    id="GW17",
    on=Course,
    subjects=_by_actor,
    window=Window.HOUR,
    metadata=Metadata(
        title="Access refused many times",
        severity=Severity.MEDIUM,
        techniques=(Technique.UNSECURED_CREDENTIALS, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "A tool or pipeline whose role was taken away and that goes on as before.",
            "Inventory tools that ask for the keys of everything they can list.",
        ),
        triage=(
            "Ask the actor, over another channel, what they were looking for.",
            "See what was granted to the same actor before and since: refusals show the edge of what a role reaches.",
            "Check the sign-in: address, methods, and whether somebody else holds the account.",
        ),
        references=("https://learn.microsoft.com/azure/role-based-access-control/troubleshooting",),
    ),
)
def grants_denied_in_bulk(course: Course) -> Said:
    """One actor asked for access to ten or more resources within an hour, and was refused.

    Refusals do no harm, but whoever holds a stolen account tries how far it reaches. Keys, SAS, downloads of disks and
    every other grant count.
    """
    if len(course.steps) < _MANY:
        return
    refused = course.told(_many_refused)
    if not refused:
        yield nothing_in(course)
        return
    targets = _targets(refused)
    number = counted(len(targets), course)
    yield Match(
        summary=f"{refused[0].actor.label} asked for access to {number} resources.",
        target=common_place(refused),
        at=refused[0].at,
        evidence={
            "Targets": number,
            "Names": tuple(targets.values()),
            "Subscriptions": subscriptions(refused),
            "Operations": distinct(step.operation for step in refused),
            "Findings": tuple(step.finding for step in refused),
        },
        related=tuple(step.finding for step in refused),
    )


def _many_refused(steps: Sequence[Step]) -> Sequence[Step]:
    refused = [step for step in steps if _is_refused(step)]
    return refused if len(_targets(refused)) >= _MANY else ()


def _is_refused(step: Step) -> bool:
    return step.outcome is Outcome.FAILED and not step.void


def _targets(steps: Sequence[Step]) -> dict[str, str]:
    """The names of what was asked for, by key."""
    return {step.resource.key: step.resource.label for step in steps}
