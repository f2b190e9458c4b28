"""What a table of Log Analytics takes, and how it alters what it takes."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from grantwatch.model.schema import Column, ColumnType, columns_of

MOST_IN_FIELD = 65_536

Row = dict[str, Any]
Columns = Mapping[str, Column]


def columns_by_name(table: type[BaseModel]) -> Columns:
    return {column.name: column for column in columns_of(table)}


def fits(columns: Columns, row: Row) -> bool:
    """Whether the table has these columns, with these types. Only the time may not be left out."""
    return "TimeGenerated" in row and all(
        name in columns and (columns[name].nullable if value is None else _TYPES[columns[name].type](value))
        for name, value in row.items()
    )


def altered(row: Row, now: datetime) -> dict[str, str]:
    """The columns that Log Analytics stores with another value than they came with, and that value."""
    changes = {
        name: _text(value).encode()[:MOST_IN_FIELD].decode(errors="ignore")
        for name, value in row.items()
        if len(_text(value).encode()) > MOST_IN_FIELD
    }
    if not now - timedelta(days=2) <= datetime.fromisoformat(row["TimeGenerated"]) <= now + timedelta(days=1):
        changes["TimeGenerated"] = now.isoformat()
    return changes


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _is_moment(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_TYPES: Mapping[ColumnType, Callable[[Any], bool]] = {
    ColumnType.DATETIME: _is_moment,
    ColumnType.STRING: lambda value: isinstance(value, str),
    ColumnType.LONG: lambda value: isinstance(value, int) and not isinstance(value, bool),
    ColumnType.BOOLEAN: lambda value: isinstance(value, bool),
    ColumnType.DYNAMIC: lambda value: True,
}
