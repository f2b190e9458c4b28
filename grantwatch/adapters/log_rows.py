"""What Log Analytics takes: fields of bounded length, and as many rows in one call as fit into its body.

Both bounds stay a little below Microsoft's, which do not say whether a kilobyte has 1,000 bytes or 1,024.
https://learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits#logs-ingestion-api
"""

from collections.abc import Iterator, Sequence

import msgspec

MOST_IN_CALL = 900_000
"""Bytes of a body before compression; the service takes 1 MB."""

MOST_IN_FIELD = 64_000
"""Bytes of a text, or of the JSON of any other value; the service cuts at 64 KB and does not say so."""

MARK = "Truncated"
"""The column that names the others that were cut. A table that may hold long fields has it."""

# Bytes of the JSON of such a value that its replacement shows; as a text in JSON they are at most twice as many.
_KEPT = 16_000

_Columns = dict[str, msgspec.Raw]
_columns = msgspec.json.Decoder(_Columns)


def body_of(rows: Sequence[bytes]) -> bytes:
    """The body of a call."""
    return b"[" + b",".join(rows) + b"]"


def calls(rows: Sequence[bytes]) -> Iterator[range]:
    """Which rows go together, in order: as many as fit into a call, and one that does not fit by itself."""
    start, size = 0, 1
    for place, row in enumerate(rows):
        if place > start and size + len(row) + 1 > MOST_IN_CALL:
            yield range(start, place)
            start, size = place, 1
        size += len(row) + 1
    if rows:
        yield range(start, len(rows))


def fitted(row: bytes) -> bytes:
    """The row with each field that is too long cut, and marked as such; mostly the row as it is.

    A text loses its end. Any other value becomes ``{"Truncated": "…"}`` with the beginning of its JSON.
    """
    # JSON is never shorter than the value it stands for, so most rows need not be decoded.
    if len(row) <= MOST_IN_FIELD:
        return row
    try:
        columns = _columns.decode(row)
        cut = _cut(columns)
    except (msgspec.DecodeError, UnicodeError):
        return row  # It is for the service to refuse.
    return msgspec.json.encode(columns | cut | {MARK: list(cut)}) if cut else row


def _cut(columns: _Columns) -> dict[str, object]:
    cut: dict[str, object] = {}
    for name, value in columns.items():
        text = bytes(value)
        if len(text) <= MOST_IN_FIELD:
            continue
        if not text.startswith(b'"'):
            cut[name] = {MARK: _beginning(text, _KEPT)}
        elif len(decoded := msgspec.json.decode(text, type=str).encode()) > MOST_IN_FIELD:
            cut[name] = _beginning(decoded, MOST_IN_FIELD)
    return cut


def _beginning(text: bytes, most: int) -> str:
    """At most so many bytes of a text in UTF-8, without the part of a character at their end."""
    return text[:most].decode(errors="ignore")
