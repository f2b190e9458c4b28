"""The content of a finding, as a pure function of everything known about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from grantwatch.detection.detector import Detector
from grantwatch.detection.match import Match
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.events import Event
from grantwatch.memory.resolution import Resolved
from grantwatch.memory.sightings import NOTHING_NEW, Novelty
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.course import Course
from grantwatch.model.grant import Grant, GrantStatus, Recipient, RecipientKind
from grantwatch.model.lineage import Lineage
from grantwatch.model.network import IpClass, Networks
from grantwatch.model.operation import Operation, OperationKey
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Outcome, Severity, severity_of
from grantwatch.model.storage_access import StorageAccess
from grantwatch.model.volume import Volume

Content = dict[str, Any]
"""The columns of a finding without those that tell one revision from another."""

SCHEMA_VERSION = 1
"""Of the columns of findings."""

_MOST_LISTED = 20
_TOOK_EFFECT = (Outcome.SUCCEEDED, Outcome.ACCEPTED)
_NO_GRANT = dict.fromkeys(("GrantId", "GrantKind", "GrantStatus", "GrantOpenedAt", "GrantExpiresAt", "GrantClosedAt"))


class Judged(Struct, frozen=True):
    """One resolved match on its event, with the severity that remains."""

    event: Event
    resolved: Resolved
    severity: Severity
    expected: bool = False

    @property
    def match(self) -> Match:
        return self.resolved.match

    @property
    def outcome(self) -> Outcome:
        return self.event.outcome

    @property
    def closed(self) -> datetime | None:
        """When the grant ended; of one that another finding tells of, when that one says so."""
        return self.event.first.closed if isinstance(self.event, Course) else self.resolved.closed


class Organisation(Struct, frozen=True):
    """What is ours, as far as it was declared."""

    networks: Networks
    subscriptions: frozenset[str] = frozenset()
    principals: frozenset[str] = frozenset()

    def expects(self, actor: Actor) -> bool:
        """Whether this is somebody at their declared work: a stolen identity would hardly call from our networks."""
        return actor.id in self.principals and self.networks.classify(actor.address) is IpClass.OWN

    def owns(self, recipient: Recipient, tenant: str, target: ResourceId) -> bool:
        """Whether a recipient is known to be part of this organisation."""
        if recipient.tenant is not None and tenant:
            return recipient.tenant == tenant
        if recipient.kind is RecipientKind.STORAGE_ACCOUNT:
            subscription = ResourceId(recipient.id or "").subscription
            return subscription is not None and subscription in self.subscriptions | {target.subscription}
        return recipient.kind is RecipientKind.SUBSCRIPTION and (recipient.id or "") in self.subscriptions


def judged(event: Event, resolved: Resolved, organisation: Organisation, novelty: Novelty = NOTHING_NEW) -> Judged:
    """With the severity after recipient, novelty, actor and outcome are weighed; Azure's own services are only told of.

    What is new raises Low to Medium, once its subscription is out of training: the ordinary is Low for being ordinary.
    A match on a course tells of the steps that it is related to, and has weighed their outcomes itself.
    """
    match = resolved.match
    severity = resolved.severity
    if isinstance(event, Course):
        event = event.of(match.related)
    if match.severity_if_foreign and not organisation.owns(match.recipient, event.tenant, match.target):
        severity = max(severity, match.severity_if_foreign)
    if novelty.firsts and not novelty.in_training and severity is Severity.LOW:
        severity = Severity.MEDIUM
    expected = organisation.expects(event.actor)
    if expected or event.actor.kind is ActorKind.PLATFORM_SERVICE:
        severity = Severity.INFORMATIONAL
    if not isinstance(event, Course):
        severity = severity_of(severity, event.outcome)
    return Judged(event, resolved, severity, expected)


def finding_id(detector: Detector, key: EntityKey) -> str:
    """A name that every delivery, order and revision of the same event shares."""
    if isinstance(key, OperationKey):
        natural: tuple[str, ...] = (key.correlation_id, key.name.lower(), key.resource)
    else:
        natural = key.natural
    return digest((key.tenant, detector.id, natural))


def lead_of(found: Sequence[Judged]) -> Judged:
    """The match that speaks for all that fold into one finding."""
    return min(found, key=_precedence)


def rendered(
    detector: Detector,
    key: EntityKey,
    found: Sequence[Judged],
    organisation: Organisation,
    novelty: Novelty = NOTHING_NEW,
) -> Content:
    """The content of the finding that these matches, all of one detector on one entity, fold into."""
    lead = lead_of(found)
    event, match, metadata = lead.event, lead.match, detector.metadata
    actor, target, recipient = event.actor, match.target, match.recipient
    name = finding_id(detector, key)
    return {
        "EventTime": match.at,
        "OwnerTenantId": key.tenant or None,
        "FindingId": name,
        "Detector": detector.name,
        "FindingTitle": match.title or metadata.title,
        "Summary": _sentence(lead),
        "Severity": lead.severity,
        "Outcome": lead.outcome,
        "Tactics": metadata.tactics,
        "Techniques": metadata.technique_ids,
        "Analytics": metadata.analytics,
        "CampaignId": name if len(match.related) > 1 else None,
        "RelatedFindingIds": match.related,
        "SchemaVersion": SCHEMA_VERSION,
        "ActorId": actor.id,
        "ActorUpn": actor.upn,
        "ActorName": actor.name,
        "ActorKind": actor.kind,
        "ActorTenantId": actor.tenant,
        "ActorAppId": actor.app_id,
        "ActorRoles": actor.roles,
        "ActorIpAddress": actor.address,
        "ActorIpClass": organisation.networks.classify(actor.address),
        "ActorAuthenticationMethods": actor.authentication_methods,
        "ActorUserAgent": actor.user_agent,
        "TargetResourceId": target.text,
        "TargetName": target.label,
        "TargetKind": target.kind,
        "TargetSubscriptionId": target.subscription,
        "TargetResourceGroup": target.resource_group,
        "TargetRegion": event.region,
        "RecipientKind": recipient.kind,
        "RecipientId": recipient.id,
        "RecipientTenantId": recipient.tenant,
        "RecipientName": recipient.name,
        "RecipientConfidence": recipient.confidence,
        **_grant(name, key.tenant, found),
        "Operation": event.name,
        "CorrelationId": event.correlation_id or None,
        "SourceLog": _SOURCES[type(event)],
        "Evidence": {**_evidence(lead, found), **_news(novelty)},
        "Containment": _containment(lead, found),
        "Triage": metadata.triage,
    }


_SOURCES: Mapping[type, str] = {
    Operation: "AzureActivity",
    StorageAccess: "StorageLog",
    Volume: "StorageLog",
    Lineage: "AzureActivity",
    Course: "Findings",
}


def _news(novelty: Novelty) -> dict[str, Any]:
    news: dict[str, Any] = {"FirstSeen": list(novelty.firsts)} if novelty.firsts else {}
    return {**news, "InTraining": True} if novelty.in_training else news


def _precedence(judged: Judged) -> tuple[int, int, datetime]:
    """The worst first, then the furthest, then the earliest; the matches themselves come in a settled order."""
    return -judged.severity.rank, -judged.outcome.rank, judged.match.at


def _sentence(lead: Judged) -> str:
    match lead.outcome:
        case Outcome.FAILED:
            return f"Failed: {lead.match.summary}"
        case Outcome.ATTEMPTED:
            return f"Attempted, outcome unknown: {lead.match.summary}"
        case _:
            return lead.match.summary


def _grant(finding: str, tenant: str, found: Sequence[Judged]) -> Content:
    """The grants of all matches as one: open while any is, until the last one ends."""
    grants = [
        (grant, judged.closed)
        for judged in found
        if (grant := judged.match.grant) is not None and judged.outcome in _TOOK_EFFECT
    ]
    if not grants:
        return _NO_GRANT
    closings = [closed for _, closed in grants if closed is not None]
    all_closed = len(closings) == len(grants)
    standing = [grant for grant, closed in grants if closed is None or all_closed]
    expiries = [grant.expires for grant in standing if grant.expires is not None]
    return {
        "GrantId": grant_id(standing[0], finding, tenant),
        "GrantKind": standing[0].kind,
        "GrantStatus": GrantStatus.REVOKED if all_closed else GrantStatus.OPEN,
        "GrantOpenedAt": min([grant.opened for grant in standing]),
        "GrantExpiresAt": max(expiries) if len(expiries) == len(standing) else None,
        "GrantClosedAt": max(closings) if all_closed else None,
    }


def grant_id(grant: Grant, finding: str, tenant: str) -> str:
    """The name of a grant: its own, or that of the finding that it belongs to."""
    return digest((tenant, "grant", grant.kind, grant.name)) if grant.name else digest(("grant", grant.of or finding))


def _containment(lead: Judged, found: Sequence[Judged]) -> str | None:
    """The commands that close whatever of it is still open, as one line."""
    if len(found) == 1:
        return lead.match.containment or None
    standing = [each for each in found if each.closed is None] or [lead]
    commands = dict.fromkeys(each.match.containment for each in (lead, *standing) if each in standing)
    return " && ".join(command for command in list(commands)[:_MOST_LISTED] if command) or None


def _evidence(lead: Judged, found: Sequence[Judged]) -> dict[str, Any]:
    """The lead's facts, with lists joined over all matches."""
    evidence: dict[str, Any] = {}
    for name, value in lead.match.evidence.items():
        if isinstance(value, tuple):
            evidence[name] = _joined(name, found)
        elif value is not None:
            evidence[name] = value
    if lead.event.actor.kind is ActorKind.PLATFORM_SERVICE:
        evidence["PlatformService"] = True
    if lead.expected:
        evidence["ExpectedPrincipal"] = True
    if lead.resolved.reason:
        evidence["Judgement"] = lead.resolved.reason
    if isinstance(lead.event, Operation) and len(found) > 1:
        evidence["CallsUnderThisCorrelation"] = len(found)
    if any(judged.event.salvaged for judged in found):
        evidence["Salvaged"] = True
    return evidence


def _joined(name: str, found: Sequence[Judged]) -> list[str]:
    """The entries of all matches, each once, in order of time; of those beyond the first twenty only that they came."""
    if len(found) == 1:
        value = found[0].match.evidence[name]
        listed = list(value) if isinstance(value, tuple) else []
        return listed if len(listed) <= _MOST_LISTED else [*listed[:_MOST_LISTED], "and more"]
    values: dict[str, None] = {}
    for judged in sorted(found, key=lambda each: each.match.at):
        value = judged.match.evidence.get(name)
        values.update(dict.fromkeys(value if isinstance(value, tuple) else ()))
        if len(values) > _MOST_LISTED:
            return [*list(values)[:_MOST_LISTED], "and more"]
    return list(values)
