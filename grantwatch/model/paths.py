"""The ways on which data came to a machine that was not its own."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from grantwatch.model.resource import resource_of
from grantwatch.model.traces import (
    ATTACHMENTS,
    COPIES,
    Deed,
    Edge,
    Link,
    Touch,
    Trace,
    is_disk,
    is_machine,
    ordered,
)

LATENESS = timedelta(minutes=30)
"""By so much the times of calls that depend on each other may be in the wrong order."""

_EACH_TIME = ATTACHMENTS | {Link.VAULT_RESTORE, Link.CAPTURE}
"""What is done anew by each call that tells of it."""
_Leading = Mapping[str, Sequence[Edge]]
"""Edges by the key of their target, in order of time."""
_EVER = datetime.min.replace(tzinfo=UTC)


class Path(Struct, frozen=True, kw_only=True):
    """How data came from a volume to a machine, and what was done to the resources on the way meanwhile.

    ``edges`` lead from the volume to the machine. ``for_it`` says that the machine was made within the window.
    """

    edges: tuple[Edge, ...]
    touches: tuple[Touch, ...] = ()
    for_it: bool = False

    @property
    def source(self) -> str:
        return self.edges[0].source

    @property
    def began(self) -> datetime:
        return min(edge.at for edge in self.edges)

    @property
    def completed(self) -> datetime:
        return max(edge.at for edge in self.edges)

    @property
    def completing(self) -> Edge:
        """The edge that came last; of simultaneous ones the nearest to the machine."""
        return max(reversed(self.edges), key=lambda edge: edge.at)

    @property
    def nodes(self) -> tuple[str, ...]:
        """From the volume to the machine, as logged."""
        return (self.source, *(edge.target for edge in self.edges))

    @property
    def groups(self) -> frozenset[str]:
        """Keys of the resource groups that the machine and the copies on the way lie in, and go with."""
        lying_in = (resource_of(node).group for node in self.nodes[1:])
        return frozenset(group.key for group in lying_in if group)


def paths_to(machine: str, traces: Iterable[Trace], window: timedelta) -> tuple[Path, ...]:
    """For each volume on which copied data reached a machine, and each copy behind it, the earliest way that it took.

    ``machine`` is a key. Nothing is a copy of what was the machine's own: a machine that gets back what was copied
    from it, or from a disk that it has or had, is no path's end. The order and the number of times in which traces come
    do not matter.
    """
    if not is_machine(machine):
        return ()
    known = ordered(traces)
    leading = _leading(known)
    found: dict[tuple[str, datetime], Path] = {}
    for last in leading.get(machine, ()):
        edges = _way(last, leading, window)
        copied = last.source_key, (edges[-2:] or (last,))[0].at
        if edges and copied not in found:
            found[copied] = _described(edges, known, window)
    return tuple(found.values())


def _leading(traces: Sequence[Trace]) -> dict[str, list[Edge]]:
    """What holds, by target. A resource is copied once in its life; later calls repeat where it came from.

    A machine that is written again copies again what has become another volume meanwhile.
    """
    gone: dict[str, list[datetime]] = {}
    for trace in traces:
        if isinstance(trace, Touch) and trace.what is Deed.DELETED and trace.holds:
            gone.setdefault(trace.node_key, []).append(trace.at)
    leading: dict[str, list[Edge]] = {}
    before: dict[tuple[str, str, Link], datetime] = {}
    edges = [each for each in traces if isinstance(each, Edge) and each.holds and each.how is not Link.NETWORK]
    for edge in sorted(edges, key=lambda each: is_machine(each.target_key)):
        said = edge.source_key, edge.target_key, edge.how
        if said not in before or edge.how in _EACH_TIME or _is_renewed(edge, before[said], leading, gone):
            before[said] = edge.at
            leading.setdefault(edge.target_key, []).append(edge)
    return leading


def _is_renewed(edge: Edge, before: datetime, leading: _Leading, gone: Mapping[str, Sequence[datetime]]) -> bool:
    """Whether a copy that was told before is another now: one of its ends is."""
    if any(before <= each <= edge.at for each in gone.get(edge.target_key, ())):
        return True
    since = [*gone.get(edge.source_key, ()), *(each.at for each in leading.get(edge.source_key, ()))]
    return is_machine(edge.target_key) and any(before < each <= edge.at + LATENESS for each in since)


def _way(last: Edge, leading: _Leading, window: timedelta) -> tuple[Edge, ...]:
    """The longest way that ends with an edge, copies within the window before it and is not its machine's own."""
    machine = last.target_key
    owned = {edge.source_key for edge in leading[machine] if edge.how in ATTACHMENTS} | {machine}
    after = _behind((last,), leading, since=last.at - window)
    starts = [edge for edge in after if _is_source(edge, after, leading)] or list(after)
    ways = [_from(first, after) for first in starts if first.source_key not in owned]
    copying = (way for way in ways if any(edge.how in COPIES for edge in way))
    return max((way for way in copying if not _origins(way, leading) <= owned), key=len, default=())


