"""What the engine must reach, and what it aims at."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median

from tools.bench.cold_start import FIRST_MATCH, WITH_CLIENTS, ColdStart
from tools.bench.measure import Timings
from tools.bench.memory import Memory
from tools.bench.state import Cost
from tools.bench.variants import DECODE, ENGINE, HAND_WRITTEN
from tools.bench.workload import Family


class Verdict(StrEnum):
    """How a figure stands to its floor and goal."""

    GOAL_MET = "goal met"
    FLOOR_MET = "floor met"
    MISSED = "MISSED"


@dataclass(frozen=True)
class Target:
    """A floor that fails the benchmark when it is missed, and a goal that is merely named."""

    name: str
    floor: float
    goal: float
    unit: str
    is_ceiling: bool = False

    def verdict(self, value: float) -> Verdict:
        sign = -1 if self.is_ceiling else 1
        if sign * value >= sign * self.goal:
            return Verdict.GOAL_MET
        return Verdict.FLOOR_MET if sign * value >= sign * self.floor else Verdict.MISSED


@dataclass(frozen=True)
class Result:
    """A measured figure beside its target."""

    target: Target
    value: float

    @property
    def verdict(self) -> Verdict:
        return self.target.verdict(self.value)


_RATIOS = {
    (Family.STORAGE, DECODE): Target("storage, engine to decode", 0.9, 1.2, "×"),
    (Family.STORAGE, HAND_WRITTEN): Target("storage, engine to hand-written", 4.5, 6.0, "×"),
    (Family.ACTIVITY, DECODE): Target("activity, engine to decode", 0.8, 1.2, "×"),
    (Family.SIGNED, DECODE): Target("storage, 30 % by SAS, engine to decode", 0.25, 0.4, "×"),
    (Family.ACTIVITY, HAND_WRITTEN): Target("activity, engine to hand-written", 5.5, 6.0, "×"),
}
_MIXED = Target("storage and activity, engine to decode", 0.55, 1.0, "×")
_OPERATIONS = Target("state operations for an interesting call", 10, 6, "", is_ceiling=True)
_SIGNATURES = Target("counts of 100,000 SAS", 200, 100, "MB", is_ceiling=True)
_MEMORY = Target("peak memory above idle", 80, 40, "MB", is_ceiling=True)
_COLD_START = {
    FIRST_MATCH: Target("cold start to first match", 1.8, 1.3, "×", is_ceiling=True),
    WITH_CLIENTS: Target("cold start with sink clients", 3.7, 2.9, "×", is_ceiling=True),
}


def results(
    measured: Sequence[Timings], memory: Memory, cold_start: ColdStart, costs: Iterable[Cost], signatures: int
) -> Iterator[Result]:
    """Every figure that has a target."""
    yield Result(_MIXED, _mixed([each for each in measured if each.load.family is not Family.SIGNED]))
    for cost in costs:
        yield Result(replace(_OPERATIONS, name=f"{cost.name}, {_OPERATIONS.name}"), cost.of_an_interesting_call)
    yield Result(_SIGNATURES, signatures / 1e6)
    for each in measured:
        for (family, variant), target in _RATIOS.items():
            if family is each.load.family:
                yield Result(target, each.ratio(ENGINE, to=variant))
    yield Result(_MEMORY, memory.growth / 1e6)
    for program, target in _COLD_START.items():
        yield Result(target, cold_start.ratio(program))


def _mixed(measured: Sequence[Timings]) -> float:
    """Both families as one load: the time to decode it, to that of the engine, as the median over the rounds."""
    decode = map(sum, zip(*(each.seconds[DECODE] for each in measured), strict=True))
    own = map(sum, zip(*(each.seconds[ENGINE] for each in measured), strict=True))
    return median(merely / wholly for merely, wholly in zip(decode, own, strict=True))
