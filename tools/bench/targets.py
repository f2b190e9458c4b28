"""What the engine must reach, and what it aims at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tools.bench.cold_start import FIRST_MATCH, WITH_CLIENTS, ColdStart
from tools.bench.measure import Timings
from tools.bench.memory import Memory
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
    (Family.ACTIVITY, HAND_WRITTEN): Target("activity, engine to hand-written", 5.5, 6.0, "×"),
}
_MEMORY = Target("peak memory above idle", 80, 40, "MB", is_ceiling=True)
_COLD_START = {
    FIRST_MATCH: Target("cold start to first match", 1.8, 1.3, "×", is_ceiling=True),
    WITH_CLIENTS: Target("cold start with sink clients", 3.7, 2.9, "×", is_ceiling=True),
}


def results(measured: Iterable[Timings], memory: Memory, cold_start: ColdStart) -> Iterator[Result]:
    """Every figure that has a target."""
    for each in measured:
        for (family, variant), target in _RATIOS.items():
            if family is each.load.family:
                yield Result(target, each.ratio(ENGINE, to=variant))
    yield Result(_MEMORY, memory.growth / 1e6)
    for program, target in _COLD_START.items():
        yield Result(target, cold_start.ratio(program))
