"""JSON without building objects: the four functions that GrantWatch asks of a JSON parser.

Backed by simdjson through ``fastsimdjson``: lazy views cost a quarter of dictionaries, and records that nobody selects
are most of them. Where an object repeats a key, a view's lookup takes the first and ``materialise`` the last; whoever
materialises a record must therefore not trust what the view said (Azure itself never repeats one).
"""

import json
from collections.abc import Mapping
from typing import Any

import fastsimdjson

_OBJECTS = (fastsimdjson.Object, dict)


def parse(body: bytes) -> Any:
    """A lazy view of a whole JSON document; raises ValueError or RecursionError on what is none."""
    return fastsimdjson.parse(body)


def materialise(record: Mapping[str, Any]) -> dict[str, Any]:
    """The dictionary that a view stands for; raises ValueError where a number in it is longer than Python reads."""
    return record.as_dict() if isinstance(record, fastsimdjson.Object) else dict(record)


def nested(record: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """What stands under a name in a view or dictionary, where it is an object."""
    value = record.get(name)
    return value if isinstance(value, _OBJECTS) else None


def dump(value: Any) -> bytes:
    """The bytes of a view or value, to keep what could not be used; raises ValueError as ``materialise`` does."""
    if isinstance(value, fastsimdjson.Object | fastsimdjson.Array):
        value = value.as_dict() if isinstance(value, fastsimdjson.Object) else value.as_list()
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
