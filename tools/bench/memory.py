"""How much memory the engine takes while bodies flow through it, measured in a process that does nothing else.

The bodies come through a pipe from another process. What counts is the high-water mark of resident memory above what
the process held when it was ready: imports done, the engine built. Bodies in hand and findings in the sink count.
"""

import gc
import resource
import subprocess
import sys
from itertools import islice
from pathlib import Path

import msgspec

from grantwatch.local import engine
from tools.bench.flow import read_bodies
from tools.bench.variants import BATCH

_STATUS = Path("/proc/self/status")
_RESET_HIGH_WATER_MARK = "5"  # man proc_pid_clear_refs


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What flowed, and resident bytes when ready and at most."""

    bytes_processed: int
    records: int
    idle: int
    peak: int

    @property
    def growth(self) -> int:
        return self.peak - self.idle


def peak_memory(megabytes: int) -> Memory:
    """Let that many megabytes of storage bodies flow through an engine. Raises CalledProcessError when it fails."""
    source = [sys.executable, "-m", "tools.bench.flow", str(megabytes)]
    engine_side = [sys.executable, "-m", "tools.bench.memory"]
    with subprocess.Popen(source, stdout=subprocess.PIPE) as flow:
        done = subprocess.run(engine_side, stdin=flow.stdout, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Memory)


def _watched() -> Memory:
    """Process what comes through standard input."""
    ready = engine()
    bodies = read_bodies(sys.stdin.buffer)
    gc.collect()
    idle = mark_idle()
    size = records = 0
    while batch := list(islice(bodies, BATCH)):
        size += sum(map(len, batch))
        records += ready.process(batch).records
    ready.sweep()
    return Memory(bytes_processed=size, records=records, idle=idle, peak=resident("VmHWM"))


def mark_idle() -> int:
    """Resident bytes now. Linux also forgets earlier highs; elsewhere growth counts from the highest one so far."""
    if _STATUS.exists():
        Path("/proc/self/clear_refs").write_text(_RESET_HIGH_WATER_MARK)
    return resident("VmRSS")


def resident(field: str) -> int:
    """Resident bytes of this process: ``VmRSS`` now, ``VmHWM`` at most."""
    if _STATUS.exists():
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_watched()))
