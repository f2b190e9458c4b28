"""How findings and answers look on a terminal, and in files."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grantwatch.model.finding import Finding
from grantwatch.model.grant import GrantStatus
from grantwatch.model.quantity import quantity
from grantwatch.model.severity import Outcome, Severity
from grantwatch.tally import Tally

_STYLES = {Severity.HIGH: "bold red", Severity.MEDIUM: "yellow", Severity.LOW: "cyan", Severity.INFORMATIONAL: "dim"}
_WIDTH_OF_A_FILE = 220
_WIDE = 140
_MOST_COLUMNS = 10
_WORDS = re.compile(r"(?<!^)[A-Z]")


def console_for(stream: Any = None) -> Console:
    """A console that is as wide as its terminal, or wide enough to lose nothing where there is none."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_A_FILE
    return Console(file=stream, width=width, highlight=False, markup=False, soft_wrap=False)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity, then in order of time."""
    return sorted(findings, key=lambda each: (-each.Severity.rank, each.EventTime, each.Detector, each.FindingId))


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Who did what to which resource, for whom, and whether it is still open. Narrow terminals get fewer columns."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("Severity", no_wrap=True)
    table.add_column("Time (UTC)", no_wrap=True)
    wide = console.width >= _WIDE
    for heading in (
        "Finding",
        "Actor",
        *(("From",) if wide else ()),
        "Target",
        *(("Recipient",) if wide else ()),
        "Grant",
    ):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        cells = [
            finding.FindingTitle + ("" if finding.Outcome == "Succeeded" else f" ({finding.Outcome.lower()})"),
            finding.ActorUpn or finding.ActorName or finding.ActorId or "unknown",
            *((finding.ActorIpAddress or "—",) if wide else ()),
            finding.TargetName,
            *((_recipient(finding),) if wide else ()),
            _grant(finding),
        ]
        table.add_row(
            Text(finding.Severity, _STYLES[finding.Severity]),
            _moment(finding.EventTime),
            *(Text(cell) for cell in cells),
        )
    console.print(table)


def print_containment(findings: Sequence[Finding], console: Console) -> None:
    """The commands that undo what is not undone yet, each once, under all the findings that it ends, worst first."""
    standing = [each for each in findings if each.Containment and each.GrantStatus is not GrantStatus.REVOKED]
    commands: dict[str, list[Finding]] = {}
    for finding in standing:
        if finding.Severity >= Severity.MEDIUM and finding.Outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
            commands.setdefault(finding.Containment or "", []).append(finding)
    if commands:
        console.print("\nTo close what is open (Medium and worse):", style="bold")
    for command, ended in commands.items():
        names = dict.fromkeys(f"{finding.FindingTitle}: {finding.TargetName}" for finding in ended)
        console.print(Text(f"  # {'; '.join(names)}", "dim"), soft_wrap=True)
        console.print(Text(f"  {command}"), soft_wrap=True)
    lesser = sum(each.Severity is Severity.LOW and each.GrantStatus is GrantStatus.OPEN for each in standing)
    if lesser:
        are = "is" if lesser == 1 else "are"
        console.print(
            f"\n{quantity(lesser, 'grant')} of Low findings {are} open too; --format json has the command for each."
        )


def print_tally(tally: Tally, findings: Sequence[Finding], console: Console) -> None:
    """The books: what became of every record."""
    console.print(
        f"\n{quantity(tally.records, 'record')}: {tally.ignored:,} ignored, {tally.selected:,} looked into, "
        f"{tally.rejected:,} unreadable."
    )
    counts = ", ".join(
        f"{sum(each.Severity is severity for each in findings)} {severity}" for severity in reversed(Severity)
    )
    console.print(f"{quantity(len(findings), 'finding')}: {counts}.")


def print_rows(names: Sequence[str], rows: Iterable[Sequence[Any]], console: Console) -> None:
    """The answer to a query: a table, or one row below the other where they are too wide for one."""
    if len(names) > _MOST_COLUMNS:
        for number, row in enumerate(rows, 1):
            console.print(Text(f"— row {number}", "bold"))
            for name, value in zip(names, row, strict=True):
                if value is not None:
                    console.print(Text(f"  {name}: {_plain(value)}"), soft_wrap=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(_plain(value))) for value in row))
    console.print(table)


def print_answer(answer: Mapping[str, Any], console: Console) -> None:
    """Named values, one below the other; what has several lines or entries stands indented under its name."""
    for name, value in answer.items():
        label = _WORDS.sub(lambda found: f" {found[0].lower()}", name)
        lines = value.splitlines() if isinstance(value, str) else [str(each) for each in value]
        if len(lines) == 1:
            console.print(Text.assemble((f"{label}: ", "bold"), lines[0]), soft_wrap=True)
            continue
        console.print(Text(f"{label}:", "bold"))
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)


def write_json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The answer to a query as one JSON array of objects."""
    answer = [dict(zip(names, (_plain(value) for value in row), strict=True)) for row in rows]
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2, default=str) + "\n")


def write_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The answer to a query as CSV with a header."""
    writer = csv.writer(sys.stdout)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, tuple) else _plain(value)


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) and value.tzinfo else value


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _recipient(finding: Finding) -> str:
    if finding.GrantStatus is None:
        return "—"
    named = finding.RecipientName or finding.RecipientId
    return f"{finding.RecipientKind}: {named}" if named else str(finding.RecipientKind)


def _grant(finding: Finding) -> str:
    match finding.GrantStatus:
        case GrantStatus.OPEN if finding.GrantExpiresAt:
            return f"open until {_moment(finding.GrantExpiresAt)}"
        case GrantStatus.OPEN:
            return "open until revoked"
        case GrantStatus.REVOKED if finding.GrantClosedAt:
            return f"revoked {_moment(finding.GrantClosedAt)}"
        case _:
            return "—"
