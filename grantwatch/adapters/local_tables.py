"""The output tables as DuckDB has them, each made from the class of its rows."""

import json
from collections.abc import Sequence
from typing import Any

from duckdb import DuckDBPyConnection
from msgspec import Struct
from pydantic import BaseModel

from grantwatch.model import finding
from grantwatch.model.schema import Column, ColumnType, columns_of

_TYPES = {
    ColumnType.DATETIME: "TIMESTAMPTZ",
    ColumnType.STRING: "VARCHAR",
    ColumnType.LONG: "BIGINT",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DYNAMIC: "JSON",
}


class LocalTable(Struct, frozen=True):
    """A table by its name, the class of its rows, and the columns that tell them apart."""

    name: str
    row_class: type[BaseModel]
    key: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return columns_of(self.row_class)

    def prepare(self, connection: DuckDBPyConnection) -> None:
        """Make it, or give it the columns that it lacks because an earlier version made it."""
        columns = [f'"{column.name}" {_TYPES[column.type]}' for column in self.columns]
        key = ", ".join(f'"{name}"' for name in self.key)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(columns)}, PRIMARY KEY ({key}))")
        for column in columns:
            connection.execute(f"ALTER TABLE {self.name} ADD COLUMN IF NOT EXISTS {column}")

    def write(self, connection: DuckDBPyConnection, rows: Sequence[BaseModel]) -> None:
        """Write rows; one whose key is there takes the place of that one."""
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        places = ", ".join("?" for _ in self.columns)
        values = [_values_of(row, self.columns) for row in rows]
        connection.executemany(f"INSERT OR REPLACE INTO {self.name} ({names}) VALUES ({places})", values)


FINDINGS = LocalTable(finding.TABLE, finding.Finding, ("FindingId", "Revision"))
TABLES = (FINDINGS,)


def _values_of(row: BaseModel, columns: Sequence[Column]) -> list[Any]:
    values = row.model_dump()
    return [
        json.dumps(values[column.name], ensure_ascii=False)
        if column.type is ColumnType.DYNAMIC
        else values[column.name]
        for column in columns
    ]
