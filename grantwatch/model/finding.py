"""The findings table: one class, from which schema, documentation and the local table are made.

Columns keep their names and types for ever; new ones are added. ``TenantId``, ``Type``, ``Title``, ``id`` and a few
more are reserved in Log Analytics, hence ``OwnerTenantId`` and ``FindingTitle``.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from grantwatch.model import actor, attack, grant, network, severity

TABLE = "GrantWatchFindings_CL"


class Finding(BaseModel):
    """One revision of one finding: who opened what to whom, until when, and how to close it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    TimeGenerated: datetime = Field(description="When this revision was written.")
    EventTime: datetime = Field(description="When it happened: the decisive record's own time, or the first use.")
    OwnerTenantId: str | None = Field(description="Tenant that owns the target.")
    FindingId: str = Field(description="The same for every revision and every delivery of the same event.")
    Revision: int = Field(description="Counts from 1; the highest one holds.")
    RevisionReason: str = Field(description="What this revision changed.")
    Withdrawn: bool = Field(description="Later records showed that nothing had changed; the finding is void.")
    Detector: str = Field(description="Name of the detector; its page is in docs/detections.md.")
    FindingTitle: str = Field(description="What happened, in a few words.")
    Summary: str = Field(description="What happened, in a sentence.")
    Severity: severity.Severity = Field(description="High, Medium, Low or Informational.")
    RaisedTo: severity.Severity | None = Field(
        description="The severity, where this revision was the first to reach it, or that one may be unheard of."
    )
    Outcome: severity.Outcome = Field(description="How far the call got: Succeeded, Accepted, Failed or Attempted.")
    Tactics: tuple[attack.Tactic, ...] = Field(description="ATT&CK tactics, by ATT&CK's own names.")
    Techniques: tuple[str, ...] = Field(description="ATT&CK technique ids.")
    Analytics: tuple[attack.Analytic, ...] = Field(description="ATT&CK analytics that this implements.")
    CampaignId: str | None = Field(
        description="Id of this finding where it is made of several others; null where it is not."
    )
    RelatedFindingIds: tuple[str, ...] = Field(description="Ids of the findings that this one is made of.")
    SchemaVersion: int = Field(description="Version of this table's columns.")

    ActorId: str | None = Field(description="Object id of the caller, or of who asked for the delegation key.")
    ActorUpn: str | None = Field(description="User principal name of the caller.")
    ActorName: str | None = Field(description="Display name of the caller.")
    ActorKind: actor.ActorKind = Field(
        description="User, Guest, ServicePrincipal, ManagedIdentity, PlatformService, Unknown."
    )
    ActorTenantId: str | None = Field(description="Tenant that issued the caller's token; foreign if not the owner's.")
    ActorAppId: str | None = Field(description="Application that the caller used.")
    ActorRoles: tuple[str, ...] = Field(description="Azure role that let the caller in, then directory roles.")
    ActorIpAddress: str | None = Field(description="Address the call came from.")
    ActorIpClass: network.IpClass = Field(description="Own, AzureInternal, Public or Unknown.")
    ActorAuthenticationMethods: tuple[str, ...] = Field(description="Authentication methods in the token.")
    ActorUserAgent: str | None = Field(description="Agent that the client claimed to be.")

    TargetResourceId: str = Field(description="What access was opened to.")
    TargetName: str = Field(description="Last part of the resource id.")
    TargetKind: str = Field(description="Resource type in lower case.")
    TargetSubscriptionId: str | None = Field(description="Subscription of the target.")
    TargetResourceGroup: str | None = Field(description="Resource group of the target.")
    TargetRegion: str | None = Field(description="Region of the target, where the log tells it.")

    RecipientKind: grant.RecipientKind = Field(
        description="Tenant, Principal, StorageAccount, Subscription, Address, Anyone or Unknown."
    )
    RecipientId: str | None = Field(description="Who can now reach the data.")
    RecipientTenantId: str | None = Field(description="Tenant of the recipient.")
    RecipientName: str | None = Field(description="Name of the recipient.")
    RecipientConfidence: grant.Confidence = Field(description="Stated by the log, inferred from it, or none.")

    GrantId: str | None = Field(description="The grant; null when access was not handed out.")
    GrantKind: grant.GrantKind | None = Field(description="What sort of access was handed out.")
    GrantStatus: grant.GrantStatus | None = Field(
        description="Open or Revoked. Expiry is not written: compare GrantExpiresAt with the time of reading."
    )
    GrantOpenedAt: datetime | None = Field(description="Since when access holds.")
    GrantExpiresAt: datetime | None = Field(description="Until when; null for until revoked, or unknown.")
    GrantClosedAt: datetime | None = Field(description="When it was revoked.")

    Operation: str = Field(description="Azure operation, as Microsoft spells it.")
    CorrelationId: str | None = Field(description="Correlation id of the call; its caller chose it.")
    SourceLog: str = Field(description="AzureActivity or StorageLog.")
    Evidence: dict[str, Any] = Field(description="Whitelisted facts that led to the finding.")
    Containment: str | None = Field(description="The command that closes the grant.")
    Triage: tuple[str, ...] = Field(description="What to do next, in order.")
    Truncated: tuple[str, ...] = Field(
        default=(), description="Columns that were too long for the table and are cut in this row."
    )
