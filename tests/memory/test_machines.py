"""Each thing that is remembered comes out the same in whatever order, by however many engines, and whoever dies."""

import os

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.memory.life import Life
from tests.memory.subjects import SUBJECTS

LIVES = int(os.environ.get("LIVES", "30"))
_GATE = LIVES == 30


def lived(most: int) -> settings:
    """The same lives each time in the gate, others in a soak."""
    return settings(max_examples=most, stateful_step_count=12, deadline=None, derandomize=_GATE, database=None)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_memory_that_engines_share_comes_to_what_one_comes_to_on_a_quiet_day(subject: str) -> None:
    class OfSubject(Life):
        histories = SUBJECTS[subject]

    run_state_machine_as_test(OfSubject, settings=lived(LIVES))
