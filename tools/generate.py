"""Documentation made from the code: four pages in ``docs/``, and a table in each of two READMEs.

``python -m tools.generate`` writes the files; with ``--check`` it writes nothing and fails when one of them is stale.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from detectors.catalogue import CATALOGUE
from grantwatch.detection.detector import Detector
from grantwatch.model.attack import Technique
from grantwatch.model.course import Course, Window
from grantwatch.model.finding import TABLE, Finding
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation
from grantwatch.model.schema import Column, columns_of
from grantwatch.model.severity import Outcome, severity_of
from grantwatch.model.storage_access import StorageAccess
from grantwatch.model.volume import Volume
from tools.grant_reference import grant_reference
from tools.markdown import NOTICE, described, joined, listed, row, table
from tools.service_reference import service_reference
from tools.story_reference import story_reference

ROOT = Path(__file__).parents[1]
END_OF_GENERATED = "<!-- end of what is generated -->"

# Each group of the findings table by its first column; the groups follow the order of the class.
GROUPS = (
    ("Identity", "TimeGenerated", "Which finding this is, which revision of it, and how bad it is."),
    ("Actor", "ActorId", "Who did it, as far as the record itself tells."),
    ("Target", "TargetResourceId", "What access was opened to."),
    ("Recipient", "RecipientKind", "Who can now reach it."),
    ("Grant", "GrantId", "The access that was handed out; null where none was."),
    ("Evidence", "Operation", "What the finding rests on, and what to do next."),
)


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description="Generate documentation from code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    if parser.parse_args(arguments).check:
        stale = [name for name, content in files() if not _is_current(ROOT / name, content)]
        for name in stale:
            sys.stderr.write(f"{name} is not what the code says; run `make format` and commit it.\n")
        return 1 if stale else 0
    for name, content in files():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return 0


def files() -> Iterator[tuple[str, str]]:
    """The name of each generated file, from the root, and what it holds."""
    yield "docs/detections.md", joined(detections(CATALOGUE))
    yield "docs/finding-schema.md", joined(finding_schema(columns_of(Finding)))
    yield "docs/grants.md", joined(grant_reference())
    yield "docs/service-reference.md", joined(service_reference())
    for name, rows in (("README.md", overview(CATALOGUE)), ("samples/stories/README.md", story_reference())):
        yield name, _with_table(name, rows)


def detections(catalogue: Iterable[Detector]) -> Iterator[str]:
    """The page of all detectors: an index, then a section each, whose anchor is the detector's name."""
    catalogue = tuple(catalogue)
    yield NOTICE
    yield "# Detections"
    yield (
        "A detector has the severity stated here unless its text says otherwise of some matches. A call or request "
        "that failed is two severities lower and never above Low; a call that was only seen to start is "
        "Informational. Names of operations and authentication types are matched without regard to case."
    )
    yield table(("Detector", "Finding", "Severity", "Log", "Analytics", "Techniques"), map(_entry, catalogue))
    for detector in catalogue:
        yield from _section(detector)


def overview(catalogue: Iterable[Detector]) -> str:
    """The table in the README: each detector with its own first sentence."""
    rows = (
        row(
            f"[{each.name}](docs/detections.md#{each.name})",
            each.description.splitlines()[0],
            each.metadata.severity,
        )
        for each in catalogue
    )
    return table(("Detector", "What it says", "Severity"), rows)


def _with_table(name: str, rows: str) -> str:
    """That file with what stands between its two marks replaced."""
    before, begin, rest = (ROOT / name).read_text(encoding="utf-8").partition(NOTICE)
    _, end, after = rest.partition(END_OF_GENERATED)
    if not end:
        raise SystemExit(f"{name} has lost its marks {NOTICE} and {END_OF_GENERATED}.")
    return f"{before}{begin}\n\n{rows}\n\n{end}{after}"


