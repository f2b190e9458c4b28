from collections.abc import Iterator, Sequence

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, nothing_in
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bulk import common_place, counted, places, subscriptions
from grantwatch.model.course import Course, Step, Window
from grantwatch.model.quantity import quantity
from grantwatch.model.severity import Severity

_FEWEST = 3
_FIVE_ACCOUNTS = 15
"""As heavy as three subscriptions: an account weighs three, and a subscription five."""
_MANY_ACCOUNTS = 20


def _by_actor(step: Step) -> Iterator[tuple[str, ...]]:
    if step.detector == "account_keys_read" and step.took_effect and step.person:
        yield (step.person,)


@detector(
    id="GW16",
    on=Course,
    subjects=_by_actor,
    window=Window.TRANSFER,
    metadata=Metadata(
        title="Keys of many storage accounts read",
        severity=Severity.MEDIUM,
        stage=Stage.ACCESS,
        techniques=(Technique.UNSECURED_CREDENTIALS, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Terraform reads the keys of every account that it manages, each time it runs.",
            "Inventory, backup and monitoring tools that sign in with an identity of their own.",
        ),
        triage=(
            "Ask whether the actor reads the keys of all these accounts as a rule; look at the days before.",
            "Take the actor's role on the subscriptions away, or revoke the session, before anything else.",
            "Treat the keys of every account in the related findings as held by the actor.",
            "Renew the keys with the commands in the related findings, the most sensitive accounts first.",
        ),
        references=(
            "https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-keys",
            "https://www.microsoft.com/security/blog/2025/08/27/"
            "storm-0501s-evolving-techniques-lead-to-cloud-based-ransomware/",
        ),
    ),
)
def account_keys_read_in_bulk(course: Course) -> Said:
    """One actor read the keys of five or more storage accounts, or in three or more subscriptions, in a short time.

    High from twenty accounts. Each reading is a finding of its own; this one says that they belong together.
    """
    if len(course.steps) < _FEWEST:
        return
    read = course.told(_many)
    if not read:
        yield nothing_in(course)
        return
    accounts, reached = places(read), subscriptions(read)
    number = counted(len(accounts), course)
    yield Match(
        summary=f"{read[0].actor.label} read the keys of {number} storage accounts in "
        f"{quantity(len(reached), 'subscription')}.",
        target=common_place(read),
        at=read[0].at,
        severity=Severity.HIGH if len(accounts) >= _MANY_ACCOUNTS else None,
        evidence={
            "Accounts": number,
            "Names": tuple(account.label for account in accounts),
            "Subscriptions": reached,
            "Findings": tuple(step.finding for step in read),
        },
        related=tuple(step.finding for step in read),
    )


def _many(steps: Sequence[Step]) -> Sequence[Step]:
    """Those that took effect, where they are many together."""
    read = [step for step in steps if step.took_effect]
    return read if max(3 * len(places(read)), 5 * len(subscriptions(read))) >= _FIVE_ACCOUNTS else ()
