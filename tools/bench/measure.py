"""The clock: alternating repeats of all variants, and medians of what is compared within one round.

Time is processor time of this process, pinned to one core. Work that runs beside it on a shared machine then costs
little accuracy, and ratios within a round hardly any; absolute figures still move with the machine.
"""

import functools
import gc
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from tools.bench.variants import VARIANTS, Answer
from tools.bench.workload import Load


class DisagreementError(Exception):
    """Two variants did not make the same of one load."""


@dataclass(frozen=True)
class Timings:
    """Processor seconds of every variant for one load, by round."""

    load: Load
    findings: int
    seconds: Mapping[str, tuple[float, ...]]

    def records_per_second(self, variant: str) -> float:
        return self.load.records / median(self.seconds[variant])

    def cpu_seconds_per_million(self, variant: str) -> float:
        return median(self.seconds[variant]) * 1e6 / self.load.records

    def ratio(self, variant: str, to: str) -> float:
        """How many times the records per second of another variant, as the median over the rounds."""
        return median(theirs / own for own, theirs in zip(self.seconds[variant], self.seconds[to], strict=True))


def pin_to_one_core() -> None:
    """Keep this process on one core, where the system lets it choose."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def timings(load: Load, repeats: int) -> Timings:
    """Time all variants in turn, another one first in each round. Raises DisagreementError on differing answers."""
    names = list(VARIANTS)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    found = 0
    for number in range(repeats):
        answers: dict[str, Answer] = {}
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            spent, answers[name] = _timed(name, load)
            seconds[name].append(spent)
        found = _agreed(load, answers)
    return Timings(load, found, {name: tuple(spent) for name, spent in seconds.items()})


def _timed(name: str, load: Load) -> tuple[float, Answer]:
    run = VARIANTS[name](load.family)
    _forget()
    gc.collect()
    start = time.process_time()
    run.take(load.bodies)
    spent = time.process_time() - start
    return spent, run.answer()


def _forget() -> None:
    """Empty the engine's caches of parsed values: a repeat must not profit from the one before."""
    for each in gc.get_objects():
        if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith("grantwatch."):
            each.cache_clear()


def _agreed(load: Load, answers: Mapping[str, Answer]) -> int:
    """How many findings all variants that look for any found. Raises DisagreementError where they differ."""
    for name, answer in answers.items():
        if answer.records != load.records:
            raise DisagreementError(f"{load.family}: {name} read {answer.records:,} of {load.records:,} records")
    found = {name: answer.findings for name, answer in answers.items() if answer.findings is not None}
    if len(set(found.values())) != 1:
        counts = ", ".join(f"{name} {len(findings):,}" for name, findings in found.items())
        shared = len(frozenset.intersection(*found.values()))
        raise DisagreementError(f"{load.family}: different findings ({counts}; {shared:,} in common)")
    return len(next(iter(found.values())))
