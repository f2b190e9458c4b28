"""Telling apart the calls that share one key."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from grantwatch.model.operation import Operation, OperationKey, Phase
from grantwatch.model.severity import Outcome

_ENDS = frozenset((Outcome.SUCCEEDED, Outcome.FAILED))


def calls(key: OperationKey, phases: Mapping[str, Phase]) -> tuple[Operation, ...]:
    """The calls behind the records, by digest, under one key.

    Usually one. A caller can reuse a correlation id, though, so the first start is taken with the first acceptance and
    the first outcome by event time, the second with the second, and so on. What has no partner stands alone. Where
    calls overlap and only some succeeded, each is taken to have succeeded: a decoy shall not take the blame.
    """
    by_time = sorted((phase.time, phase.outcome.rank, name) for name, phase in phases.items())
    ordered = [phases[name] for _, _, name in by_time]
    outcomes = {phase.outcome for phase in ordered}
    if phases and len(outcomes) == len(phases) and not outcomes >= _ENDS:
        return (Operation(key, tuple(ordered)),)
    starts = [phase for phase in ordered if phase.outcome is Outcome.ATTEMPTED]
    acceptances = [phase for phase in ordered if phase.outcome is Outcome.ACCEPTED]
    ends = [phase for phase in ordered if phase.outcome in _ENDS]
    if _are_entangled(starts, ends):
        successes = [phase for phase in ends if phase.outcome is Outcome.SUCCEEDED]
        ends = [successes[min(number, len(successes) - 1)] for number in range(len(starts))]
    return tuple(
        Operation(key, tuple(phase for phase in group if phase is not None))
        for group in zip_longest(starts, acceptances, ends)
    )


def _are_entangled(starts: Sequence[Phase], ends: Sequence[Phase]) -> bool:
    """Whether calls overlap of which some failed and some succeeded, so that nobody can tell which."""
    outcomes = {phase.outcome for phase in ends}
    overlap = any(later.time <= end.time for later, end in zip(starts[1:], ends, strict=False))
    return overlap and outcomes >= _ENDS
