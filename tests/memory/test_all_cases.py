"""All cases as one crowded day of one tenant and few actors: far more bears on each other there than in any one."""

from functools import cache
from random import Random
from typing import Any

import pytest

from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.local import engine
from grantwatch.settings import Settings
from tests.memory.life import END
from tests.memory.states import state_of
from tests.support import Record, cases, encoded
from tests.world import content_of

ENGINES = 3


class Day:
    """What stands in the table and in the store after the day was told to several engines."""

    def __init__(self, records: list[Record], random: Random) -> None:
        store, sink = MemoryStore(), MemorySink()
        engines = [engine(store=store, sink=sink) for _ in range(ENGINES)]
        while records:
            number = random.randint(1, 12)
            part, records = records[:number], records[number:]
            random.choice(engines).process([encoded(part)])
        engines[0].sweep(END)
        self.findings = content_of(sink.current())
        self.rows = [row for row in store.rows() if row.name == "entity"]

    @property
    def steps(self) -> dict[str, list[dict[str, Any]]]:
        """What findings say in brief wherever they count, by their ids."""
        steps: dict[str, list[dict[str, Any]]] = {}
        for facts in state_of(self.rows).values():
            for name, fact in facts.items():
                if isinstance(fact, dict) and "finding" in fact:
                    steps.setdefault(name, []).append(fact)
        return steps


def _records() -> list[Record]:
    return [record for case in cases() if case.settings == Settings() for record in case.records]


@cache
def _quiet() -> Day:
    return Day(_records(), Random(0))


@cache
def _shuffled(seed: int) -> Day:
    random = Random(seed)
    records = _records()
    random.shuffle(records)
    return Day(records, random)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_a_crowded_day_does_not_matter(seed: int) -> None:
    assert _shuffled(seed).findings == _quiet().findings


@pytest.mark.parametrize("seed", range(4))
def test_what_counts_is_what_the_table_says(seed: int) -> None:
    """Not what a finding said before: that rested on more of what others said, but on less of its own."""
    day = _shuffled(seed)

    rolled_up = {
        each["Evidence"]["Detector"] for each in day.findings.values() if each["Detector"] == "findings_rolled_up"
    }
    assert len(day.steps) > 100
    for name, steps in day.steps.items():
        if name not in day.findings and {step["detector"] for step in steps} <= rolled_up:
            continue
        finding = day.findings[name]
        for step in steps:
            assert step["severity"] == finding["Severity"]
            assert step["outcome"] == finding["Outcome"]
            assert finding["Summary"].startswith(step["summary"])
