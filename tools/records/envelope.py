"""The body of one Event Hubs message."""

import json
from collections.abc import Iterable
from enum import Enum
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class Layout(Enum):
    """The white space between the fields of a record."""

    COMPACT = "compact"
    """None, as in Activity records."""
    SPACED = "spaced"
    """`": "` and `", "` at the top level and none inside, as in storage records."""


def render(record: dict[str, Any], layout: Layout = Layout.COMPACT) -> str:
    """Return one record as JSON text."""
    if layout is Layout.COMPACT:
        return _ENCODER.encode(record)
    return "{" + ", ".join(f'"{name}": {_ENCODER.encode(value)}' for name, value in record.items()) + "}"


def envelope(records: Iterable[dict[str, Any]], layout: Layout = Layout.COMPACT) -> bytes:
    """Return the message body that carries these records."""
    return enclose(render(record, layout) for record in records)


def enclose(rendered: Iterable[str]) -> bytes:
    """Return the message body that carries these records, which are JSON text already."""
    return ('{"records":[' + ",".join(rendered) + "]}").encode()
