"""How a SAS was used on a day, as the columns of a row of the grants table."""

from grantwatch.detection.sas_uses import containment_of, recipient_of
from grantwatch.judgement.granted import MOST_LISTED, grant_id
from grantwatch.judgement.rendering import Content
from grantwatch.memory.digests import digest
from grantwatch.model.day_of_use import DayOfUse
from grantwatch.model.grant import GrantStatus
from grantwatch.model.grant_in_use import grant_in_use
from grantwatch.model.quantity import quantity


def usage(day: DayOfUse) -> Content:
    """The columns of the row of a day, without those that tell one writing of it from another."""
    uses = day.uses
    key, actor, target, recipient, grant = uses.key, uses.actor, uses.resource, recipient_of(uses), grant_in_use(uses)
    identity = grant_id(grant, "", key.tenant)
    return {
        "OwnerTenantId": key.tenant or None,
        "GrantId": identity,
        "FindingId": digest(("use", identity, key.natural[-1])),
        "Revision": 0,
        "Day": day.day,
        "FirstUsedAt": day.first_used,
        "LastUsedAt": day.last_used,
        "Requests": day.requests,
        "BytesRead": day.size,
        "ObjectsRead": day.objects,
        "Estimated": day.is_estimated,
        "Agents": _listed(uses.agents, more=day.more),
        "GrantKind": grant.kind,
        "GrantStatus": GrantStatus.UNKNOWN,
        "GrantOpenedAt": grant.opened,
        "GrantExpiresAt": grant.expires,
        "GrantClosedAt": None,
        "Withdrawn": False,
        "Severity": None,
        "Detector": key.detector,
        "Summary": f"{quantity(day.requests, 'request')} to {uses.first.account} came with one SAS "
        f"on {day.day:%Y-%m-%d}.",
        "ActorId": actor.id,
        "ActorName": actor.upn or actor.name or actor.app_id,
        "ActorKind": actor.kind,
        "TargetResourceId": target.text,
        "TargetName": target.label,
        "TargetKind": target.kind,
        "TargetSubscriptionId": target.subscription,
        "RecipientKind": recipient.kind,
        "RecipientId": recipient.id,
        "RecipientTenantId": recipient.tenant,
        "RecipientName": recipient.name,
        "RecipientConfidence": recipient.confidence,
        "Networks": _listed(uses.origins, more=day.more),
        "Containment": containment_of(uses),
    }


def _listed(entries: tuple[str, ...], *, more: bool) -> tuple[str, ...]:
    """The first twenty, and that there were others."""
    listed = entries[:MOST_LISTED]
    return (*listed, "and more") if more or len(entries) > len(listed) else listed
