"""Each thing that is remembered comes out the same in whatever order, by however many engines, and whoever dies."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from random import Random

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from grantwatch.memory.windows import Windows
from grantwatch.model.finding import Finding
from grantwatch.model.time import time_of
from grantwatch.ports import StateStore
from tests.adapters.tables import table_store
from tests.memory.life import Life
from tests.memory.subjects import SUBJECTS
from tests.stand_ins.azurite import Azurite
from tools.azure_records import Record

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


def _moment(record: Record) -> datetime:
    found = time_of(record["time"])
    assert found
    return found


def _place(record: Record) -> tuple[str, str]:
    """Tenant and subscription."""
    return record["tenantId"], record["resourceId"].split("/")[2].lower()


def test_training_counts_from_the_earliest_record_of_a_subscription_whatever_that_is() -> None:
    class Trained(Life):
        histories = SUBJECTS["training"]

        def wrong_in(self, findings: Sequence[Finding]) -> Iterator[str]:
            for each in findings:
                if "FirstSeen" not in each.Evidence:
                    continue
                call = [record for record in self.history if record["correlationId"] == each.CorrelationId]
                begin = min(_moment(other) for other in self.history if _place(other) == _place(call[0]))
                trains = min(map(_moment, call)) < begin + Windows().training
                if trains != ("InTraining" in each.Evidence):
                    yield f"{each.Summary} in a subscription that began at {begin}: {each.Evidence}"

    run_state_machine_as_test(Trained, settings=lived(4 * LIVES))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_memory_in_a_table_comes_to_the_same(subject: str, azurite: Azurite) -> None:
    with ExitStack() as tables:

        class InTables(Life):
            histories = SUBJECTS[subject]

            def store(self, random: Random, losing: float) -> StateStore:
                return tables.enter_context(table_store(azurite))

        run_state_machine_as_test(InTables, settings=lived(max(2, LIVES // 10)))
