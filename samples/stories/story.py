"""A story: the records that tell it, and how it ends."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

from tools.azure_records import Layout, Record, envelope

_RECORDS_IN_A_BODY = 50


@dataclass(frozen=True)
class Ending:
    """What is known when all records were read.

    `settings` are what the organisation told of itself. `expect` are columns of findings: all findings of the
    detectors that it names. Findings of other detectors are at most `others_at_most` severe.
    """

    sentence: str
    settings: Mapping[str, Any]
    others_at_most: str
    expect: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Story:
    """A course of events. `tell` yields its records, and its name is the story's and that of the file beside it."""

    tell: Callable[[Random], Iterable[Record]]

    @property
    def name(self) -> str:
        return self.tell.__name__

    @property
    def ending(self) -> Ending:
        """As the JSON file beside the story's module has it."""
        content = json.loads(Path(__file__).with_name(f"{self.name}.json").read_text())
        return Ending(content["story"], content["settings"], content["others_at_most"], tuple(content["expect"]))

    @property
    def records(self) -> list[Record]:
        """All records in order of time, the same ones each time."""
        return sorted(self.tell(Random(self.name)), key=itemgetter("time"))

    @property
    def logs(self) -> Mapping[str, list[bytes]]:
        """The message bodies of each log that has any, by the name of its file."""
        storage = [record for record in self.records if record["category"].startswith("Storage")]
        activity = [record for record in self.records if not record["category"].startswith("Storage")]
        logs = {
            "activity-log.jsonl": list(_bodies(activity, Layout.COMPACT)),
            "storage-log.jsonl": list(_bodies(storage, Layout.SPACED)),
        }
        return {name: bodies for name, bodies in logs.items() if bodies}


def _bodies(records: Sequence[Record], layout: Layout) -> Iterator[bytes]:
    for start in range(0, len(records), _RECORDS_IN_A_BODY):
        yield envelope(records[start : start + _RECORDS_IN_A_BODY], layout)
