"""Cases as files: what a detector is shown, raw as Azure sends it, and what is to be found."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

from grantwatch.adapters.in_memory import MemorySink
from grantwatch.local import engine
from grantwatch.model.finding import Finding
from grantwatch.settings import Settings

Record = dict[str, Any]
Expectation = Mapping[str, Any]

CASES = Path(__file__).parent / "cases"
OF_ONE_RUN = {"TimeGenerated", "Revision", "RevisionReason", "RaisedTo"}
"""Columns that differ from run to run; all others are the same whenever the same was read."""


@dataclass(frozen=True)
class Case:
    """One case file. ``expect`` are columns of the findings, all of them, of the detectors that it names."""

    detector: str
    name: str
    sentence: str
    provenance: str
    settings: Settings
    bodies: tuple[tuple[Record, ...], ...]
    expect: tuple[Expectation, ...]

    @property
    def records(self) -> list[Record]:
        """A copy of all records, in order, for a test to change."""
        return deepcopy([record for body in self.bodies for record in body])

    @property
    def detectors(self) -> set[str]:
        return {self.detector, *(expected["Detector"] for expected in self.expect)}


@cache
def cases() -> tuple[Case, ...]:
    """Every case, by detector and name."""
    return tuple(_loaded(path) for path in sorted(CASES.glob("*/*.json")))


def _loaded(path: Path) -> Case:
    content = json.loads(path.read_text())
    detector = path.parent.name
    return Case(
        detector=detector,
        name=path.stem,
        sentence=content["case"],
        provenance=content["provenance"],
        settings=Settings(**content.get("settings", {})),
        bodies=tuple(tuple(body["records"]) for body in content["bodies"]),
        expect=tuple({"Detector": detector, **expected} for expected in content["expect"]),
    )


def case_id(case: Case) -> str:
    return f"{case.detector}/{case.name}"


def encoded(records: Iterable[Record]) -> bytes:
    """One message body."""
    return json.dumps({"records": list(records)}).encode()


def found(bodies: Iterable[bytes], settings: Settings) -> list[Finding]:
    """What is known at the end of an input, its bodies given one after the other."""
    sink = MemorySink()
    running = engine(sink=sink, settings=settings)
    for body in bodies:
        running.process([body])
    running.sweep()
    return sink.current()


def found_in(case: Case) -> list[Finding]:
    """What is known at the end of a case as its file has it."""
    return found(map(encoded, case.bodies), case.settings)


def content(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings without what tells one revision from another, in an order of their own."""
    rows = [finding.model_dump(mode="json", exclude=OF_ONE_RUN) for finding in findings]
    return sorted(without_rolled_up(rows), key=lambda row: str(row["FindingId"]))


def without_rolled_up(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what a finding counts beyond the first hundred: whether that has rows depends on the order."""
    listed = {
        (row["Evidence"]["Detector"], row["ActorId"], row["EventTime"][:13]): row["RelatedFindingIds"]
        for row in rows
        if row["Detector"] == "findings_rolled_up"
    }
    return [
        row
        for row in rows
        if row["Severity"] not in ("Low", "Informational")
        or row["FindingId"] in listed.get((row["Detector"], row["ActorId"], row["EventTime"][:13]), (row["FindingId"],))
    ]


def standing(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a findings table says in the end: its highest revisions, but for those withdrawn and what differs by run."""
    latest = {row["FindingId"]: row for row in sorted(rows, key=itemgetter("Revision"))}
    return {
        row["FindingId"]: {column: row[column] for column in row.keys() - OF_ONE_RUN}
        for row in without_rolled_up([row for row in latest.values() if not row["Withdrawn"]])
    }


def is_met(expected: Sequence[Expectation], findings: Sequence[Finding]) -> bool:
    """Whether each expectation has a finding of its own, and no finding is left over."""
    if not expected:
        return not findings
    return any(
        _fits(expected[0], finding.model_dump()) and is_met(expected[1:], [*findings[:place], *findings[place + 1 :]])
        for place, finding in enumerate(findings)
    )


def shown(expected: Iterable[Expectation], findings: Iterable[Finding]) -> str:
    """Findings by the columns that anything was expected of, beside what was expected."""
    columns = list(dict.fromkeys(column for each in expected for column in each)) or ["Detector", "Severity", "Summary"]
    rows = [{column: finding.model_dump(mode="json")[column] for column in columns} for finding in findings]
    return f"expected {json.dumps([*expected], indent=1)}\nfound {json.dumps(rows, indent=1)}"


def _fits(expected: Any, value: Any) -> bool:
    """Equal, where objects may have more members and times may be spelled in any way."""
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            name in value and _fits(member, value[name]) for name, member in expected.items()
        )
    if isinstance(value, datetime):
        return isinstance(expected, str) and datetime.fromisoformat(expected) == value
    if isinstance(value, tuple | list):
        return isinstance(expected, list) and expected == list(value)
    return bool(expected == value)


def rewritten(value: Any, rewrite: Callable[[str], str]) -> Any:
    """A record with every text in it rewritten, those inside its escaped bodies too."""
    if isinstance(value, dict):
        return {name: rewritten(member, rewrite) for name, member in value.items()}
    if isinstance(value, list):
        return [rewritten(member, rewrite) for member in value]
    if not isinstance(value, str):
        return value
    if value.startswith("{"):
        return json.dumps(rewritten(json.loads(value), rewrite))
    return rewrite(value)
