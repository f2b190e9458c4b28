"""The grants table: who can reach what, since the deployment began.

A row of change says how a grant stands. A finding has a row for each grant that it tells of, all written anew when one
changes: those of its highest revision hold, whichever grants they name. A row of use says how much a grant was used on
a day; of each grant and day the latest row holds. ``Expired`` is never written: readers compare ``GrantExpiresAt`` with
the time of reading.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from grantwatch.model import actor, grant, severity

TABLE = "GrantWatchGrants_CL"
SCHEMA_VERSION = 1


class Occasion(StrEnum):
    """Why a row was written."""

    CHANGE = "Change"
    USE = "Use"


class GrantRow(BaseModel):
    """How one grant stands after a change of status, expiry, recipient, network or severity, or its use on one day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    TimeGenerated: datetime = Field(description="When this row was written.")
    OwnerTenantId: str | None = Field(description="Tenant that owns the target.")
    GrantId: str = Field(description="The grant; all findings that tell of one, such as a SAS, name the same.")
    FindingId: str = Field(
        description="The finding that this row comes from; in a row of use, a name of grant and day."
    )
    Revision: int = Field(
        description="Revision of that finding; of one finding, the rows with the highest one hold. 0 in a row of use."
    )
    RowKind: Occasion = Field(
        description="Change: the grant was made, or something of it changed. Use: how much it was used on one day; of "
        "one grant and day, the row with the latest TimeGenerated holds."
    )
    Day: datetime | None = Field(description="The day of use, from midnight UTC.")
    FirstUsedAt: datetime | None = Field(default=None, description="Row of use: the first use on that day.")
    LastUsedAt: datetime | None = Field(
        default=None, description="Row of use: the last use on that day, rounded down to five minutes at most."
    )
    Requests: int | None = Field(default=None, description="Row of use: requests of all kinds, without those refused.")
    BytesRead: int | None = Field(default=None, description="Row of use: how many bytes those brought that read data.")
    ObjectsRead: int | None = Field(default=None, description="Row of use: how many different objects these were of.")
    Estimated: bool | None = Field(
        default=None,
        description="Row of use: some of these numbers are estimates, as there were more than 1,024 requests in five "
        "minutes, or 64 objects or more in the day.",
    )
    Agents: tuple[str, ...] | None = Field(
        default=None, description="Row of use: user agents, as far as they are listed."
    )
    GrantKind: grant.GrantKind = Field(description="What sort of access was handed out.")
    GrantStatus: grant.GrantStatus = Field(
        description="Open or Revoked; Unknown in a row of use. Expiry is not written: compare GrantExpiresAt with the "
        "time of reading."
    )
    GrantOpenedAt: datetime | None = Field(description="Since when access holds.")
    GrantExpiresAt: datetime | None = Field(description="Until when; null for until revoked, or unknown.")
    GrantClosedAt: datetime | None = Field(description="When it was revoked.")
    Withdrawn: bool = Field(description="Later records showed that there was no such grant.")
    Severity: severity.Severity | None = Field(description="Severity of the finding; null in a row of use.")
    Detector: str = Field(description="Detector that told of it, or whose requests were counted.")
    Summary: str = Field(description="What happened, in a sentence.")
    ActorId: str | None = Field(description="Object id of who made the grant.")
    ActorName: str | None = Field(description="Their user principal name, or another name.")
    ActorKind: actor.ActorKind = Field(description="What sort of identity that is.")
    TargetResourceId: str = Field(description="What access was opened to.")
    TargetName: str = Field(description="Its name.")
    TargetKind: str = Field(description="Its resource type in lower case.")
    TargetSubscriptionId: str | None = Field(description="Its subscription.")
    RecipientKind: grant.RecipientKind = Field(description="What sort of party can now reach the data.")
    RecipientId: str | None = Field(description="Who can now reach the data.")
    RecipientTenantId: str | None = Field(description="Tenant of the recipient.")
    RecipientName: str | None = Field(description="Name of the recipient.")
    RecipientConfidence: grant.Confidence = Field(description="Stated by the log, inferred from it, or none.")
    Networks: tuple[str, ...] = Field(description="Addresses that it was used from, as far as they are listed.")
    Containment: str | None = Field(description="The command that closes it.")
    SchemaVersion: int = Field(description="Version of this table's columns.")


def grant_rows(finding: dict[str, Any], grants: Sequence[dict[str, Any]], named: tuple[str, str]) -> list[GrantRow]:
    """The rows of the grants that a finding, by its columns, tells of, each with columns of its own.

    ``named`` is the id and kind of a grant that it told of before more was known; where it tells of none any more, the
    row says so.
    """
    identity, kind = named
    nothing = {"GrantId": identity, "GrantKind": kind, "GrantStatus": grant.GrantStatus.REVOKED, "Withdrawn": True}
    return [_row(finding | each) for each in grants or [nothing]]


def _row(columns: dict[str, Any]) -> GrantRow:
    uses = columns["GrantKind"] == grant.GrantKind.SAS_IN_USE
    day = columns["EventTime"].replace(hour=0, minute=0, second=0, microsecond=0) if uses else None
    shared = {name: columns[name] for name in GrantRow.model_fields if name in columns}
    return GrantRow.model_validate(
        {
            "Networks": (),
            **shared,
            "RowKind": Occasion.CHANGE,
            "Day": day,
            "ActorName": columns["ActorUpn"] or columns["ActorName"] or columns["ActorAppId"],
            "SchemaVersion": SCHEMA_VERSION,
        }
    )


def use_row(columns: dict[str, Any], now: datetime) -> GrantRow:
    """The row of a day of use, by what is told of it."""
    written = {"TimeGenerated": now, "RowKind": Occasion.USE, "SchemaVersion": SCHEMA_VERSION}
    return GrantRow.model_validate({**columns, **written})
