"""The slow way: every record that can be had from a body of another shape, or from a broken one.

Whatever is not a record is rejected with its reason and its bytes, and its neighbours are kept. Work is bounded by a
constant times the length of the body, so that no body can stall its partition.
"""

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from grantwatch.model.secrets import LARGEST_UNPACKED
from grantwatch.wire.scanner import Scanner

_GZIP = b"\x1f\x8b"
_DEEPEST_NESTING = 3
_SAMPLE = 4096
_CONTAINERS: frozenset[type] = frozenset((dict, list, str))
_NO_OBJECT = json.JSONDecodeError("expected an object or an array", "", 0)
_RECORDS = re.compile(r'\{\s*"records"\s*:\s*\[')
# Blanks are bounded, so that a search over nothing but blanks stays linear.
_NEXT_RECORD = re.compile(r'\}[\s,]{0,16}(?=\{\s{0,16}")')
_CLOSED = re.compile(r"[\s,]*\]\s*\}")
# What every record of a family that matters here carries; text inside a broken record seldom has both.
_MARKS = ({"time", "operationName"}, {"eventTimestamp", "operationName"}, {"event_timestamp", "operation_name"})


class Rejected(Struct, frozen=True):
    """Bytes that are no record, and why, in a few words. ``records`` is how many were lost at least."""

    reason: str
    body: bytes
    records: int = 1


class Salvaged(Struct):
    """What was had from a body; ``broken`` when it was not valid JSON, or JSON Lines, as a whole."""

    records: list[Any] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    broken: bool = False

    def reject(self, reason: str, text: str | bytes, records: int = 1) -> None:
        body = text if isinstance(text, bytes) else _bytes_of(text)
        self.rejected.append(Rejected(reason, body, records))


def salvage(body: bytes) -> Salvaged:
    """The records in a body of any shape: array of envelopes, bare records, JSON Lines, gzip, truncated, garbled."""
    found = Salvaged()
    _from_bytes(body, found, depth=0)
    return found


def _from_bytes(body: bytes, found: Salvaged, depth: int) -> None:
    if body.startswith(_GZIP) and depth < _DEEPEST_NESTING:
        unpacked = _unpacked(body, found)
        if unpacked is not None:
            _from_bytes(unpacked, found, depth + 1)
        return
    stripped = body.removeprefix(codecs.BOM_UTF8).strip()
    if not stripped:
        found.reject("the body is empty", body)
        return
    if not stripped.startswith((b"{", b"[")):
        found.reject("the body is not JSON", body)
        return
    if stripped[:_SAMPLE].decode("utf-8", "replace").count("\N{REPLACEMENT CHARACTER}") > _SAMPLE // 10:
        found.reject("the body is not text", body)
        return
    _from_text(stripped.decode("utf-8", "surrogateescape"), found, depth)


def _bytes_of(text: str) -> bytes:
    """The bytes that a text was read from; those that are not UTF-8 came in as lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _unpacked(body: bytes, found: Salvaged) -> bytes | None:
    try:
        with gzip.open(io.BytesIO(body)) as stream:
            unpacked = stream.read(LARGEST_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        found.reject(f"the gzip data is damaged ({type(error).__name__})", body)
        return None
    if len(unpacked) > LARGEST_UNPACKED:
        found.reject(f"the gzip data unpacks to more than {LARGEST_UNPACKED >> 20} MB", body)
        return None
    return unpacked


def _from_text(text: str, found: Salvaged, depth: int) -> None:
    """Documents one after another; where one is broken, its records one by one."""
    scanner = Scanner(text)
    position = scanner.skip_blanks(0)
    while position < len(text):
        if scanner.exhausted:
            found.broken = True
            found.reject("too much of the body is broken", text[position:])
            return
        outcome = scanner.value_at(position) if text[position] in "{[" else _NO_OBJECT
        if isinstance(outcome, Exception):
            position = _from_broken(scanner, position, found, outcome)
        else:
            document, end = outcome
            _from_document(document, text[position:end], found, depth)
            position = end
        position = scanner.skip_blanks(position)


def _from_document(document: Any, source: str, found: Salvaged, depth: int) -> None:
    """The records in a JSON value, which ``source`` is the text of."""
    match document:
        case {"records": list(records)} if "operationName" not in document:
            found.records += records
        case {"records": dict(record)} if "operationName" not in document:
            found.records.append(record)
        case dict():
            found.records.append(document)
        case list() if depth < _DEEPEST_NESTING:
            kept = [element for element in document if type(element) in _CONTAINERS]
            for element in kept:
                _from_document(element, source, found, depth + 1)
            if len(kept) < len(document):
                found.reject("expected JSON objects with log records", source, len(document) - len(kept))
        case str() if depth < _DEEPEST_NESTING and document.lstrip()[:1] in ("{", "["):
            _from_text(document, found, depth + 1)
        case _:
            found.reject("expected a JSON object with log records", source)


def _from_broken(scanner: Scanner, start: int, found: Salvaged, error: Exception) -> int:
    """Records of the document at ``start`` that is not valid as a whole; returns where the next document begins.

    A broken line of JSON Lines ends at its line break; an envelope may be broken across lines.
    """
    found.broken = True
    text = scanner.text
    envelope = _RECORDS.match(text, start)
    if envelope is None:
        end = scanner.next_line(start)
        found.reject(_reason(error), text[start:end])
        return end
    position = envelope.end()
    for record, skipped, end in _resynchronised(scanner, position):
        if skipped.strip(" \t\r\n,"):
            found.reject("a record is not valid JSON", skipped)
        found.records.append(record)
        position = end
    closed = _CLOSED.match(text, position)
    if closed:
        return closed.end()
    following = scanner.next_line(position)
    if text[position:following].strip(" \t\r\n,]}") or position == envelope.end():
        found.reject(
            "the body ends inside a record, or in text that is no record",
            text[start if position == envelope.end() else position : following],
        )
    return following


def _resynchronised(scanner: Scanner, position: int) -> Iterator[tuple[dict[str, Any], str, int]]:
    """Each whole record from here, with the text skipped before it and where it ends."""
    resume = position
    lost = False
    while not scanner.exhausted:
        position = scanner.skip_blanks(position)
        if scanner.text.startswith("{", position):
            outcome = scanner.value_at(position)
            if not isinstance(outcome, Exception):
                record, end = outcome
                if not lost or any(marks <= record.keys() for marks in _MARKS):
                    yield record, scanner.text[resume:position] if lost else "", end
                    position = resume = end
                    lost = False
                    continue
        elif not lost and not scanner.text.startswith(("[", '"'), position):
            return
        lost = True
        following = _NEXT_RECORD.search(scanner.text, position)
        if following is None:
            return
        position = following.end()


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    return f"not valid JSON: {getattr(error, 'msg', 'unreadable')}"
