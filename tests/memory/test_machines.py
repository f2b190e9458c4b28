"""Each thing that is remembered comes out the same in whatever order, by however many engines, and whoever dies."""

import os
from contextlib import ExitStack
from random import Random

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from grantwatch.ports import StateStore
from tests.adapters.tables import table_store
from tests.memory.life import Life
from tests.memory.subjects import SUBJECTS
from tests.stand_ins.azurite import Azurite

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


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_memory_in_a_table_comes_to_the_same(subject: str, azurite: Azurite) -> None:
    with ExitStack() as tables:

        class InTables(Life):
            histories = SUBJECTS[subject]

            def store(self, random: Random, losing: float) -> StateStore:
                return tables.enter_context(table_store(azurite))

        run_state_machine_as_test(InTables, settings=lived(max(2, LIVES // 10)))
