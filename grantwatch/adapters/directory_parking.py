"""A parking place in a local directory, for the laptop.

Contents lie under ``contents`` by their names, and what people may want to know of them, as JSON, under ``metadata``.
Both are written to ``incoming`` first and then renamed, so that no reader sees half of one. No name can be the folder
of another, as it can in Blob Storage.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from grantwatch.errors import ParkingUnavailableError, StoreError

_UPWARDS = ("", ".", "..")
_FORBIDDEN = frozenset("\0\\")


class DirectoryPlace:
    """A ParkingPlace in a directory, which is made when something is first put there."""

    def __init__(self, root: Path) -> None:
        self._contents = root / "contents"
        self._metadata = root / "metadata"
        self._incoming = root / "incoming"

    def put(self, name: str, content: bytes, metadata: Mapping[str, str]) -> None:
        about = json.dumps(dict(metadata), indent=1).encode()
        with _faults():
            self._write(_under(self._metadata, name), about)
            self._write(_under(self._contents, name), content)

    def names(self, folder: str, most: int) -> Sequence[str]:
        with _faults():
            found = [path for path in _under(self._contents, folder).rglob("*") if path.is_file()]
        return sorted(path.relative_to(self._contents).as_posix() for path in found)[:most]

    def get(self, name: str) -> bytes | None:
        with _faults():
            try:
                return _under(self._contents, name).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def remove(self, name: str) -> None:
        with _faults():
            for place in (self._contents, self._metadata):
                path = _under(place, name)
                if path.is_file():
                    path.unlink(missing_ok=True)

    def _write(self, path: Path, content: bytes) -> None:
        """Durably, and whole or not at all."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._incoming, delete=False) as stream:
            try:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            except OSError:
                Path(stream.name).unlink()
                raise
        Path(stream.name).replace(path)
        for folder in path.relative_to(self._incoming.parent).parents:
            _settle(self._incoming.parent / folder)


def _under(place: Path, name: str) -> Path:
    """The path of a name. Raises StoreError where it would lead elsewhere."""
    parts = name.split("/")
    path = place.joinpath(*parts)
    if any(part in _UPWARDS or _FORBIDDEN & set(part) for part in parts) or not path.is_relative_to(place):
        raise StoreError("a name that leads out of the parking directory was refused")
    return path


def _settle(folder: Path) -> None:
    """Make a new name in a folder survive a power cut; only POSIX systems need and know this."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ParkingUnavailableError(f"the parking directory: {error.strerror or type(error).__name__}") from None
