"""The page on grants: how each kind ends, and the table that lists them."""

from collections.abc import Iterator
from datetime import timedelta

from grantwatch.model.grant import GrantKind
from grantwatch.model.grant_row import TABLE, GrantRow
from grantwatch.model.life import Ending
from grantwatch.model.schema import columns_of
from tools.markdown import NOTICE, described, row, table

_THAT_HOLD = f"""{TABLE}
| join kind=leftsemi ({TABLE} | summarize Revision = max(Revision) by FindingId) on FindingId, Revision
| where RowKind == "Change" and not(Withdrawn)"""


def grant_reference() -> Iterator[str]:
    """The page, block by block."""
    yield NOTICE
    yield "# Grants"
    yield (
        "A grant is Open until a call ends it, which makes it Revoked; it has expired when `GrantExpiresAt` is past. "
        "A call that failed ends nothing, and a SAS that was used afterwards had not ended. A grant of a kind that is "
        "not meant to last, and does not end by itself before, should be looked at after the time that is stated here."
    )
    yield table(("Grant", "Ended by", "Expires", "Look after", "Why"), map(_entry, GrantKind))
    yield (
        f"Every grant also ends with the {Ending.DELETION.words}. Changes of stored access policies are in no log that "
        "shows what they change, so a SAS that was ended so stays Open until it expires. Nor do records tell which "
        "private endpoint was let in by `privateEndpointConnectionsApproval`, or which invitation led to the "
        "subscription that `providerShareSubscriptions/revoke` shuts out: such grants stay Open until their resource, "
        "or the invitation, is deleted."
    )
    yield f"## {TABLE}"
    yield (
        "A row of `Change` is written when a grant is made and when its status, expiry, recipient, networks or "
        "severity change; each day on which, and kind of network from which, a SAS was used is a finding and makes "
        "one too. A finding has a row for each grant that it tells of, and they are all written anew when one of them "
        "changes: those with its highest `Revision` hold, unless they are `Withdrawn`. A row of `Use` is written "
        "for each SAS and day on which it was used, when the day is over, and again when records of it came "
        "late. Of one grant and day, the latest `TimeGenerated` holds. The command `grants` puts the rows of each "
        "grant together: what was given anew before it ended is one grant, which lasts until the latest end. In KQL, "
        "the rows that say how grants stand are:"
    )
    yield f"```kusto\n{_THAT_HOLD}\n```"
    yield table(("Column", "Type", "Nullable", "Description"), map(described, columns_of(GrantRow)))


def _entry(kind: GrantKind) -> str:
    life = kind.life
    ended_by = "; ".join(ending.words for ending in life.ended_by if ending is not Ending.DELETION)
    return row(f"`{kind}`", ended_by, life.expires or "never by itself", _days(life.expected), life.because)


def _days(expected: timedelta | None) -> str:
    if expected is None:
        return "never"
    return "1 day" if expected.days == 1 else f"{expected.days} days"
