"""How far each file has been sent, kept in a small file so that an interrupted sending goes on where it stopped."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from grantwatch.errors import ResumeError

_VERSION = 1


@dataclass(slots=True)
class Sent:
    """What became of a file's bodies so far: how many were dealt with, and which of them, from 1, were left out."""

    digest: str
    bodies: int = 0
    left_out: list[int] = field(default_factory=list)


class Bookmark:
    """How far the files have been sent to a hub. Kept on disk, if it has a place there, after every step."""

    def __init__(self, hub: str, path: Path | None = None, files: dict[str, Sent] | None = None) -> None:
        self._hub = hub
        self._path = path
        self._files = files or {}

    @classmethod
    def at(cls, path: Path, hub: str, names: Iterable[str]) -> Self:
        """Go on from that file, or begin it. Raises ResumeError if a named file or the hub is not what it was."""
        known = _read(path, hub)
        for name in names:
            digest = _digest(name)
            if known.setdefault(name, Sent(digest)).digest != digest:
                raise ResumeError(f"{name} has changed since it was sent in part; name another file with --resume.")
        return cls(hub, path, known)

    def of(self, name: str) -> Sent:
        """What became of that file so far."""
        return self._files.setdefault(name, Sent(""))

    def advance(self, name: str, bodies: int, too_large: int) -> None:
        """Note a step. The state on disk is whole at any moment, and never ahead of what the hub has confirmed."""
        sent = self.of(name)
        sent.bodies += bodies
        sent.left_out += range(sent.bodies - too_large + 1, sent.bodies + 1)
        if self._path is not None:
            files = {name: asdict(each) for name, each in self._files.items()}
            draft = self._path.with_name(self._path.name + ".new")
            draft.write_text(json.dumps({"version": _VERSION, "hub": self._hub, "files": files}, indent=1))
            os.replace(draft, self._path)


def _read(path: Path, hub: str) -> dict[str, Sent]:
    if not path.exists():
        return {}
    try:
        state: dict[str, Any] = json.loads(path.read_bytes())
        known = {name: Sent(**each) for name, each in state["files"].items()}
        version, to = state["version"], state["hub"]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ResumeError(f"{path} does not say how far files were sent; name another with --resume.") from None
    if version != _VERSION or to != hub:
        raise ResumeError(f"{path} says how far files were sent to {to}; name another with --resume.")
    return known


def _digest(name: str) -> str:
    with Path(name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
