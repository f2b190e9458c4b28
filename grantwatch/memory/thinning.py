"""Which of many traces are kept: what is told all day must not crowd out what is told once."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from grantwatch.model.traces import MOST_TRACES, Trace


class Place(StrEnum):
    """Where a trace lies, seen from the resource that it is gathered at."""

    HERE = "Here"
    """It leads to the resource, or was done to it."""
    BEHIND = "Behind"
    """It lies further back on a way to the resource."""
    BEYOND = "Beyond"
    """It leads from the resource to another."""


Placed = tuple[str, Place, Trace]
"""A trace with its name. Names that agree up to their first hyphen tell the same of the same resources."""


def thinned(traces: Iterable[Placed]) -> set[str]:
    """The names of those to keep: in each place at most ``MOST_TRACES``, and first what has an effect.

    Where there are more, those that tell the same go first, from the middle of their time outwards. Whatever came of
    earlier thinnings, the same are kept: further ones of a kind can only push a trace towards the middle. None goes
    before there are too many, for what took its place may turn out to have no effect.
    """
    alike: dict[tuple[Place, bool, str], list[tuple[datetime, str]]] = defaultdict(list)
    for name, place, trace in traces:
        alike[place, not trace.holds, name.partition("-")[0]].append((trace.at, name))
    ranked: dict[Place, list[tuple[bool, int, str, str]]] = defaultdict(list)
    for (place, void, kind), found in alike.items():
        ranked[place] += [
            (void, _depth(number, len(found)), kind, name) for number, (_, name) in enumerate(sorted(found))
        ]
    return {name for placed in ranked.values() for *_, name in sorted(placed)[:MOST_TRACES]}


def _depth(number: int, length: int) -> int:
    """How far from both ends a place in a sequence is: the first, the last, the second, the second to last."""
    return min(2 * number, 2 * (length - 1 - number) + 1)
