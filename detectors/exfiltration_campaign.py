from collections.abc import Iterator, Sequence

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, nothing_in
from grantwatch.model.actor import ActorKind
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bulk import counted, places
from grantwatch.model.campaign import campaign_in, counts, is_in_part_of_one_person, is_of_one_person
from grantwatch.model.course import Course, Step, Window
from grantwatch.model.severity import Severity

_FEWEST = 3
_ACTOR, _TARGET = "actor", "target"


def _by_actor_and_target(step: Step) -> Iterator[tuple[str, ...]]:
    if not counts(step) or step.actor.kind is ActorKind.PLATFORM_SERVICE:
        return
    if step.person:
        yield _ACTOR, step.person
    yield _TARGET, step.place.key


@detector(
    id="GW19",
    on=Course,
    subjects=_by_actor_and_target,
    window=Window.CAMPAIGN,
    metadata=Metadata(
        title="Theft of data in several stages",
        severity=Severity.HIGH,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.DATA_FROM_CLOUD_STORAGE),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "An administrator opens an account, works on it with its key and deletes it, within days.",
            "An account is opened for a partner who then uses a SAS as agreed.",
        ),
        triage=(
            "Read the story in the evidence from its beginning, and open the related findings.",
            "Block the actor's sign-in and revoke the sessions; disable a service principal's credentials.",
            "Run the containment commands of the related findings, those of grants that are still open first.",
            "Restore what was deleted while that is possible, and put locks and logging back.",
            "Keep the logs: storage logs show what was read, by which SAS and from where.",
        ),
        references=(
            "https://www.microsoft.com/security/blog/2025/08/27/"
            "storm-0501s-evolving-techniques-lead-to-cloud-based-ransomware/",
            "https://attack.mitre.org/techniques/T1537/",
        ),
    ),
)
def exfiltration_campaign(course: Course) -> Said:
    """Findings of one actor, or about one resource, follow each other as the stages of a theft do.

    Something is weakened, access is taken, data is used, and data or traces are destroyed: three of these stages in
    this order, one finding at least Medium, and at one place, which was weakened or whose credentials were taken before
    it was used or destroyed. What one actor did alone is told under the actor. Where somebody else had a part in it, or
    nobody knows who, as with a SAS, it is told under the target; Medium if the actor's own part is told already.
    """
    if len(course.steps) < _FEWEST:
        return
    story = course.told(campaign_in)
    of_a_target = course.key.natural[0] == _TARGET
    if not story or (of_a_target and is_of_one_person(story)):
        yield nothing_in(course)
        return
    worst = course.of({step.finding for step in story}).worst
    yield Match(
        summary=_summary(story, course, worst),
        target=worst.resource,
        at=story[-1].at,
        severity=Severity.MEDIUM if of_a_target and is_in_part_of_one_person(story) else None,
        evidence={
            "Story": tuple(map(_sentence, story)),
            "Stages": _stages(story),
            "Findings": tuple(step.finding for step in story),
            "Actors": _actors(story, worst),
            "Targets": tuple(place.text for place in places(story)),
        },
        related=tuple(step.finding for step in story),
    )


def _summary(story: Sequence[Step], course: Course, worst: Step) -> str:
    actors, stages = _actors(story, worst), ", ".join(_stages(story)).lower()
    who = " and ".join(actors) if len(actors) < 3 else f"{actors[0]} and {len(actors) - 1} others"
    number = counted(len(story), course)
    return f"{who or 'Somebody'}: {number} findings in the stages {stages}, the worst about {worst.place.label}."


def _actors(story: Sequence[Step], worst: Step) -> tuple[str, ...]:
    """Each once, who did the worst first, by name where some log knows it: storage logs have object ids alone."""
    labels: dict[str, str] = {}
    for step in (worst, *story):
        if step.person and (step.actor.upn or step.person not in labels):
            labels[step.person] = step.actor.label
    return tuple(labels.values())


def _stages(story: Sequence[Step]) -> tuple[str, ...]:
    """In the order of a theft."""
    found = {step.stage for step in story}
    return tuple(str(stage) for stage in Stage if stage in found)


def _sentence(step: Step) -> str:
    return f"{step.at:%Y-%m-%dT%H:%MZ} {step.title}: {step.summary}"
