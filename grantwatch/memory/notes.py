"""What entities contribute to what is gathered elsewhere: steps of findings, and traces of volumes and machines."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from grantwatch.detection.detector import Detector
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.facts import Note
from grantwatch.memory.windows import Windows
from grantwatch.model.course import Step
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.traces import Edge, Trace, is_machine

Notes = dict[EntityKey, dict[str, Note]]
"""By the entity they go to, and their names there."""


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


def traced(traces: Iterable[Trace], key: EntityKey, detector: Detector, known: int) -> Notes:
    """The notes that traces left by a call make: an edge at both of its ends, a touch at its node."""
    notes: Notes = defaultdict(dict)
    for trace in traces:
        name = f"{_edge_and_week(trace)}-{digest(key)}"
        for node in (trace.source_key, trace.target_key) if isinstance(trace, Edge) else (trace.node_key,):
            gathering = GatheringKey(tenant=key.tenant, detector=detector.name, natural=(node,))
            notes[gathering][name] = Note(known=known, trace=trace)
    return notes


def forwarded(key: EntityKey, notes: Mapping[str, Note]) -> Notes:
    """What is gathered at a volume belongs to whatever was made from it as well; ways end at machines."""
    node = key.natural[0] if isinstance(key, GatheringKey) else None
    if node is None or is_machine(node):
        return {}
    traces = [note.trace for note in notes.values()]
    leaving = [trace for trace in traces if isinstance(trace, Edge) and trace.source_key == node]
    targets = {edge.target_key for edge in leaving} - {node}
    return {msgspec.structs.replace(key, natural=(target,)): dict(notes) for target in targets}


def _edge_and_week(trace: Trace) -> str:
    """What traces that tell the same have in common; a week apart, they tell it anew."""
    year, week, _ = trace.at.isocalendar()
    if isinstance(trace, Edge):
        return digest(("edge", trace.source_key, trace.target_key, trace.how, year, week))
    return digest(("touch", trace.node_key, trace.what, year, week))
