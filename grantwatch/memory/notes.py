"""What entities contribute to what is gathered elsewhere: steps of findings, and traces of volumes and machines."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from grantwatch.detection.detector import Detector
from grantwatch.memory.digests import digest
from grantwatch.memory.entities import EntityKey
from grantwatch.memory.facts import Fact, Note
from grantwatch.memory.windows import Windows
from grantwatch.model.actor import Actor
from grantwatch.model.course import Step
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import Phase
from grantwatch.model.traces import Edge, Touch, Trace, is_machine

Notes = dict[EntityKey, dict[str, Note]]
"""By the entity they go to, and their names there."""

Occasion = tuple[datetime, Actor | None]


def courses_of(step: Step, tenant: str, detectors: Iterable[Detector], windows: Windows) -> Iterator[GatheringKey]:
    """The gatherings that a step belongs to."""
    for detector in detectors:
        if detector.name == step.detector or detector.subjects is None or detector.window is None:
            continue
        for subject in detector.subjects(step):
            for natural in windows.keys(subject, detector.window, step.at):
                yield GatheringKey(tenant=tenant, detector=detector.name, natural=natural)


def occasions(facts: Iterable[Fact], windows: Windows) -> tuple[Occasion, ...]:
    """When, and by whom, something of an entity was done: once for each actor and all windows that it falls into."""
    found: dict[tuple[tuple[datetime, ...], Actor | None], Occasion] = {}
    for fact in facts:
        actor = _actor_of(fact)
        found.setdefault((windows.around(fact.time), actor), (fact.time, actor))
    return tuple(found.values())


def formerly(step: Step, known: Iterable[Occasion]) -> Iterator[Step]:
    """The step as it may have been when less was known: at the time, and by the actor, of another fact."""
    for at, actor in known:
        yield msgspec.structs.replace(step, at=at)
        if actor is not None and actor != step.actor:
            yield msgspec.structs.replace(step, at=at, actor=actor)


def _actor_of(fact: Fact) -> Actor | None:
    told = (fact.step or fact.trace) if isinstance(fact, Note) else fact
    return told.actor if isinstance(told, Phase | Step | Edge | Touch) else None


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
