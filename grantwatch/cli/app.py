"""The commands, their options and what they print."""

import json
import logging
import shlex
import sys
from enum import StrEnum
from typing import Annotated

import typer

from grantwatch import __version__
from grantwatch.adapters.local_store import IN_MEMORY, LocalStore
from grantwatch.cli import consume, grants, options, parked, sas, send, tables
from grantwatch.cli.options import AnswerFormat
from grantwatch.cli.replay import Replay, replay
from grantwatch.cli.sources import total_size
from grantwatch.cli.terminal import Discreet, as_called, progress, say, stop
from grantwatch.errors import GrantWatchError, QueryError, SettingsError
from grantwatch.model.finding import TABLE
from grantwatch.model.grant_row import TABLE as GRANTS
from grantwatch.model.quantity import quantity
from grantwatch.model.severity import Severity
from grantwatch.settings import Settings

app = typer.Typer(
    name="grantwatch",
    cls=Discreet,
    help="Tells from Azure logs when data has become reachable from outside: who opened what to whom, until when.",
    epilog="Start with `python -m grantwatch replay FILE`, then ask `python -m grantwatch query "
    "'GrantWatchFindings_CL | take 5'`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class FindingFormat(StrEnum):
    """How replay prints findings."""

    TABLE = "table"
    JSONL = "jsonl"
    JSON = "json"


def main() -> None:
    """The entry point."""
    logging.getLogger("azure").addHandler(logging.NullHandler())  # its clients report here what commands say themselves
    app(prog_name=as_called())


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command("replay")
def _replay(
    files: options.Files,
    format: Annotated[FindingFormat, typer.Option(help="table to read, jsonl (one a line) or json to process.")] = (
        FindingFormat.TABLE
    ),
    store: options.Store = options.DEFAULT_STORE,
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty the store first.")] = False,
    min_severity: Annotated[
        Severity | None, typer.Option(help="Leave out lesser findings. Default: Low in tables, everything otherwise.")
    ] = None,
    owner_tenant: options.OwnerTenant = "",
    own_network: options.OwnNetworks = None,
    own_subscription: options.OwnSubscriptions = None,
    expected_principal: options.ExpectedPrincipals = None,
) -> None:
    """Run recorded logs through the engine and print what it finds.

    Findings go to standard output, everything else to standard error. Exit code 0: all input was processed, with or
    without findings; 1: some of it could not be read, and it is said which; 2: wrong usage.

    Example: python -m grantwatch replay logs/ --format jsonl > findings.jsonl
    """
    try:
        settings = Settings.read(**options.as_settings(owner_tenant, own_network, own_subscription, expected_principal))
        with LocalStore(store, fresh=fresh) as opened, progress() as bar:
            task = bar.add_task("Reading", total=total_size(files) or None)
            outcome = replay(files, opened, settings, lambda size: bar.advance(task, size))
    except SettingsError as error:
        stop(str(error), code=2)
    except (KeyboardInterrupt, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "interrupted" not in str(error):
            raise
        stop("Interrupted; nothing of this replay was kept.", code=130)
    except (GrantWatchError, OSError) as error:
        stop(error, code=1)
    _report(outcome, format, min_severity, store)
    raise typer.Exit(1 if outcome.faults else 0)


def _report(outcome: Replay, format: FindingFormat, min_severity: Severity | None, store: str) -> None:
    least = min_severity or (Severity.LOW if format is FindingFormat.TABLE else Severity.INFORMATIONAL)
    shown = tables.worst_first(finding for finding in outcome.findings if finding.Severity >= least)
    messages = tables.console_for(sys.stderr)
    match format:
        case FindingFormat.TABLE if shown:
            console = tables.console_for()
            tables.print_findings(shown, console)
            tables.print_containment(shown, console)
        case FindingFormat.JSONL:
            for finding in shown:
                sys.stdout.write(finding.model_dump_json() + "\n")
        case FindingFormat.JSON:
            rows = [finding.model_dump(mode="json") for finding in shown]
            sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()
    tables.print_tally(outcome.tally, outcome.findings, messages)
    hidden = len(outcome.findings) - len(shown)
    if hidden:
        are, them = ("is", "it") if hidden == 1 else ("are", "them")
        messages.print(
            f"{quantity(hidden, 'finding')} below {least} {are} not shown; --min-severity Informational shows {them}."
        )
    for fault in outcome.faults:
        say(fault, "red")
    if outcome.advice:
        say(outcome.advice, "yellow")
    if store != IN_MEMORY and outcome.tally.records:
        option = "" if store == options.DEFAULT_STORE else f" --store {shlex.quote(store)}"
        messages.print("\nTo query further, in KQL as in Log Analytics:")
        current = f"{TABLE} | summarize arg_max(Revision, *) by FindingId | where not(Withdrawn)"
        for question in (
            "summarize Findings = count() by Detector, Severity",
            'where GrantStatus == "Open" and Severity in ("High", "Medium") '
            "| project EventTime, ActorUpn, TargetName, Containment",
        ):
            messages.print(f"  {as_called()} query{option} '{current} | {question}'", soft_wrap=True)


@app.command("query")
def _query(
    kql: Annotated[str, typer.Argument(metavar="KQL", help=f"A query over {TABLE} or {GRANTS}.", show_default=False)],
    store: Annotated[str, typer.Option(metavar="FILE", help="DuckDB file that replay filled.")] = options.DEFAULT_STORE,
    format: Annotated[AnswerFormat, typer.Option(help="How to print the answer.")] = AnswerFormat.TABLE,
) -> None:
    """Ask the local store in KQL, the language of Log Analytics and Sentinel.

    Rows are revisions: the highest one of a finding holds. Columns are described in docs/finding-schema.md.

    Example: python -m grantwatch query 'GrantWatchFindings_CL | take 10'
    """
    try:
        with LocalStore(store, read_only=True) as opened:
            names, rows = opened.query(kql)
    except QueryError as error:
        stop(f"The query cannot be run: {error} The tables are {TABLE} and {GRANTS}.", code=2)
    except GrantWatchError as error:
        stop(str(error), code=1)
    match format:
        case AnswerFormat.TABLE:
            tables.print_rows(names, rows, tables.console_for())
        case AnswerFormat.JSON:
            tables.write_json(names, rows)
        case AnswerFormat.CSV:
            tables.write_csv(names, rows)


app.command("grants")(grants.command)
app.command("send")(send.command)
app.command("consume")(consume.command)
app.command("parked")(parked.command)
# Whatever the shell made of a URL that was not quoted, it is ours to read, and no message repeats it.
app.command("sas", context_settings={"ignore_unknown_options": True})(sas.command)
