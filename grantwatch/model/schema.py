"""The columns of an output table, derived from the class that declares it."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args, get_origin

from pydantic import BaseModel


class ColumnType(StrEnum):
    """A column type of Log Analytics, by its own name."""

    DATETIME = "datetime"
    STRING = "string"
    LONG = "long"
    BOOLEAN = "boolean"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as consumers see it."""

    name: str
    type: ColumnType
    nullable: bool
    description: str


def columns_of(table: type[BaseModel]) -> tuple[Column, ...]:
    """The columns of a table, in the order of its class."""
    return tuple(_columns(table))


def _columns(table: type[BaseModel]) -> Iterator[Column]:
    for name, field in table.model_fields.items():
        kinds = get_args(field.annotation) if types.NoneType in get_args(field.annotation) else (field.annotation,)
        (kind,) = [each for each in kinds if each is not types.NoneType]
        yield Column(name, _type_of(kind), types.NoneType in kinds, field.description or "")


def _type_of(kind: Any) -> ColumnType:
    if get_origin(kind) in (tuple, dict):
        return ColumnType.DYNAMIC
    for known, column_type in ((bool, ColumnType.BOOLEAN), (int, ColumnType.LONG), (datetime, ColumnType.DATETIME)):
        if issubclass(kind, known):
            return column_type
    return ColumnType.STRING
