"""Whether a finding's content is news, and what is new about it."""

from grantwatch.judgement.rendering import Content
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import Published
from grantwatch.model.severity import Severity


def revised(before: Published | None, content: Content) -> Published:
    """The revision that carries this content: the one before where nothing changed, else the next."""
    name = digest(content)
    if before is not None and before.content == name:
        return before
    severity: Severity = content["Severity"]
    status, recipient = content["GrantStatus"], content["RecipientId"]
    is_news = before is None or severity > before.highest
    return Published(
        revision=before.revision + 1 if before else 1,
        content=name,
        severity=severity,
        highest=severity if before is None else max(severity, before.highest),
        outcome=content["Outcome"],
        status=status,
        recipient=recipient,
        raised_to=severity if is_news else None,
        reason=_reason(before, content),
    )


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
