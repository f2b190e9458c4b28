from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, nothing_in
from grantwatch.model.attack import Analytic, Technique
from grantwatch.model.course import Course, Step, Window
from grantwatch.model.quantity import quantity
from grantwatch.model.severity import Severity


def _by_finding(step: Step) -> Iterator[tuple[str, ...]]:
    if step.overdue:
        yield (step.finding,)


@detector(
    id="GW25",
    on=Course,
    subjects=_by_finding,
    window=Window.ALWAYS,
    metadata=Metadata(
        title="Grant left open",
        severity=Severity.LOW,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Access that is meant to last, such as a public website's.",
            "It was ended by a call that the logs did not bring, or by a stored access policy, which no log shows.",
        ),
        triage=(
            "Look at the resource: is the access still there?",
            "Ask who opened it, or the owner of the resource, whether it is still needed.",
            "Run the containment command if it is not.",
            "Search the storage logs for uses since it was opened.",
        ),
        references=(
            "https://learn.microsoft.com/azure/virtual-machines/disks-restrict-import-export-overview",
            "https://learn.microsoft.com/azure/storage/common/storage-sas-overview",
        ),
    ),
)
def grant_left_open(course: Course) -> Said:
    """Access that was handed out is still open after the time in which its kind is usually ended.

    Medium where handing it out was Medium or worse. The list of grants says how long each kind may stay open; a grant
    that expires before, and a kind that is meant to last, is never reported. Ended later, it is reported all the same.
    Where a call opened several at once, the evidence names those that are open still.
    """
    step = course.first
    grant, overdue = step.grant, step.overdue
    if grant is None or overdue is None or not step.took_effect or (step.closed and step.closed <= overdue):
        yield nothing_in(course)
        return
    yield Match(
        summary=_summary(step, grant.opened, overdue),
        target=step.resource,
        at=overdue,
        severity=Severity.MEDIUM if step.severity >= Severity.MEDIUM else None,
        grant=replace(grant, of=step.finding),
        recipient=step.recipient,
        evidence={
            "OpenedBy": step.title,
            "ExpectedUntil": f"{overdue:%Y-%m-%dT%H:%MZ}",
            "StillOpen": step.left_open or None,
        },
        containment=None if step.closed else step.containment,
        related=(step.finding,),
    )


def _summary(step: Step, opened: datetime, overdue: datetime) -> str:
    left = (
        f"Access to {step.resource.label} that {step.actor.label} opened on {opened:%Y-%m-%d at %H:%M} UTC was still "
        f"open after {_length(overdue - opened)}"
    )
    if step.closed:
        return f"{left}, and ended {_length(step.closed - overdue)} later."
    return f"{left}{_for_whom(step.left_open)}."


def _for_whom(named: Sequence[str]) -> str:
    """Which of several grants it was; those beyond the second are in the evidence."""
    if not named:
        return ""
    others = f" and {quantity(len(named) - 2, 'other')}" if len(named) > 2 else ""
    return f" ({'; '.join(named[:2])}{others})"


def _length(time: timedelta) -> str:
    """In days, or where that would be none in hours, rounded down."""
    unit, number = ("day", time.days) if time.days else ("hour", time // timedelta(hours=1))
    return quantity(number, unit)
