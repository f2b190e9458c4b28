"""Event Hubs for tests: the broker of event_hubs.js as a process of its own, on loopback."""

import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest

HERE = Path(__file__).parent
Test = TypeVar("Test", bound=Callable[..., None])
KEY = "c3RhbmQtaW4ta2V5"


def reason_not_to_run() -> str | None:
    """Why the broker cannot be started here; None if it can."""
    if shutil.which("node") is None:
        return "Node is not installed"
    if not (HERE / "node_modules" / "rhea").is_dir():
        return "the local servers are not installed: make servers"
    return None


def breaks_connections(test: Test) -> Test:
    """Marks a test that breaks connections: the client lets go of those without closing them."""
    quiet = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:loop is closed:ResourceWarning")
    marked: Test = pytest.mark.usefixtures("rubbish_collected")(quiet(test))
    return marked


class EventHubs:
    """A namespace with these hubs, each with so many partitions. A context manager: it ends with the block."""

    def __init__(self, hubs: Mapping[str, int]) -> None:
        self._process = subprocess.Popen(
            ["node", str(HERE / "event_hubs.js"), json.dumps(dict(hubs)), KEY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port: int = self._answer()["port"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def connection_string(self, hub: str, key: str = KEY) -> str:
        """As the portal shows it for a hub, with the mark of an emulator: no TLS."""
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=tests;SharedAccessKey={key};"
            f"UseDevelopmentEmulator=true;EntityPath={hub}"
        )

    def stored(self, hub: str) -> list[list[bytes]]:
        """The bodies of each partition, in order."""
        return [[b64decode(body) for body in bodies] for bodies in self._do("stored", hub=hub)]

    def seed(self, hub: str, partition: int, bodies: Sequence[bytes]) -> None:
        """Store bodies without a client."""
        self._do("seed", hub=hub, partition=partition, bodies=[b64encode(body).decode() for body in bodies])

    def readers(self, hub: str) -> dict[str, int]:
        """How many read each partition now."""
        return dict(self._do("readers", hub=hub))

    def connections_so_far(self) -> int:
        return int(self._do("opened"))

    def drop(self, **when: int) -> None:
        """Cut every connection now; or one ``after_stored`` or ``after_given`` so many more bodies."""
        self._do("drop", **when)

    def refuse(self, sends: int, *, after_stored: int = 0) -> None:
        """Answer so many sends with server-busy, once so many more bodies are stored."""
        self._do("busy", sends=sends, after_stored=after_stored)

    def _do(self, command: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return self._answer()["answer"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the broker has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer
