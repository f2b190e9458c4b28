"""What was set aside, in bundles: records in ``deadletter/``, rows in ``outbox/``.

A bundle is gzip JSON Lines and is named by the hash of what is in it, so that parking the same twice leaves one. Its
metadata, for people, says why it is there and where it came from; the lines are all that is needed to try again.
"""

import gzip
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from grantwatch.delivery import Delivery
from grantwatch.errors import UnreadableBundleError
from grantwatch.model.severity import Severity
from grantwatch.ports import Parked, ParkingPlace, Refused

DEAD_LETTERS, OUTBOX = "deadletter", "outbox"
_BUNDLE = 4 * 1024 * 1024
_NUMBERS_SHOWN = 20
_LINE_VERSION = 1
_BY_URGENCY = tuple(reversed(Severity))
_REFUSED_AGAIN = "9-again"
_SOUND, _UNREADABLE = "0-sound", "1-unreadable"


class _Item(Struct, kw_only=True, omit_defaults=True):
    """A line of a bundle of dead letters. What is no UTF-8 is kept in base64."""

    version: int = _LINE_VERSION
    reason: str
    detector: str | None = None
    body: str = ""
    base64: str = ""
    origin: str | None = None
    sound: bool = False


class _Row(Struct, kw_only=True):
    """A line of a bundle of the outbox."""

    version: int = _LINE_VERSION
    table: str
    reason: str
    row: dict[str, Any]


L = TypeVar("L", _Item, _Row)


class DeadLetters:
    """Parking for the records of one delivery."""

    def __init__(self, place: ParkingPlace, delivery: Delivery) -> None:
        self._place = place
        self._delivery = delivery

    def park(self, items: Sequence[Parked]) -> None:
        """Store the items durably, those with one reason together. Raises what the place raises."""
        alike: dict[tuple[str, str | None, bool], list[Parked]] = {}
        for item in items:
            alike.setdefault((item.reason, item.detector, item.sound), []).append(item)
        for (reason, detector, sound), group in alike.items():
            folder = f"{DEAD_LETTERS}/{_SOUND if sound else _UNREADABLE}"
            for lines in _bundles(dict.fromkeys(_line_of(item, self._origin(item)) for item in group)):
                metadata = {"reason": reason, "items": str(len(lines)), **self._coordinates(group)}
                _put(self._place, folder, lines, metadata | ({"detector": detector} if detector else {}))

    def _origin(self, item: Parked) -> str:
        """Source, partition and sequence number, as far as known; of what was parked before, what it had then."""
        known = dict(enumerate(self._delivery.sequence_numbers))
        number = "" if item.number is None else known.get(item.number, "")
        return item.origin or f"{self._delivery.source}/{self._delivery.partition or ''}/{number}"

    def _coordinates(self, items: Iterable[Parked]) -> dict[str, str]:
        numbers = self._delivery.sequence_numbers
        places = sorted({item.number for item in items if item.number is not None and item.number < len(numbers)})
        shown = ",".join(str(numbers[place]) for place in places[:_NUMBERS_SHOWN])
        return {
            "source": self._delivery.source,
            "partition": self._delivery.partition or "",
            "sequence_numbers": shown + (",and more" if len(places) > _NUMBERS_SHOWN else ""),
        }


def parked_in(bundle: bytes) -> list[Parked]:
    """The items of a bundle of dead letters. Raises UnreadableBundleError on what is none."""
    return [
        Parked(
            line.reason,
            b64decode(line.base64) if line.base64 else line.body.encode(),
            line.detector,
            origin=line.origin,
            sound=line.sound,
        )
        for line in _lines(bundle, _Item)
    ]


def put_outbox(place: ParkingPlace, table: str, refused: Iterable[Refused], *, again: bool = False) -> set[str]:
    """Keep rows that a table would not take, those of the highest severity to be delivered first.

    ``again`` sets those behind all others that were refused before. Returns the names of the bundles.
    """
    names = set()
    alike: dict[tuple[str, str], list[Refused]] = {}
    for each in refused:
        alike.setdefault((_REFUSED_AGAIN if again else _urgency(each.row), each.reason), []).append(each)
    for (urgency, reason), group in alike.items():
        for lines in _bundles(_row_line(table, each) for each in group):
            metadata = {"reason": reason, "items": str(len(lines)), "table": table}
            names.add(_put(place, f"{OUTBOX}/{urgency}", lines, metadata))
    return names


def rows_in(bundle: bytes) -> dict[str, list[dict[str, Any]]]:
    """The rows of a bundle of the outbox, by table. Raises UnreadableBundleError on what is none."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in _lines(bundle, _Row):
        rows.setdefault(line.table, []).append(line.row)
    return rows


def _urgency(row: bytes) -> str:
    """A folder, such that folders in order of name are in order of severity."""
    severity = Severity(msgspec.json.decode(row)["Severity"])
    return f"{_BY_URGENCY.index(severity)}-{severity}"


def _line_of(item: Parked, origin: str) -> bytes:
    line = _Item(reason=item.reason, detector=item.detector, origin=origin, sound=item.sound)
    try:
        line.body = item.body.decode()
    except UnicodeDecodeError:
        line.base64 = b64encode(item.body).decode()
    return msgspec.json.encode(line)


def _row_line(table: str, refused: Refused) -> bytes:
    row = msgspec.json.decode(refused.row)
    row.pop("TimeGenerated", None)  # the time of emission, which is still to come
    return msgspec.json.encode(_Row(table=table, reason=refused.reason, row=row))


def _lines(bundle: bytes, kind: type[L]) -> list[L]:
    try:
        lines = msgspec.json.Decoder(kind).decode_lines(gzip.decompress(bundle))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UnreadableBundleError(f"the bundle cannot be read: {type(error).__name__}") from None
    if not lines:
        raise UnreadableBundleError("the bundle is empty")
    return lines


def _bundles(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    bundle: list[bytes] = []
    size = 0
    for line in lines:
        if bundle and size + len(line) > _BUNDLE:
            yield bundle
            bundle, size = [], 0
        bundle.append(line)
        size += len(line)
    if bundle:
        yield bundle


def _put(place: ParkingPlace, folder: str, lines: Sequence[bytes], metadata: dict[str, str]) -> str:
    content = b"\n".join(lines) + b"\n"
    name = f"{folder}/{sha256(content).hexdigest()[:32]}.jsonl.gz"
    place.put(name, gzip.compress(content, mtime=0), metadata)
    return name
