"""What entities contribute to what is gathered elsewhere: steps of findings, and traces of volumes and machines."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from grantwatch.detection.detector import Detector
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.facts import Note
from grantwatch.memory.thinning import Place
from grantwatch.memory.windows import Windows
from grantwatch.model.actor import Actor
from grantwatch.model.course import Step
from grantwatch.model.gathering import EVERY_TENANT, GatheringKey
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import OperationKey
from grantwatch.model.paths import LATENESS
from grantwatch.model.traces import Edge, Link, Touch, Trace, is_machine

Notes = dict[EntityKey, dict[str, Note]]
"""By the entity they go to, and their names there."""

_EVER = datetime(9000, 1, 1, tzinfo=UTC)
_LATENESS_OF_A_WAY = 48 * LATENESS
"""Each step of a way may be late against the next."""


def courses_of(step: Step, tenant: str, detectors: Iterable[Detector], windows: Windows) -> Iterator[GatheringKey]:
    """The gatherings that a step belongs to."""
    for detector in detectors:
        if detector.name == step.detector or detector.subjects is None or detector.window is None:
            continue
        for subject in detector.subjects(step):
            for natural in windows.keys(subject, detector.window, step.at):
                yield GatheringKey(tenant=tenant, detector=detector.name, natural=natural)


def note_of(step: Step, course: Detector, windows: Windows, known: int) -> Note:
    """The note of a step in a course."""
    window = windows.length(course.window) if course.window else None
    return Note(known=known, alike=digest(step.likeness(window)) if window else None, step=step)


def named(left: Iterable[Iterable[Trace]], key: OperationKey) -> dict[str, Trace]:
    """The traces that calls left, by names that tell apart calls that share a key."""
    return {
        f"{digest(trace.kind)}-{digest(key)}-{number}": trace for number, traces in enumerate(left) for trace in traces
    }


def told(before: Mapping[str, Trace], now: Mapping[str, Trace]) -> dict[str, Trace]:
    """What a call has told of and what it tells now; what it tells no more has no effect."""
    gone = {name: msgspec.structs.replace(trace, holds=False) for name, trace in before.items() if name not in now}
    return {**gone, **now}


def traced(traces: Mapping[str, Trace], detector: Detector, known: int) -> Notes:
    """The notes that traces left by calls make, by their names: an edge at both of its ends, a touch at its node."""
    notes: Notes = defaultdict(dict)
    for name, trace in traces.items():
        ends = (trace.source_key, trace.target_key) if isinstance(trace, Edge) else (trace.node_key,)
        for node in ends:
            place = Place.HERE if node == ends[-1] else Place.BEYOND
            gathering = GatheringKey(tenant=EVERY_TENANT, detector=detector.name, natural=(node,))
            notes[gathering][name] = Note(known=known, trace=trace, place=place)
    return notes


def forwarded(key: EntityKey, notes: Mapping[str, Note], news: Mapping[str, Note], window: timedelta) -> Notes:
    """What of all that is gathered at a volume others need who came from it; ways end at machines.

    Whoever is told just now to have come from it needs all that led to it, the others what is new of that, and nobody
    what is too late to matter: however many came from one volume, a call is told to few of them.
    """
    node = key.natural[0] if isinstance(key, GatheringKey) else None
    if node is None or is_machine(node):
        return {}
    found = {**news, **notes}
    behind = _behind(node, found)
    latest: dict[str, datetime] = {}
    for edge in _leaving(node, found):
        at = _EVER if edge.how is Link.NETWORK else edge.at  # an interface stays with its machine
        latest[edge.target_key] = max(at, latest.get(edge.target_key, at))
    fresh = {edge.target_key for edge in _leaving(node, news)}
    passed: Notes = {}
    for target, at in latest.items():
        names = behind.keys() if target in fresh else behind.keys() & news.keys()
        needed = {name: behind[name] for name in names if _concerns(behind[name].trace, target, at, window)}
        if needed:
            passed[msgspec.structs.replace(key, natural=(target,))] = needed
    return passed


def followed(lineage: Lineage) -> Notes:
    """What a machine that copied data came to leaves at the groups with which it or a copy would go.

    It stays there: should the way turn out to be none, what the machine then hears of a group is nothing to it.
    """
    machine = lineage.key.natural[0]
    notes: Notes = defaultdict(dict)
    for group in sorted(set().union(*(path.groups for path in lineage.paths))):
        edge = Edge(source=group, target=machine, how=Link.GROUP, at=_EVER, actor=Actor(), operation="")
        gathering = msgspec.structs.replace(lineage.key, natural=(group,))
        notes[gathering][f"{digest(edge.kind)}-"] = Note(trace=edge, place=Place.BEYOND)
    return notes


def _leaving(node: str, notes: Mapping[str, Note]) -> Iterator[Edge]:
    for note in notes.values():
        if isinstance(note.trace, Edge) and note.trace.source_key == node != note.trace.target_key:
            yield note.trace


def _behind(node: str, notes: Mapping[str, Note]) -> dict[str, Note]:
    """Every edge on a way to a node, and what was done to the node and those on the way."""
    leading: dict[str, list[str]] = defaultdict(list)
    for note in notes.values():
        if isinstance(note.trace, Edge):
            leading[note.trace.target_key].append(note.trace.source_key)
    reached, waiting = {node}, [node]
    while waiting:
        found = {each for each in leading.get(waiting.pop(), ()) if each not in reached}
        reached |= found
        waiting += found
    return {
        name: msgspec.structs.replace(note, place=Place.BEHIND)
        for name, note in notes.items()
        if note.trace is not None and note.trace.end_key in reached
    }


def _concerns(trace: Trace | None, node: str, at: datetime, window: timedelta) -> bool:
    """Whether something on the way matters to a node that came from there at that time; deeds do for a while after."""
    if trace is None or trace.end_key == node or (isinstance(trace, Edge) and trace.source_key == node):
        return False
    return trace.at <= at + _LATENESS_OF_A_WAY + (2 * window if isinstance(trace, Touch) else timedelta())