def _entry(detector: Detector) -> str:
    metadata = detector.metadata
    return row(
        f"[{detector.name}](#{detector.name})",
        metadata.title,
        metadata.severity,
        _log(detector),
        ", ".join(metadata.analytics),
        ", ".join(technique.id for technique in metadata.techniques),
    )


def _section(detector: Detector) -> Iterator[str]:
    metadata = detector.metadata
    yield f"## {detector.name}"
    yield f"**{metadata.title}** · {detector.id} · {_log(detector)} · {', '.join(metadata.analytics)}"
    yield detector.description
    yield _severities(detector)
    yield from _selection(detector)
    yield listed("ATT&CK:", map(_technique, metadata.techniques))
    yield listed("Ordinary reasons:", metadata.false_positives)
    yield "What to do:\n\n" + "\n".join(f"{place}. {step}" for place, step in enumerate(metadata.triage, 1))
    yield listed("References:", (f"<{address}>" for address in metadata.references))


def _severities(detector: Detector) -> str:
    severity = detector.metadata.severity
    if detector.on is not Operation:
        return f"Severity: {severity}."
    failed, attempted = (severity_of(severity, outcome) for outcome in (Outcome.FAILED, Outcome.ATTEMPTED))
    if failed is attempted:
        return f"Severity: {severity}; {failed} when the call failed or was only attempted."
    return f"Severity: {severity}; {failed} when the call failed, {attempted} when it was only attempted."


def _selection(detector: Detector) -> Iterator[str]:
    """Which records reach the detector, as its declaration says."""
    if detector.window:
        yield f"Made of other findings, {_WINDOWS[detector.window]}."
        return
    if detector.authentications:
        named = " or ".join(f"`{each}`" for each in sorted(detector.authentications))
        if not detector.operations:
            yield f"Every operation with authentication type {named}."
        else:
            yield listed(f"Operations with authentication type {named}:", _code(detector.operations))
    else:
        yield listed("Operations:", _code(detector.operations))
    if detector.authorized_for:
        yield f"Also requests of unusual operations whose authorization names `{detector.authorized_for}`."
    if detector.also:
        yield listed("Also, with any authentication:", _code(detector.also))


_WINDOWS: Mapping[Window, str] = {
    Window.TRANSFER: "at most `TransferTimeWindow` apart",
    Window.CAMPAIGN: "at most `CampaignWindow` apart",
    Window.HOUR: "at most an hour apart",
    Window.CLOCK_HOUR: "within an hour by the clock",
    Window.ALWAYS: "however far apart",
}


def _technique(technique: Technique) -> str:
    address = f"https://attack.mitre.org/techniques/{technique.id.replace('.', '/')}/"
    return f"[{technique.id}]({address}) {technique.title} ({technique.tactic})"


_LOGS: Mapping[type, str] = {
    Operation: "Activity log",
    Lineage: "Activity log",
    StorageAccess: "Storage log",
    Volume: "Storage log",
    Course: "Findings",
}


def _log(detector: Detector) -> str:
    return _LOGS[detector.on]


def finding_schema(columns: tuple[Column, ...]) -> Iterator[str]:
    """The page of the findings table, its columns by group."""
    yield NOTICE
    yield f"# {TABLE}"
    yield (
        "One row is one revision of one finding. The highest `Revision` of a `FindingId` holds, unless it is "
        "`Withdrawn`. Types are those of Log Analytics. Columns keep their names and types; new ones are added."
    )
    names = [column.name for column in columns]
    starts = [names.index(first) for _, first, _ in GROUPS]
    for (title, _, sentence), start, end in zip(GROUPS, starts, [*starts[1:], len(columns)], strict=True):
        yield f"## {title}"
        yield sentence
        yield table(("Column", "Type", "Nullable", "Description"), map(described, columns[start:end]))


def _code(names: Iterable[str]) -> Iterator[str]:
    return (f"`{name}`" for name in names)


def _is_current(path: Path, content: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == content


if __name__ == "__main__":
    sys.exit(main())
