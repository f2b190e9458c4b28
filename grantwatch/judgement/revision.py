"""Whether a finding's content is news, and what is new about it.

Alerts are made of ``RaisedTo``, so the row that carries it must not be lost with a process that died between storing a
revision and publishing it. Such a revision's records are delivered again, but by then another process may have stored a
further one. Further revisions therefore go on announcing their severity, for a day, or until one of them is stored by
a process that published one as severe as the finding ever was.
"""

from datetime import datetime, timedelta

from grantwatch.judgement.rendering import GRANTS, Content
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import Published
from grantwatch.model.severity import Severity

ANNOUNCED_FOR = timedelta(days=1)

_OF_EVERY_GRANT = ("ActorId", "Severity", "Withdrawn")
_NO_NEWS = ("Summary",)
"""What may change without a row. A summary is as of the row, and counts would write too many."""


def revised(before: Published | None, content: Content, now: datetime, *, is_published: bool) -> Published:
    """The revision that carries this content: the one before where nothing changed, else the next.

    ``is_published`` says that the one before is known to have been published.
    """
    name = digest(content)
    if before is not None and before.content == name:
        return before
    severity: Severity = content["Severity"]
    status, recipient = content["GrantStatus"], content["RecipientId"]
    is_announced = is_published and before is not None and before.severity >= before.highest
    raised_at = before.raised_at if before and not is_announced else None
    if before is None or severity > before.highest:
        raised_at = now
    revision = before.revision + 1 if before else 1
    grant = _grant(content)
    return Published(
        revision=revision,
        content=name,
        severity=severity,
        highest=severity if before is None else max(severity, before.highest),
        outcome=content["Outcome"],
        status=status,
        recipient=recipient,
        raised_to=severity if raised_at is not None and now - raised_at < ANNOUNCED_FOR else None,
        raised_at=raised_at,
        reason=_reason(before, content),
        grant=grant,
        granted=revision if before is None or before.grant != grant else before.granted,
        unlisted=before is not None and before.unlisted,
        courses=before.courses if before else (),
        abroad=before.abroad if before else (),
        named=_named(content) or (before.named if before else None),
    )


def _grant(content: Content) -> str | None:
    """A name for what the grants table says: it gets rows when this changes."""
    if not content[GRANTS]:
        return None
    grants = [[value for name, value in grant.items() if name not in _NO_NEWS] for grant in content[GRANTS]]
    return digest([*(content[column] for column in _OF_EVERY_GRANT), grants])


def _named(content: Content) -> tuple[str, str] | None:
    return (content["GrantId"], content["GrantKind"]) if content["GrantId"] is not None else None


def _reason(before: Published | None, content: Content) -> str:
    if before is None:
        return "first report"
    if content["Withdrawn"]:
        return "withdrawn: nothing had changed"
    changes = [
        f"{word} {old or 'unknown'} → {new or 'unknown'}"
        for word, old, new in (
            ("severity", before.severity, content["Severity"]),
            ("outcome", before.outcome, content["Outcome"]),
            ("grant", before.status, content["GrantStatus"]),
            ("recipient", before.recipient, content["RecipientId"]),
        )
        if old != new
    ]
    return ", ".join(changes) or "more evidence"
