"""State that another version wrote is read, and what only that version understands is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grantwatch import local
from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.ports import Row
from grantwatch.settings import Settings
from tests.machines import attached, disk, snapshot
from tests.memory.life import END, Clock, quiet
from tests.world import OWNER, body_of, content_of, disk_access, sas_read
from tools.azure_records import Record

_BEFORE = json.loads((Path(__file__).parent / "rows_of_before.json").read_text())


def _store_of_before() -> MemoryStore:
    rows = (Row(each["partition"], each["name"], json.dumps(each["content"]).encode(), "1") for each in _BEFORE["rows"])
    return MemoryStore(rows)


def _found(store: MemoryStore, records: list[Record]) -> MemorySink:
    sink = MemorySink()
    engine = local.engine(store=store, sink=sink, settings=Settings(owner_tenant_id=OWNER.id), clock=Clock())
    for record in records:
        engine.process([body_of([record])])
    engine.sweep(END)
    return sink


def test_rows_that_the_version_before_wrote_are_read() -> None:
    more = [disk_access(1)[2], sas_read(5)]

    found = _found(_store_of_before(), [*_BEFORE["records"], *more])

    expected = quiet([*_BEFORE["records"], *more]).findings
    assert {each.FindingId: each.Withdrawn for each in found.current()} == dict.fromkeys(expected, False)
    assert content_of(found.current()) == expected


def _aged(content: Any) -> Iterator[dict[str, Any]]:
    """Every object in a row that is a struct of ours, and not a table of them by name."""
    if isinstance(content, dict):
        yield content
    for group in ("phases", "accesses", "notes", "findings"):
        yield from content.get(group, {}).values()
    for note in content.get("notes", {}).values():
        yield from (note[part] for part in ("step", "trace") if part in note)


@pytest.mark.parametrize("kind", ["entity", "first"])
def test_fields_that_a_later_version_wrote_survive_in_every_struct_that_is_rewritten(kind: str) -> None:
    told = [*snapshot(), *disk(), *attached(), *disk_access(1), sas_read(1)]
    store = MemoryStore()
    _found(store, told[::2])
    rows = []
    for row in store.rows():
        content = json.loads(row.content)
        if row.name == kind:
            for each in _aged(content):
                each["later"] = "kept"
        rows.append(Row(*row.key, json.dumps(content).encode(), row.version))
    newer = MemoryStore(rows)
    aged = {row.key: row.content.count(b'"later"') for row in rows if b'"later"' in row.content}

    _found(newer, told)

    assert aged
    kept = newer.read(list(aged))
    assert {key for key, number in aged.items() if kept[key].content.count(b'"later"') < number} == set()
