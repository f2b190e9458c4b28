"""Rows of state as entities of Table Storage, and back.

A partition or name of plain characters is a key as it is. Any other is hashed, because keys are short and take neither
slashes nor control characters; the entity then carries the name itself. Content lies in binary properties of 64 KiB,
the most that one can hold, compressed where that pays. An entity is merged into the one before, so that properties of
later versions stay, and so do parts of a longer content, which ``Parts`` does not count any more.
"""

import hashlib
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from grantwatch.errors import StateUnavailableError, TooLargeError
from grantwatch.ports import Row

FORMAT = 1
"""Rises only with a change that this version cannot read."""
MOST_BYTES = 15 * 64 * 1024
"""Of content as it is stored. An entity holds 1 MiB, with its keys and the names of its properties."""

Entity = Mapping[str, Any]
Key = tuple[str, str]
"""PartitionKey and RowKey, as the table has them."""


class Stored(Struct, frozen=True):
    """An entity as the table has it: its version is its ETag, and ``written`` its Timestamp, by the service's clock."""

    entity: Entity
    version: str
    written: datetime

    @property
    def key(self) -> Key:
        return self.entity["PartitionKey"], self.entity["RowKey"]


_PART = 64 * 1024
_WORTH_COMPRESSING = 4 * 1024
_LONGEST_NAME = 4 * 1024
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,128}")


def key_of(partition: str, name: str) -> Key:
    """The key of a row's entity."""
    return key_for(partition), key_for(name)


def key_for(text: str) -> str:
    """A key that stands for any text: itself, or ``~`` and hex digits. What is ``~`` and a word, no text can have."""
    if _PLAIN.fullmatch(text):
        return text
    return "~" + hashlib.sha256(_encoded(text)).hexdigest()


def entity_of(row: Row) -> Entity:
    """The entity of a row. Raises TooLargeError where it does not fit into one."""
    partition, name = key_of(row.partition, row.name)
    entity = {"PartitionKey": partition, "RowKey": name, **properties_of(row.content)}
    if name != row.name:
        encoded = _encoded(row.name)
        if len(encoded) > _LONGEST_NAME:
            raise TooLargeError(f"a row's name of {len(encoded)} bytes; a table takes {_LONGEST_NAME}")
        entity["Name"] = encoded
    return entity


def row_of(partition: str, stored: Stored) -> Row:
    """The row in an entity of a partition, whose key does not tell its name."""
    entity = stored.entity
    name = entity["Name"].decode("utf-8", "surrogatepass") if "Name" in entity else entity["RowKey"]
    return Row(partition, name, content_of(entity), stored.version)


def properties_of(content: bytes) -> dict[str, Any]:
    """Content as properties. Raises TooLargeError where an entity cannot hold it."""
    codec, stored = "plain", content
    if len(content) > _WORTH_COMPRESSING and len(smaller := zlib.compress(content)) < len(content):
        codec, stored = "zlib", smaller
    if len(stored) > MOST_BYTES:
        raise TooLargeError(
            f"a row of {len(content)} bytes is {len(stored)} bytes compressed; a table takes {MOST_BYTES}"
        )
    parts = [stored[start : start + _PART] for start in range(0, len(stored), _PART)]
    named = {_part(number): part for number, part in enumerate(parts)}
    return {"Format": FORMAT, "Codec": codec, "Parts": len(parts), **named}


def content_of(entity: Entity) -> bytes:
    """The content in an entity's properties. Raises StateUnavailableError where a later version has to read it."""
    if entity["Format"] > FORMAT:
        raise StateUnavailableError(f"a row of state has format {entity['Format']}; this version reads up to {FORMAT}")
    stored = b"".join(entity[_part(number)] for number in range(entity["Parts"]))
    return zlib.decompress(stored) if entity["Codec"] == "zlib" else stored


def _part(number: int) -> str:
    return f"Part{number:02}"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
