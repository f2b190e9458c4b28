"""Who can reach what: grants as they stand at one time, put together from the rows of the grants table."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from grantwatch.model.grant import GrantStatus
from grantwatch.model.severity import Severity

Columns = Mapping[str, Any]
"""One row of the grants table, by column."""


_OF_RECIPIENT = ("RecipientId", "RecipientName", "RecipientTenantId", "RecipientKind")
_OF_RESOURCE = ("TargetResourceId", "TargetName")


class StandingGrant(Struct, frozen=True):
    """A grant with all that several findings tell of it. ``row`` is the latest of its rows."""

    row: Columns
    status: GrantStatus
    severity: Severity
    opened: datetime | None
    last_used: datetime | None
    networks: tuple[str, ...]

    def concerns(self, *, recipient: str | None, resource: str | None) -> bool:
        """Whether parts of the names or ids of its recipient and its target are these, in any case."""
        return _mentions(
            recipient, self.row, "RecipientId", "RecipientName", "RecipientTenantId", "RecipientKind"
        ) and (_mentions(resource, self.row, "TargetResourceId", "TargetName"))


def inventory(rows: Iterable[Columns], now: datetime) -> Iterator[StandingGrant]:
    """The grants in these rows, worst first; of one finding, only the highest revision is to be given."""
    of_grant: dict[str, list[Columns]] = defaultdict(list)
    for row in rows:
        if not row["Withdrawn"] and row.get("Requests") is None:  # a row of use does not say how the grant stands
            of_grant[row["GrantId"]].append(row)
    standing = [_standing(known, now) for known in of_grant.values()]
    yield from sorted(standing, key=lambda each: (-each.severity.rank, str(each.opened), each.row["GrantId"]))


def _standing(rows: list[Columns], now: datetime) -> StandingGrant:
    latest = max(rows, key=lambda row: (row["Day"] or row["GrantOpenedAt"], row["TimeGenerated"]))
    days = [row["Day"] for row in rows if row["Day"] is not None]
    opened = [row["GrantOpenedAt"] for row in rows if row["GrantOpenedAt"] is not None]
    return StandingGrant(
        row=latest,
        status=_status(latest, now),
        severity=max(Severity(row["Severity"]) for row in rows),
        opened=min(opened, default=None),
        last_used=max(days, default=None),
        networks=tuple(dict.fromkeys(address for row in rows for address in row["Networks"])),
    )


def _status(row: Columns, now: datetime) -> GrantStatus:
    status = GrantStatus(row["GrantStatus"])
    expires: datetime | None = row["GrantExpiresAt"]
    return GrantStatus.EXPIRED if status is GrantStatus.OPEN and expires is not None and expires <= now else status


def _mentions(part: str | None, row: Columns, *columns: str) -> bool:
    return part is None or any(part.lower() in (row[column] or "").lower() for column in columns)
