"""The grants that a finding tells of: all as one in its own columns, and each by itself for the inventory."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from grantwatch.judgement.judged import Judged, lead_of
from grantwatch.memory.digests import digest
from grantwatch.model.grant import Grant, GrantStatus

MOST_LISTED = 20
"""Entries of a list in a row."""
MOST_GRANTS = 512
"""Of one finding that the inventory gets: the earliest. An account takes 400 rules of a sort."""

_NO_GRANT = dict.fromkeys(("GrantId", "GrantKind", "GrantStatus", "GrantOpenedAt", "GrantExpiresAt", "GrantClosedAt"))


def grant_of(finding: str, tenant: str, found: Sequence[Judged]) -> dict[str, Any]:
    """The grants of all matches as one: open while any is, until the last one ends, for whoever still has access."""
    granted = [judged for judged in found if judged.grants_access]
    standing = [judged for judged in granted if judged.closed is None]
    holder = lead_of(standing or granted or found)
    return {**_recipient(holder), **_grant(holder, finding, tenant, granted, standing)}


def grants_of(finding: str, tenant: str, found: Sequence[Judged]) -> list[dict[str, Any]]:
    """Each grant by itself, in order of time."""
    by_id: dict[str, list[Judged]] = defaultdict(list)
    for judged in sorted(found, key=lambda each: each.match.at):
        if judged.grants_access and judged.match.grant is not None:
            by_id[grant_id(judged.match.grant, finding, tenant)].append(judged)
    return [_row(finding, tenant, each) for each in list(by_id.values())[:MOST_GRANTS]]


def _row(finding: str, tenant: str, found: Sequence[Judged]) -> dict[str, Any]:
    lead = lead_of([judged for judged in found if judged.closed is None] or found)
    target = lead.match.target
    return {
        **grant_of(finding, tenant, found),
        "Summary": lead.sentence,
        "TargetResourceId": target.text,
        "TargetName": target.label,
        "TargetKind": target.kind,
        "TargetSubscriptionId": target.subscription,
        "Networks": listed("Addresses", found)[:MOST_LISTED],
        "Containment": containment_of(lead, found),
    }


def containment_of(lead: Judged, found: Sequence[Judged]) -> str | None:
    """The commands that close whatever of it is still open, as one line."""
    if len(found) == 1:
        return lead.match.containment or None
    standing = [each for each in found if each.closed is None] or [lead]
    commands = dict.fromkeys(each.match.containment for each in (lead, *standing) if each in standing)
    return " && ".join(command for command in list(commands)[:MOST_LISTED] if command) or None


def listed(name: str, found: Sequence[Judged]) -> list[str]:
    """The entries of a list over all matches, each once, in order of time; one more than are shown says there are."""
    if len(found) == 1:
        value = found[0].match.evidence.get(name)
        return list(value[: MOST_LISTED + 1]) if isinstance(value, tuple) else []
    values: dict[str, None] = {}
    for judged in sorted(found, key=lambda each: each.match.at):
        value = judged.match.evidence.get(name)
        values.update(dict.fromkeys(value if isinstance(value, tuple) else ()))
        if len(values) > MOST_LISTED:
            break
    return list(values)[: MOST_LISTED + 1]


def _recipient(judged: Judged) -> dict[str, Any]:
    recipient = judged.match.recipient
    return {
        "RecipientKind": recipient.kind,
        "RecipientId": recipient.id,
        "RecipientTenantId": recipient.tenant,
        "RecipientName": recipient.name,
        "RecipientConfidence": recipient.confidence,
    }


def _grant(
    holder: Judged, finding: str, tenant: str, granted: Sequence[Judged], standing: Sequence[Judged]
) -> dict[str, Any]:
    grant = holder.match.grant
    if grant is None or not granted:
        return _NO_GRANT
    grants = [judged.match.grant for judged in standing or granted if judged.match.grant]
    expiries = [each.expires for each in grants if each.expires is not None]
    return {
        "GrantId": grant_id(grant, finding, tenant),
        "GrantKind": grant.kind,
        "GrantStatus": GrantStatus.OPEN if standing else GrantStatus.REVOKED,
        "GrantOpenedAt": min(each.opened for each in grants),
        "GrantExpiresAt": max(expiries) if len(expiries) == len(grants) else None,
        "GrantClosedAt": None if standing else max(filter(None, (judged.closed for judged in granted))),
    }


def grant_id(grant: Grant, finding: str, tenant: str) -> str:
    """Under which all findings of one grant are found; a grant without a name is that of its finding."""
    identity = grant.identity
    return digest((tenant, "grant", grant.kind, identity)) if identity else digest(("grant", grant.of or finding))
