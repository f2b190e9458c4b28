"""The figures as tables for people and as JSON for programs."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from tools.bench.cold_start import ColdStart
from tools.bench.measure import Timings
from tools.bench.memory import Memory
from tools.bench.state import SIGNATURES, Cost
from tools.bench.targets import Result, Verdict
from tools.bench.variants import DECODE, HAND_WRITTEN

_WIDTH_WITHOUT_TERMINAL = 120
_COLOURS = {Verdict.GOAL_MET: "green", Verdict.FLOOR_MET: "yellow", Verdict.MISSED: "bold red"}


@dataclass(frozen=True)
class Report:
    """All that one run measured. ``results`` are empty in a smoke run, which judges nothing."""

    repeats: int
    timings: Sequence[Timings]
    memory: Memory
    cold_start: ColdStart
    costs: Sequence[Cost]
    signatures: int
    """Bytes that the counts of 100,000 SAS take."""
    results: Sequence[Result]

    @property
    def passed(self) -> bool:
        return all(result.verdict is not Verdict.MISSED for result in self.results)


def as_json(report: Report) -> bytes:
    """The report, indented."""
    return msgspec.json.format(
        msgspec.json.encode(
            {
                "python": platform.python_version(),
                "repeats": report.repeats,
                "loads": {each.load.family: _load(each) for each in report.timings},
                "memory": {
                    "bytesProcessed": report.memory.bytes_processed,
                    "records": report.memory.records,
                    "idleBytes": report.memory.idle,
                    "peakBytes": report.memory.peak,
                    "growthBytes": report.memory.growth,
                },
                "coldStart": {
                    program: {"seconds": seconds, "ratioToLibrary": report.cold_start.ratio(program)}
                    for program, seconds in report.cold_start.seconds.items()
                },
                "state": [
                    {
                        "load": cost.name,
                        "records": cost.records,
                        "batches": cost.batches,
                        "interesting": cost.interesting,
                        "operations": cost.operations,
                        "roundTrips": cost.round_trips,
                    }
                    for cost in report.costs
                ],
                "signatureBytes": report.signatures,
                "targets": [
                    {
                        "name": result.target.name,
                        "value": result.value,
                        "unit": result.target.unit,
                        "floor": result.target.floor,
                        "goal": result.target.goal,
                        "verdict": result.verdict,
                    }
                    for result in report.results
                ],
                "passed": report.passed,
            }
        )
    )


def _load(timings: Timings) -> dict[str, Any]:
    load = timings.load
    return {
        "records": load.records,
        "bodies": len(load.bodies),
        "bytes": load.size,
        "findings": timings.findings,
        "variants": {
            name: {
                "recordsPerSecond": timings.records_per_second(name),
                "cpuSecondsPerMillionRecords": timings.cpu_seconds_per_million(name),
                "ratioToDecode": timings.ratio(name, to=DECODE),
                "ratioToHandWritten": timings.ratio(name, to=HAND_WRITTEN) if HAND_WRITTEN in timings.seconds else None,
                "cpuSeconds": seconds,
            }
            for name, seconds in timings.seconds.items()
        },
    }


def show(report: Report, console: Console) -> None:
    """Write the report as tables."""
    if not console.is_terminal:
        console.width = _WIDTH_WITHOUT_TERMINAL
    for each in report.timings:
        console.print(_speed_table(each, _style(console)))
    memory = report.memory
    console.print(
        f"Memory: {memory.growth / 1e6:.1f} MB at most above the idle {memory.idle / 1e6:.1f} MB, "
        f"while {memory.bytes_processed / 1e6:,.0f} MB of storage bodies flowed through.\n"
    )
    for program, seconds in report.cold_start.seconds.items():
        ratio = report.cold_start.ratio(program)
        console.print(f"Cold start, {program}: {median(seconds) * 1000:.0f} ms, {ratio:.2f} ×")
    for cost in report.costs:
        console.print(
            f"State, {cost.name}: {cost.of_an_interesting_call:.2f} operations for each interesting call, "
            f"{cost.of_a_thousand_records:.1f} for a thousand records, "
            f"{cost.round_trips / cost.batches:.1f} round trips for each batch."
        )
    console.print(f"Counts of {SIGNATURES:,} SAS: {report.signatures / 1e6:.0f} MB.")
    console.print()
    if report.results:
        console.print(_target_table(report.results, _style(console)))
    console.print("All variants read all records; the two that look for findings found the same ones.")
    if not report.results:
        console.print("A small load shows that, and says nothing about speed or memory.")


def _style(console: Console) -> box.Box:
    return box.ROUNDED if console.is_terminal else box.ASCII


def _speed_table(timings: Timings, style: box.Box) -> Table:
    load = timings.load
    table = Table(
        title=f"{load.family}: {load.records:,} records, {load.size / 1e6:,.0f} MB, {timings.findings:,} findings",
        caption="per second of processor time, one core; ratios are medians over rounds",
        box=style,
    )
    table.add_column("variant")
    for heading in ("records/s", "CPU s per million", "× decode", "× hand-written"):
        table.add_column(heading, justify="right")
    for name in timings.seconds:
        table.add_row(
            name,
            f"{timings.records_per_second(name):,.0f}",
            f"{timings.cpu_seconds_per_million(name):.2f}",
            f"{timings.ratio(name, to=DECODE):.2f}",
            f"{timings.ratio(name, to=HAND_WRITTEN):.2f}" if HAND_WRITTEN in timings.seconds else "",
        )
    return table


def _target_table(results: Sequence[Result], style: box.Box) -> Table:
    table = Table(box=style)
    table.add_column("target")
    for heading in ("measured", "floor", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for result in results:
        target, sign = result.target, "≤" if result.target.is_ceiling else "≥"
        table.add_row(
            target.name,
            f"{result.value:.2f} {target.unit}",
            f"{sign} {target.floor:g}",
            f"{sign} {target.goal:g}",
            result.verdict,
            style=_COLOURS[result.verdict],
        )
    return table
