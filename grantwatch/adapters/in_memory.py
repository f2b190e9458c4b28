"""The ports in plain memory: for one process, and for tests."""

import json
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from grantwatch.ports import Parked, Refused, Row, RowKey

if TYPE_CHECKING:
    from grantwatch.model.finding import Finding


class MemoryStore:
    """A StateStore in a dictionary. Safe to share between threads."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._partitions: dict[str, dict[str, Row]] = {}
        self._lock = Lock()
        for row in rows:
            self._partitions.setdefault(row.partition, {})[row.name] = row

    def rows(self) -> list[Row]:
        """Everything that is stored."""
        with self._lock:
            return [row for partition in self._partitions.values() for row in partition.values()]

    def insert(self, rows: Sequence[Row]) -> None:
        with self._lock:
            for row in rows:
                self._partitions.setdefault(row.partition, {}).setdefault(row.name, _versioned(row, 1))

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        with self._lock:
            found = {key: self._partitions.get(key[0], {}).get(key[1]) for key in keys}
        return {key: row for key, row in found.items() if row is not None}

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        with self._lock:
            return [row for partition in partitions for row in self._partitions.get(partition, {}).values()]

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        lost = []
        with self._lock:
            for row in rows:
                current = self._partitions.setdefault(row.partition, {}).get(row.name)
                if (current.version if current else None) != row.version:
                    lost.append(row.key)
                else:
                    self._partitions[row.partition][row.name] = _versioned(row, int(row.version or 0) + 1)
        return lost


def _versioned(row: Row, version: int) -> Row:
    return Row(row.partition, row.name, row.content, str(version))


class MemorySink:
    """Keeps every revision that was published, in order."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def publish(self, findings: "Sequence[Finding]") -> None:
        self.findings += findings

    def current(self) -> "list[Finding]":
        """The highest revision of each finding that was not withdrawn."""
        latest: dict[str, Finding] = {}
        for finding in self.findings:
            known = latest.get(finding.FindingId)
            if known is None or finding.Revision >= known.Revision:
                latest[finding.FindingId] = finding
        return [finding for finding in latest.values() if not finding.Withdrawn]


class MemoryParking:
    """Keeps what was parked."""

    def __init__(self) -> None:
        self.items: list[Parked] = []

    def park(self, items: Sequence[Parked]) -> None:
        self.items += items


class MemoryPlace:
    """A ParkingPlace in a dictionary."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.metadata: dict[str, Mapping[str, str]] = {}

    def put(self, name: str, content: bytes, metadata: Mapping[str, str]) -> None:
        self.contents[name] = content
        self.metadata[name] = metadata

    def names(self, folder: str, most: int) -> Sequence[str]:
        return sorted(name for name in self.contents if name.startswith(f"{folder}/"))[:most]

    def get(self, name: str) -> bytes | None:
        return self.contents.get(name)

    def remove(self, name: str) -> None:
        self.contents.pop(name, None)
        self.metadata.pop(name, None)


class MemoryTables:
    """Tables as lists of rows, decoded."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}

    def write(self, table: str, rows: Sequence[bytes]) -> Sequence[Refused]:
        self.rows.setdefault(table, []).extend(map(json.loads, rows))
        return ()
