"""``grantwatch grants``: the inventory of who can reach what."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from grantwatch.adapters.clock import now
from grantwatch.adapters.local_store import LocalStore
from grantwatch.cli import options, tables
from grantwatch.cli.options import AnswerFormat
from grantwatch.cli.terminal import stop
from grantwatch.errors import GrantWatchError
from grantwatch.model.grant import GrantStatus
from grantwatch.model.grant_row import TABLE
from grantwatch.model.inventory import StandingGrant, inventory
from grantwatch.model.quantity import quantity
from grantwatch.model.severity import Severity

_ROWS = f"{TABLE} | summarize arg_max(Revision, *) by FindingId, GrantId"
_IN_FULL = (
    "Closed",
    "RecipientTenantId",
    "Networks",
    "TargetResourceId",
    "GrantId",
    "FindingId",
    "Containment",
)
_COLUMNS = ("Status", "Severity", "Grant", "Target", "Recipient", "Opened", "Expires", "LastUsed", "GrantedBy")


def command(
    open_only: Annotated[bool, typer.Option("--open", help="Only grants that are open now.")] = False,
    recipient: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Only to recipients with this in their id, name or tenant, or used from such an address.",
        ),
    ] = None,
    resource: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only grants on resources with this in their id.")
    ] = None,
    store: Annotated[str, typer.Option(metavar="FILE", help="DuckDB file that replay filled.")] = options.DEFAULT_STORE,
    format: Annotated[AnswerFormat, typer.Option(help="How to print the grants.")] = AnswerFormat.TABLE,
) -> None:
    """List who can reach what: every grant that findings tell of, and whether it is open.

    A grant that has expired is told so as of now. JSON and CSV have the command that closes each.

    Example: python -m grantwatch grants --open --resource contosofinance
    """
    try:
        with LocalStore(store, read_only=True) as opened:
            names, rows = opened.query(_ROWS)
    except GrantWatchError as error:
        stop(str(error), code=1)
    found = [
        each
        for each in inventory((_columns(names, row) for row in rows), now())
        if each.concerns(recipient=recipient, resource=resource) and (each.status is GrantStatus.OPEN or not open_only)
    ]
    match format:
        case AnswerFormat.TABLE:
            _print(found)
        case AnswerFormat.JSON:
            tables.write_json((*_COLUMNS, *_IN_FULL), map(_row_in_full, found))
        case AnswerFormat.CSV:
            tables.write_csv((*_COLUMNS, *_IN_FULL), map(_row_in_full, found))


def _print(found: Sequence[StandingGrant]) -> None:
    console = tables.console_for()
    if found:
        tables.print_rows(_COLUMNS, map(_row, found), console)
    standing = [each for each in found if each.status is GrantStatus.OPEN]
    notable = [each for each in standing if each.severity >= Severity.LOW]
    commands = dict.fromkeys(each.row["Containment"] for each in notable if each.row["Containment"])
    if commands:
        console.print("\nTo close those that are open (Low and worse):", style="bold")
    for command in commands:
        console.print(Text(f"  {command}"), soft_wrap=True)
    tables.console_for(sys.stderr).print(f"\n{quantity(len(found), 'grant')}, {len(standing):,} of them open.")


def _row(each: StandingGrant) -> tuple[Any, ...]:
    row = each.row
    named = row["RecipientName"] or row["RecipientId"]
    return (
        each.status,
        each.severity,
        row["GrantKind"],
        row["TargetName"],
        f"{row['RecipientKind']}: {named}" if named else row["RecipientKind"],
        _minute(each.opened),
        _minute(each.expires),
        each.last_used.date().isoformat() if each.last_used else None,
        row["ActorName"] or row["ActorId"],
    )


def _row_in_full(each: StandingGrant) -> tuple[Any, ...]:
    row = each.row
    return (
        *_row(each),
        _minute(each.closed),
        row["RecipientTenantId"],
        each.networks,
        row["TargetResourceId"],
        row["GrantId"],
        row["FindingId"],
        row["Containment"],
    )


def _minute(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%d %H:%MZ") if moment else None


def _columns(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    columns = dict(zip(names, row, strict=True))
    networks = columns["Networks"]
    return {**columns, "Networks": json.loads(networks) if isinstance(networks, str) else networks or ()}
