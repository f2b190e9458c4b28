"""How long a new process takes until it is of use, beside one that imports the Functions library and nothing else.

Whole processes, in turn, from their start to their end: what the first invocation after a scale-out waits for. All
find their modules compiled, ours and the library's, whatever was compiled before and whatever the environment says:
compiling ours takes as long as all the rest of their import.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tools.load import activity_bodies

LIBRARY, FIRST_MATCH = "azure.functions alone", "first batch matched"
FIRST_FINDING, WITH_CLIENTS = "first finding made", "matched, and the clients of the sink built"

_RECORDS = 500
_ROOT = Path(__file__).parents[2]
MATCH = """
import sys
import function_app
from detectors.catalogue import CATALOGUE
from grantwatch.detection.index import Index
from grantwatch.drafting import Drafting
from grantwatch.intake import Intake
from grantwatch.memory.entities import Entity
from grantwatch.memory.windows import Windows
from grantwatch.settings import Settings
index = Index(CATALOGUE)
matches = 0
for key, facts in Intake(index, Settings()).take(sys.stdin.buffer.readlines()).facts.items():
    entity = Entity(key=key)
    entity.join(facts)
    matches += len(Drafting(index, Windows()).draft(entity, [], {}).matches)
assert matches
"""
"""A program that imports the function app and matches what comes through its standard input."""
_PROGRAMS = {
    LIBRARY: "import azure.functions",
    FIRST_MATCH: MATCH,
    FIRST_FINDING: """
import sys
import function_app
from grantwatch.local import engine
assert engine().process(sys.stdin.buffer.readlines()).published
""",
    WITH_CLIENTS: f"""{MATCH}
from grantwatch.adapters.credentials import credential
from grantwatch.adapters.log_analytics import ingestion_client
ingestion_client("https://example.ingest.monitor.azure.com", credential(managed_identity=True)).close()
""",
}


@dataclass(frozen=True)
class ColdStart:
    """Seconds of each kind of process, by round."""

    seconds: Mapping[str, tuple[float, ...]]

    def ratio(self, program: str) -> float:
        """How many times as long as with the library alone, as the median over the rounds."""
        return median(own / library for own, library in zip(self.seconds[program], self.seconds[LIBRARY], strict=True))


def cold_start(rounds: int) -> ColdStart:
    """Start each program so many times, in turn. Raises CalledProcessError when one fails."""
    batch = b"\n".join(activity_bodies(_RECORDS))
    seconds: dict[str, list[float]] = {program: [] for program in _PROGRAMS}
    with TemporaryDirectory() as compiled:
        for program in _PROGRAMS:
            _run(program, batch, compiled)  # writes what Python compiles
        for _ in range(rounds):
            for program, spent in seconds.items():
                spent.append(_run(program, batch, compiled))
    return ColdStart({program: tuple(spent) for program, spent in seconds.items()})


def _run(program: str, batch: bytes, compiled: str) -> float:
    start = time.perf_counter()
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}
    environment = {**os.environ, **bytecode, "PYTHONPATH": str(_ROOT)}
    subprocess.run([sys.executable, "-c", _PROGRAMS[program]], input=batch, env=environment, cwd=_ROOT, check=True)
    return time.perf_counter() - start
