"""The local stand-in for Log Analytics: DuckDB, queried in KQL.

One file holds the output tables and the state, so that replaying more logs into it continues where the last replay
ended, and replaying the same logs again changes nothing.
"""

import re
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import duckdb_kql

from grantwatch.adapters.in_memory import MemoryStore
from grantwatch.adapters.local_tables import FINDINGS, GRANTS, TABLES
from grantwatch.errors import QueryError, StoreError
from grantwatch.model.finding import Finding
from grantwatch.model.grant_row import GrantRow
from grantwatch.ports import Row

IN_MEMORY = ":memory:"
_EXPECTED = re.compile(r" expecting \{.*\}$")
"""What a parser would have liked better, which may be every word that KQL has."""


class LocalStore:
    """A DuckDB file with the output tables and the state.

    Use as a context manager: all that was written since the last ``keep`` is kept, or none of it when an exception ends
    the work. A file that was made for it goes again if nothing was kept at all. A ``fresh`` one is made beside the old
    one and takes its place in the end, so that whatever comes between leaves that as it was.
    """

    def __init__(self, path: str, *, read_only: bool = False, fresh: bool = False) -> None:
        """Open or make the store at ``path``, emptied if ``fresh``; raises StoreError when that cannot be."""
        if read_only and not Path(path).exists():
            raise StoreError(f"There is no store at {path}: replay logs into it first, or name another.")
        _reject_other_files(path)
        self._path = self._place = Path(path)
        if fresh and path != IN_MEMORY:
            self._path = Path(f"{path}.fresh")
            _forget(self._path)
        self._read_only, self._is_unkept = read_only, not self._path.exists()
        try:
            self._connection = duckdb_kql.connect(str(self._path), read_only=read_only)
            if not read_only:
                self._prepare()
        except duckdb.Error as error:
            raise StoreError(f"{path} cannot be opened as a store: {_first_line(error)}") from None
        self.state = MemoryStore() if read_only else MemoryStore(self._remembered())
        self._saved = {row.key: row.version for row in self.state.rows()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if not self._read_only:
            if kind is None:
                self._save_state()
            self._connection.execute("COMMIT" if kind is None else "ROLLBACK")
        self._connection.close()
        if kind is not None and self._is_unkept:
            self._path.unlink(missing_ok=True)
        elif self._path != self._place:
            _forget(self._place)
            self._path.replace(self._place)

    def keep(self) -> None:
        """Make everything so far last, whatever happens next."""
        self._save_state()
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")
        self._is_unkept = False

    def publish(self, findings: Sequence[Finding], grants: Sequence[GrantRow] = ()) -> None:
        """Write revisions of findings and rows of grants; one that is there already is replaced by itself."""
        if findings:
            FINDINGS.write(self._connection, findings)
        if grants:
            GRANTS.write(self._connection, grants)

    def query(self, kql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run KQL over the tables: column names and rows. Raises QueryError with one sentence."""
        try:
            answer = duckdb_kql.query(self._connection, kql)
            return list(answer.columns), answer.fetchall()
        except (duckdb.Error, duckdb_kql.KqlError) as error:
            raise QueryError(_EXPECTED.sub("", _first_line(error)).rstrip(".!") + ".") from None

    def _prepare(self) -> None:
        self._connection.execute("BEGIN")
        for table in TABLES:
            table.prepare(self._connection)
        self._connection.execute("CREATE SCHEMA IF NOT EXISTS memory_of_engine")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS memory_of_engine.state "
            "(partition VARCHAR, name VARCHAR, content BLOB, version VARCHAR)"
        )

    def _remembered(self) -> list[Row]:
        rows = self._connection.execute(
            "SELECT partition, name, content, version FROM memory_of_engine.state"
        ).fetchall()
        return [Row(*row) for row in rows]

    def _save_state(self) -> None:
        """Bring the file in step with the state: what changed takes the place of what was, what is gone goes."""
        rows = {row.key: row for row in self.state.rows()}
        versions = {key: row.version for key, row in rows.items()}
        outdated = [key for key, version in self._saved.items() if versions.get(key) != version]
        if outdated:
            self._connection.executemany(
                "DELETE FROM memory_of_engine.state WHERE partition = ? AND name = ?", outdated
            )
        news = [row for key, row in rows.items() if self._saved.get(key) != row.version]
        if news:
            values = [(row.partition, row.name, row.content, row.version) for row in news]
            self._connection.executemany("INSERT INTO memory_of_engine.state VALUES (?, ?, ?, ?)", values)
        self._saved = versions


def _forget(path: Path) -> None:
    """Delete a database and the log beside it, if they are there."""
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _reject_other_files(path: str) -> None:
    """DuckDB opens some files of other kinds as if they were empty databases."""
    file = Path(path)
    if path != IN_MEMORY and file.is_file() and file.stat().st_size:
        with file.open("rb") as stream:
            if stream.read(12)[8:] != b"DUCK":
                raise StoreError(f"{path} is no store but a file of another kind; name another with --store.")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
