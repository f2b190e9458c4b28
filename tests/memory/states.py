"""What a store comes to in the end: what is known of each entity, and who saw what first.

Left out is what another order leaves otherwise and nobody reads: versions, revisions, marks and due entries that were
superseded, steps of findings that were withdrawn, traces of what had no effect or lies on no way, and which groups a
machine follows. Traces are therefore taken together, wherever they are: what reached whom is in the findings.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grantwatch.model.traces import Link
from grantwatch.ports import Found, Row, RowKey, StateStore

State = dict[str, Any]


class Witness:
    """A store that remembers which rows were ever swapped, since no store lists what it holds."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._swapped: dict[RowKey, None] = {}

    def insert(self, rows: Sequence[Row]) -> None:
        self._store.insert(rows)

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        return self._store.read(keys)

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        return self._store.scan(partitions)

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self._swapped |= {row.key: None for row in rows}
        return self._store.swap(rows)

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        """Counts, which are no JSON: what they come to is in the notes that are made of them."""
        return self._store.replace(rows)

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        return self._store.delete(rows)

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        return self._store.exchange(insert=insert, read=read, scan=scan)

    @property
    def state(self) -> State:
        """By partition."""
        return state_of(self._store.read(list(self._swapped)).values())


def state_of(rows: Iterable[Row]) -> State:
    """What these rows amount to, by partition."""
    state: State = {}
    for row in rows:
        content = json.loads(row.content)
        held = _facts(content) if row.name == "entity" else _first(content)
        traces = {name: held.pop(name) for name, fact in list(held.items()) if _is_trace(fact)}
        if traces:
            known = {name: trace for name, trace in traces.items() if _is_known_by_calls(trace)}
            state.setdefault("traces", {}).update(known)
        if held:
            state[row.partition] = held
    return state


def _facts(entity: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {**entity.get("phases", {}), **entity.get("accesses", {})}
    for name, note in entity.get("notes", {}).items():
        told = note.get("step") or note.get("trace") or note["taken"]
        if not told.get("void") and told.get("holds", True):
            facts[name] = told
    return facts | {"last use": entity["last_use"]} if "last_use" in entity else facts


def _is_trace(fact: Any) -> bool:
    return isinstance(fact, dict) and "is" in fact


def _is_known_by_calls(trace: dict[str, Any]) -> bool:
    """Not that a machine follows a group: it may have done so for a way that turned out to be none."""
    return trace.get("how") != Link.GROUP


def _first(sighting: dict[str, Any]) -> dict[str, Any]:
    return {"at": sighting["at"], "name": sighting["name"]}
