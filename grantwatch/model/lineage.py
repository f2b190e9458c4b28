"""Where what one resource holds came from, as a detector sees it."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.paths import Path, paths_to
from grantwatch.model.resource import ResourceId, readability, resource_of
from grantwatch.model.severity import Outcome
from grantwatch.model.traces import MOST_TRACES, Edge, Touch, Trace, is_machine, ordered


@dataclass(frozen=True)
class Lineage:
    """Everything that is known to lead to one resource, its node, and was done to it or on the way.

    The first part of ``key.natural`` is the node's key. ``traces`` are all edges of all paths that lead to the node and
    all touches of their nodes, and maybe others, in any order and never none; ``window`` is the time in which a path
    must come about.
    """

    key: GatheringKey
    traces: tuple[Trace, ...]
    window: timedelta

    def __post_init__(self) -> None:
        object.__setattr__(self, "traces", ordered(self.traces))

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """How copied data came to the node, where it is a machine."""
        return paths_to(self.key.natural[0], self.traces, self.window)

    @property
    def is_crowded(self) -> bool:
        """Whether more may lead to a machine than was kept, and a path may be missing."""
        node = self.key.natural[0]
        kinds = {(trace.end_key == node, trace.kind) for trace in self.traces if trace.holds}
        here = sum(is_here for is_here, _ in kinds)
        return is_machine(node) and max(here, len(kinds) - here) >= MOST_TRACES

    @cached_property
    def decisive(self) -> Trace:
        """What completed the first path; where there is none, the last trace.

        What somebody did goes before what a platform service did on behalf of somebody.
        """
        if not self.paths:
            return self.traces[-1]
        path = min(self.paths, key=lambda each: each.completed)
        edges = sorted(path.edges, key=lambda edge: (edge.actor.kind is not ActorKind.PLATFORM_SERVICE, edge.at))
        return edges[-1]

    @property
    def tenant(self) -> str:
        """The tenant that owns the node, by the latest of its calls that took effect; empty when no record said."""
        here = [trace for trace in self.traces if trace.end_key == self.key.natural[0] and trace.tenant]
        named = [trace.tenant for trace in here if trace.holds] or [trace.tenant for trace in here]
        return (named and named[-1]) or ""

    @property
    def outcome(self) -> Outcome:
        """Only what took effect makes a path."""
        return Outcome.SUCCEEDED

    @property
    def name(self) -> str:
        return self.decisive.operation

    @property
    def correlation_id(self) -> None:
        """Each call has its own."""
        return None

    @property
    def actor(self) -> Actor:
        return self.decisive.actor

    @property
    def region(self) -> str | None:
        regions = (edge.region for edge in self._edges if edge.target_key == self.key.natural[0])
        return min(filter(None, regions), default=None)

    @property
    def salvaged(self) -> bool:
        return any(edge.salvaged for path in self.paths for edge in path.edges)

    @cached_property
    def resource(self) -> ResourceId:
        """The node, spelled as the caller spelled it, where any record kept that."""
        named = {end for edge in self._edges for end in (edge.source, edge.target)}
        named |= {trace.node for trace in self.traces if isinstance(trace, Touch) and trace.holds}
        spelled = {text for text in named if resource_of(text).key == self.key.natural[0]}
        return resource_of(max(spelled, key=readability, default=self.key.natural[0]))

    @property
    def _edges(self) -> tuple[Edge, ...]:
        return tuple(trace for trace in self.traces if isinstance(trace, Edge) and trace.holds)
