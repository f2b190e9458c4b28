"""Azurite, Microsoft's emulator of Azure Storage: a process of its own on loopback, with its data in memory."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

MODULES = Path(__file__).parent / "node_modules"

_SCRIPT = MODULES / "azurite" / "dist" / "src" / "azurite.js"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Of Azurite's one account, published with it."""
_LISTENS = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")
_TIED_TO_US = "data:text/javascript,process.stdin.on('end',()=>process.exit()).resume()"
"""Ends the process when this one ends, however that comes about, and its input is closed."""
_LONGEST_START = 60


@dataclass(frozen=True)
class Azurite:
    """Where it listens, as connection strings."""

    blob: str
    table: str


@contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """A running Azurite. Without what it needs the test is skipped, and fails where CI is true."""
    node = shutil.which("node")
    if node is None or not _SCRIPT.is_file():
        missing("Azurite needs Node, and the packages that `make unit` installs for tests/stand_ins")
    ports = [f"--{service}Port=0" for service in ("blob", "queue", "table")]
    quietly = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    said = folder / "azurite.log"
    with said.open("wb") as output:
        command = [node, "--import", _TIED_TO_US, str(_SCRIPT), *ports, *quietly]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=output, stderr=output)
    with process:
        try:
            listening = _listening(process, said)
            yield Azurite(blob=_connection("Blob", listening["Blob"]), table=_connection("Table", listening["Table"]))
        finally:
            process.kill()


def missing(what: str) -> NoReturn:
    """Skip the test, but fail it where CI is true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}; where CI is true, that must be there")
    pytest.skip(what)


def _listening(process: "subprocess.Popen[bytes]", said: Path) -> dict[str, str]:
    """The port of each service, once all of them listen."""
    end = time.monotonic() + _LONGEST_START
    while time.monotonic() < end and process.poll() is None:
        found = dict(_LISTENS.findall(said.read_text()))
        if len(found) == 3:
            return found
        time.sleep(0.05)
    pytest.fail(f"Azurite did not start: {said.read_text()}")


def _connection(service: str, port: str) -> str:
    account = "devstoreaccount1"
    endpoint = f"{service}Endpoint=http://127.0.0.1:{port}/{account}"
    return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={_KEY};{endpoint};"
