"""The content of a finding, as a pure function of everything known about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from grantwatch.detection.detector import Detector
from grantwatch.judgement.granted import MOST_LISTED, containment_of, grant_of, grants_of, listed
from grantwatch.judgement.judged import Judged, lead_of
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.events import Event
from grantwatch.memory.resolution import Resolved
from grantwatch.memory.sightings import NOTHING_NEW, Novelty
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.course import Course
from grantwatch.model.grant import Recipient, RecipientKind
from grantwatch.model.lineage import Lineage
from grantwatch.model.network import IpClass, Networks
from grantwatch.model.operation import Operation, OperationKey
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity, severity_of
from grantwatch.model.storage_access import StorageAccess
from grantwatch.model.volume import Volume

Content = dict[str, Any]
"""The columns of a finding without those that tell one revision from another; under ``GRANTS`` those of its grants."""

GRANTS = "Grants"
"""No column: each grant that the finding tells of, by the columns of its row in the grants table."""

SCHEMA_VERSION = 1
"""Of the columns of findings."""


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
    actor, target = event.actor, match.target
    name = finding_id(detector, key)
    return {
        "EventTime": match.at,
        "OwnerTenantId": event.tenant or None,
        "FindingId": name,
        "Detector": detector.name,
        "FindingTitle": match.title or metadata.title,
        "Summary": lead.sentence,
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
        **grant_of(name, event.tenant, found),
        "Operation": event.name,
        "CorrelationId": event.correlation_id or None,
        "SourceLog": _SOURCES[type(event)],
        "Evidence": {**_evidence(lead, found), **_news(novelty)},
        "Containment": containment_of(lead, found),
        "Triage": metadata.triage,
        GRANTS: grants_of(name, event.tenant, found),
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
    """The entries of all matches; of those beyond the first twenty only that they came."""
    entries = listed(name, found)
    return entries if len(entries) <= MOST_LISTED else [*entries[:MOST_LISTED], "and more"]
