"""AN1187: laws of the paths to a machine, whatever traces there are, and in whatever order."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.model.actor import Actor
from grantwatch.model.paths import LATENESS, Path, paths_to
from grantwatch.model.resource import folded_id, resource_of
from grantwatch.model.traces import ATTACHMENTS, COPIES, Deed, Edge, Link, Touch, Trace, is_machine
from tests.machines import COPY, MACHINE, SOURCE, WINDOW, compute
from tests.strategies import stable
from tests.world import NOON


def edge(source: str, target: str, how: Link, at: datetime, **more: Any) -> Edge:
    actor = Actor(id="00000000-0000-4000-8000-000000000001", upn="ada@owner.example")
    return Edge(source=source, target=target, how=how, at=at, actor=actor, operation="x", **more)


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("copied", "found"),
    [
        (-WINDOW - MINUTE, False),
        (-WINDOW, True),
        (timedelta(), True),
        (LATENESS, True),
        (LATENESS + MINUTE, False),
    ],
)
def test_a_copy_counts_from_a_window_before_to_half_an_hour_after_it_is_mounted(copied: timedelta, found: bool) -> None:
    traces = [edge(SOURCE, COPY, Link.DISK_COPY, NOON + copied), edge(COPY, MACHINE, Link.ATTACH, NOON)]
    assert bool(paths_to(folded_id(MACHINE), traces, WINDOW)) is found


def test_many_edges_in_cycles_are_walked_in_the_end() -> None:
    nodes = [compute("disks", f"d{number}") for number in range(16)]
    traces = [
        edge(source, target, Link.DISK_COPY, NOON) for source in nodes for target in nodes if source != target
    ] + [edge(each, MACHINE, Link.ATTACH, NOON) for each in nodes]
    assert len(traces) == 256
    # Each disk is the machine's own by then.
    assert not paths_to(folded_id(MACHINE), traces, WINDOW)
    traces = [each for each in traces if each.target != MACHINE or each.source == nodes[0]]
    (path,) = paths_to(folded_id(MACHINE), traces, WINDOW)
    assert path.nodes[-2:] == (nodes[0], MACHINE)


_NODES = tuple(
    compute(kind, name)
    for kind, name in (
        ("disks", "a"),
        ("disks", "b"),
        ("disks", "c"),
        ("snapshots", "s"),
        ("snapshots", "t"),
        ("images", "i"),
        ("virtualMachines", "m"),
        ("virtualMachines", "n"),
    )
)
_moments = st.integers(0, 12).map(lambda number: NOON + number * timedelta(hours=7) + number * MINUTE)
_edges = st.builds(
    edge,
    st.sampled_from(_NODES),
    st.sampled_from(_NODES),
    st.sampled_from(list(Link)),
    _moments,
    holds=st.sampled_from((True, True, True, False)),
    created=st.booleans(),
)
_touches = st.builds(
    Touch,
    node=st.sampled_from(_NODES),
    what=st.sampled_from(list(Deed)),
    at=_moments,
    actor=st.just(Actor(id="someone")),
    operation=st.just("y"),
)
_traces = st.lists(_edges | _touches, max_size=24)
_machine = folded_id(_NODES[-1])


@given(_traces, st.randoms(use_true_random=False), st.data())
@stable(300)
def test_order_and_number_of_traces_do_not_matter(traces: list[Trace], random: Random, data: st.DataObject) -> None:
    again = [*traces, *(data.draw(st.lists(st.sampled_from(traces), max_size=6)) if traces else [])]
    random.shuffle(again)
    assert paths_to(_machine, again, WINDOW) == paths_to(_machine, traces, WINDOW)


@given(_traces)
@stable(300)
def test_a_path_leads_copied_data_from_elsewhere_to_the_machine_in_time(traces: list[Trace]) -> None:
    for path in paths_to(_machine, traces, WINDOW):
        assert is_path(path, traces)


def is_path(path: Path, traces: list[Trace]) -> bool:
    last = path.edges[-1]
    attached_ever = {
        each.source_key
        for each in traces
        if isinstance(each, Edge) and each.holds and each.how in ATTACHMENTS and each.target_key == _machine
    }
    return (
        last.target_key == _machine
        and all(each.holds and each in traces for each in path.edges)
        and all(before.target_key == after.source_key for before, after in pairwise(path.edges))
        and all(before.at <= after.at + LATENESS for before, after in pairwise(path.edges))
        and all(each.at >= last.at - WINDOW for each in path.edges)
        and any(each.how in COPIES for each in path.edges)
        and resource_of(path.source).key not in {*attached_ever, _machine}
        and max(Counter(path.edges).values()) == 1
        and not any(is_machine(each.source_key) for each in path.edges[1:])
    )


@given(_traces)
@stable(200)
def test_the_case_of_ids_does_not_matter(traces: list[Trace]) -> None:
    def folded(paths: tuple[Path, ...]) -> set[tuple[str, ...]]:
        return {tuple(map(folded_id, path.nodes)) for path in paths}

    shouted = [
        edge(each.source.upper(), each.target, each.how, each.at, holds=each.holds, created=each.created)
        if isinstance(each, Edge)
        else each
        for each in traces
    ]
    assert {nodes[-2:] for nodes in folded(paths_to(_machine, shouted, WINDOW))} == {
        nodes[-2:] for nodes in folded(paths_to(_machine, traces, WINDOW))
    }


@given(_traces, _edges | _touches)
@stable(200)
def test_what_happens_after_a_window_changes_no_path(traces: list[Trace], later: Trace) -> None:
    """But for a disk that is attached, which may be seen to have been the machine's own."""
    if isinstance(later, Edge) and later.how in ATTACHMENTS:
        return
    shifted = type(later)(
        **{name: getattr(later, name) for name in later.__struct_fields__} | {"at": later.at + 10 * WINDOW}
    )
    before = paths_to(_machine, traces, WINDOW)
    assert paths_to(_machine, [*traces, shifted], WINDOW)[: len(before)] == before
