"""Who can reach what: grants as they stand at one time, put together from the rows of the grants table.

Nothing here depends on when a row was written: rows of one grant come from several findings, in any order.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from grantwatch.model.grant import GrantStatus
from grantwatch.model.severity import Severity

Columns = Mapping[str, Any]
"""One row of the grants table, by column."""

_OF_RECIPIENT = ("RecipientId", "RecipientName", "RecipientTenantId", "RecipientKind")
_OF_TARGET = ("TargetResourceId", "TargetName")
_NEVER = datetime.max.replace(tzinfo=UTC)


class StandingGrant(Struct, frozen=True):
    """A grant with all that several findings tell of it. ``row`` is the latest of ``rows`` that says most of it.

    What is given anew before it ended, such as access to a disk, is one grant that lasts until the latest end.
    """

    row: Columns
    rows: tuple[Columns, ...]
    status: GrantStatus
    severity: Severity
    opened: datetime
    expires: datetime | None
    closed: datetime | None
    last_used: datetime | None
    networks: tuple[str, ...]

    def concerns(self, *, recipient: str | None, resource: str | None) -> bool:
        """Whether parts of the names or ids of a recipient, and of the target, are these, in any case.

        Recipients are all that any finding names, and the addresses that it was used from.
        """
        recipients = (str(row[column] or "") for row in self.rows for column in _OF_RECIPIENT)
        targets = (str(row[column] or "") for row in self.rows for column in _OF_TARGET)
        return _mentioned(recipient, (*recipients, *self.networks)) and _mentioned(resource, targets)


def inventory(rows: Iterable[Columns], now: datetime) -> Iterator[StandingGrant]:
    """The grants in these rows, worst first. Of one finding, only the rows with its highest revision count."""
    known = list(rows)
    highest: dict[str, int] = defaultdict(int)
    for row in known:
        highest[row["FindingId"]] = max(highest[row["FindingId"]], row["Revision"])
    of_grant: dict[str, list[Columns]] = defaultdict(list)
    for row in known:
        # A row of use does not say how the grant stands.
        if row["Revision"] == highest[row["FindingId"]] and not row["Withdrawn"] and row.get("Requests") is None:
            of_grant[row["GrantId"]].append(row)
    standing = [_standing(sorted(found, key=_precedence), now) for found in of_grant.values()]
    yield from sorted(standing, key=lambda each: (-each.severity.rank, each.opened, each.row["GrantId"]))


def _precedence(row: Columns) -> tuple[datetime, str]:
    return row["Day"] or row["GrantOpenedAt"], row["FindingId"]


def _standing(rows: Sequence[Columns], now: datetime) -> StandingGrant:
    """A grant by its rows, in order of time."""
    lasting = _last_of(rows)
    row = max(lasting, key=lambda each: (_end(each), _precedence(each)))
    is_revoked = row["GrantStatus"] == GrantStatus.REVOKED
    end = _end(row)
    days = [each["Day"] for each in rows if each["Day"] is not None]
    return StandingGrant(
        row=row,
        rows=tuple(rows),
        status=GrantStatus.REVOKED if is_revoked else GrantStatus.OPEN if end > now else GrantStatus.EXPIRED,
        severity=max(Severity(each["Severity"]) for each in lasting),
        opened=min(each["GrantOpenedAt"] for each in lasting),
        expires=row["GrantExpiresAt"],
        closed=row["GrantClosedAt"],
        last_used=max(days, default=None),
        networks=tuple(dict.fromkeys(address for each in rows for address in each["Networks"])),
    )


def _last_of(rows: Sequence[Columns]) -> list[Columns]:
    """The rows of the time for which the grant last held without a gap."""
    found: list[Columns] = []
    since = _NEVER
    for row in sorted(rows, key=lambda each: (_end(each), _precedence(each)), reverse=True):
        if found and _end(row) < since:
            break
        found.append(row)
        since = min(since, row["GrantOpenedAt"])
    return found


def _end(row: Columns) -> datetime:
    """When the grant ended or will end, as far as one finding tells."""
    return min(row["GrantClosedAt"] or _NEVER, row["GrantExpiresAt"] or _NEVER)


def _mentioned(part: str | None, texts: Iterable[str]) -> bool:
    return part is None or any(part.lower() in text.lower() for text in texts)