def _behind(
    starts: Iterable[Edge], leading: _Leading, since: datetime, *, to_disk: bool = False
) -> dict[Edge, Edge | None]:
    """Every edge that leads to these in time, nearest first, with the next one on the way.

    Nothing leads through a machine: what it holds is its own. ``to_disk`` stops at disks, too.
    """
    after: dict[Edge, Edge | None] = dict.fromkeys(starts)
    waiting = deque(after)
    while waiting:
        edge = waiting.popleft()
        node = edge.source_key
        for before in () if is_machine(node) or (to_disk and is_disk(node)) else leading.get(node, ()):
            if before not in after and since <= before.at <= edge.at + LATENESS:
                after[before] = edge
                waiting.append(before)
    return after


def _is_source(edge: Edge, reached: Mapping[Edge, Edge | None], leading: _Leading) -> bool:
    """Whether an edge begins at a disk that it copies, or where nothing else leads to."""
    node = edge.source_key
    if is_machine(node) or (is_disk(node) and edge.how in COPIES):
        return True
    return not any(before in reached for before in leading.get(node, ()))


def _from(first: Edge, after: Mapping[Edge, Edge | None]) -> tuple[Edge, ...]:
    way = [first]
    while (following := after[way[-1]]) is not None:
        way.append(following)
    return tuple(way)


def _origins(way: Sequence[Edge], leading: _Leading) -> set[str]:
    """The volumes that the first copy on a way can have been made from, or the machines that had them.

    Looked for at any time before, because the copy may be a nightly snapshot, whose own making is long ago.
    """
    first = way[0]
    until = way[1].at + LATENESS if len(way) > 1 else first.at
    beside = [first] if len(way) == 1 else [edge for edge in leading[first.target_key] if edge.at <= until]
    reached = _behind(beside, leading, _EVER, to_disk=True)
    return {edge.source_key for edge in reached if _ends(edge, reached, leading) and not _is_part(edge, leading)}


def _is_part(edge: Edge, leading: _Leading) -> bool:
    """Whether the call that copied a disk copied a machine, too, which then had the disk."""
    with_it = [
        each.source_key
        for each in leading.get(edge.target_key, ())
        if (each.at, each.operation, each.actor) == (edge.at, edge.operation, edge.actor)
    ]
    behind = [before.source_key for node in with_it for before in leading.get(node, ()) if not is_disk(node)]
    return is_disk(edge.source_key) and any(is_machine(node) for node in (*with_it, *behind))


def _ends(edge: Edge, reached: Mapping[Edge, Edge | None], leading: _Leading) -> bool:
    node = edge.source_key
    return is_disk(node) or is_machine(node) or not any(before in reached for before in leading.get(node, ()))


def _described(edges: tuple[Edge, ...], traces: Sequence[Trace], window: timedelta) -> Path:
    """A path with what happened around it, from half an hour before it began to a window after it was completed."""
    path = Path(edges=edges)
    earliest, latest = path.began - LATENESS, path.completed + window
    near = [trace for trace in traces if trace.holds and earliest <= trace.at <= latest]
    machine = edges[-1].target_key
    nodes = {edge.source_key for edge in edges} | {edge.target_key for edge in edges} | path.groups
    nodes |= _network(machine, traces)
    return Path(
        edges=edges,
        touches=tuple(
            trace
            for trace in near
            if isinstance(trace, Touch) and trace.node_key in nodes and not _is_repeated(trace, traces)
        ),
        for_it=any(isinstance(trace, Edge) and trace.created and trace.target_key == machine for trace in near),
    )


def _is_repeated(touch: Touch, traces: Sequence[Trace]) -> bool:
    """Whether a network was open before: each write of an interface or machine repeats its addresses."""
    if touch.what is not Deed.NETWORK_OPENED:
        return False
    opened = (each for each in traces if isinstance(each, Touch) and each.what is touch.what and each.holds)
    return any(each.node_key == touch.node_key and each.at < touch.at for each in opened)


def _network(machine: str, traces: Sequence[Trace]) -> set[str]:
    """The network interfaces of a machine and the groups of rules that they are under."""
    links = [trace for trace in traces if isinstance(trace, Edge) and trace.holds and trace.how is Link.NETWORK]
    interfaces = {link.source_key for link in links if link.target_key == machine}
    return interfaces | {link.source_key for link in links if link.target_key in interfaces}
