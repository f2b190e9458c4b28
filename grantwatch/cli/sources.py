"""Message bodies from files: what ``replay`` and ``send`` read."""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

STANDARD_INPUT = "-"
EXPECTED = "expected Azure Activity or Storage log records as JSON or JSON Lines, plain or gzip"
_SUFFIXES = (".json", ".jsonl", ".ndjson", ".log", ".gz")
_GZIP = b"\x1f\x8b"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # as PowerShell writes what `az` prints into a file


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A source that nothing could be had from, and a sentence that says why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}; {EXPECTED}."


def expanded(names: Sequence[str]) -> Iterator[str | Unreadable]:
    """Each file, with directories replaced by the log files in them, in order of name."""
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT or not path.is_dir():
            yield name
            continue
        found = sorted(str(each) for each in path.rglob("*") if each.is_file() and each.name.endswith(_SUFFIXES))
        if not found:
            yield Unreadable(name, f"the directory has no file named {', '.join('*' + each for each in _SUFFIXES)}")
        yield from found


def size_of(name: str) -> int:
    """Bytes to read, 0 where that is not known."""
    path = Path(name)
    return path.stat().st_size if name != STANDARD_INPUT and path.is_file() else 0


def total_size(names: Sequence[str]) -> int:
    """Bytes in all sources together, as far as known."""
    return sum(size_of(name) for name in expanded(names) if isinstance(name, str))


def bodies_in(name: str, on_read: Callable[[int], None]) -> Iterator[bytes]:
    """The message bodies in a file, a line each, or all of it when it is one document over several lines.

    ``on_read`` is told how many bytes of the file were read since it was told last. Raises OSError where the file
    cannot be read, EOFError or zlib.error where it is gzip and damaged.
    """
    with sys.stdin.buffer if name == STANDARD_INPUT else Path(name).open("rb") as raw:
        counted = _Counted(raw, on_read)
        stream = io.BufferedReader(counted, 1024 * 1024)
        packed = stream.peek(2).startswith(_GZIP)
        content: Any = gzip.GzipFile(fileobj=stream) if packed else stream
        if content.peek(2).startswith(_UTF_16):
            content = io.BytesIO(content.read().decode("utf-16", "replace").encode())
        first = content.readline()
        while first and not first.strip():
            first = content.readline()
        if _is_whole(first):
            yield first
            yield from (line for line in content if line.strip())
        elif first:
            yield first + content.read()


def _is_whole(line: bytes) -> bool:
    """Whether a first line looks like a document of its own, so that every line is one."""
    stripped = line.strip()
    return (stripped[:1], stripped[-1:]) in ((b"{", b"}"), (b"[", b"]")) and len(stripped) > 2


class _Counted(io.RawIOBase):
    """Tells how far a stream was read."""

    def __init__(self, stream: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._stream = stream
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._on_read(len(data))
        return len(data)


def reason_of(error: Exception) -> str:
    """Why a source could not be read, in a few words."""
    match error:
        case FileNotFoundError():
            return "there is no such file"
        case PermissionError():
            return "it may not be read"
        case EOFError() | zlib.error() | gzip.BadGzipFile():
            return "the gzip data is damaged or cut off"
        case _:
            return getattr(error, "strerror", None) or type(error).__name__
