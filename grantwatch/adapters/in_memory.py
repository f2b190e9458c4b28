"""The ports in plain memory: for one process, and for tests."""

import json
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from grantwatch.ports import Found, Parked, Refused, Row, RowKey

if TYPE_CHECKING:
    from grantwatch.model.finding import Finding
    from grantwatch.model.grant_row import GrantRow


class MemoryStore:
    """A StateStore in a dictionary. Safe to share between threads.

    Versions are counted over the whole store: a row that is made again after its end has no version that it had before.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._partitions: dict[str, dict[str, Row]] = {}
        self._lock = Lock()
        self._version = 0
        for row in rows:
            self._partitions.setdefault(row.partition, {})[row.name] = row
            self._version = max(self._version, int(row.version or 0))

    def rows(self) -> list[Row]:
        """Everything that is stored."""
        with self._lock:
            return [row for partition in self._partitions.values() for row in partition.values()]

    def insert(self, rows: Sequence[Row]) -> None:
        with self._lock:
            for row in rows:
                if self._found(row.key) is None:
                    self._put(row)

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        with self._lock:
            found = {key: self._found(key) for key in keys}
        return {key: row for key, row in found.items() if row is not None}

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        with self._lock:
            return [row for partition in partitions for row in self._partitions.get(partition, {}).values()]

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        lost = []
        with self._lock:
            for row in rows:
                current = self._found(row.key)
                if (current.version if current else None) != row.version:
                    lost.append(row.key)
                else:
                    self._put(row)
        return lost

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        versions = {}
        with self._lock:
            for row in rows:
                current = self._found(row.key)
                if (current.version if current else None) == row.version:
                    versions[row.key] = self._put(row)
        return versions

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        changed = []
        with self._lock:
            for row in rows:
                current = self._found(row.key)
                if current is not None and current.version != row.version:
                    changed.append(row.key)
                elif current is not None:
                    self._remove(row.key)
        return changed

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        """Reads first, so that nobody comes to rely on finding what was just inserted."""
        found = Found(self.read(read), self.scan(scan))
        self.insert(insert)
        return found

    def _found(self, key: RowKey) -> Row | None:
        return self._partitions.get(key[0], {}).get(key[1])

    def _put(self, row: Row) -> str:
        self._version += 1
        version = str(self._version)
        self._partitions.setdefault(row.partition, {})[row.name] = Row(*row.key, row.content, version)
        return version

    def _remove(self, key: RowKey) -> None:
        del self._partitions[key[0]][key[1]]
        if not self._partitions[key[0]]:
            del self._partitions[key[0]]


class MemorySink:
    """Keeps every revision that was published, in order."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.grants: list[GrantRow] = []

    def publish(self, findings: "Sequence[Finding]", grants: "Sequence[GrantRow]" = ()) -> None:
        self.findings += findings
        self.grants += grants

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
