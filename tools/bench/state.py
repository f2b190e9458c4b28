"""What the engine asks of its state: operations and round trips, and the memory of what it counts of many SAS."""

import gc
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from detectors.catalogue import CATALOGUE
from grantwatch.adapters.in_memory import MemoryStore
from grantwatch.detection.index import Index
from grantwatch.intake import Intake
from grantwatch.local import engine
from grantwatch.memory.volumes import Bucket, Volumes
from grantwatch.memory.windows import Windows
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.operation import OperationKey
from grantwatch.model.transfer import Transfer
from grantwatch.ports import Found, Row, RowKey
from grantwatch.settings import Settings
from tools.azure_records import signature_hash
from tools.bench.memory import mark_idle, resident
from tools.bench.variants import BATCH

SIGNATURES = 100_000
_REQUESTS = 3
_AT_ONCE = 1_000


class CountingStore(MemoryStore):
    """Counts its calls, and the rows and partitions that each was about."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.round_trips = 0

    def insert(self, rows: Sequence[Row]) -> None:
        self._note(len(rows))
        super().insert(rows)

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        self._note(len(keys))
        return super().read(keys)

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        self._note(len(partitions))
        return super().scan(partitions)

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self._note(len(rows))
        return super().swap(rows)

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        self._note(len(rows))
        return super().replace(rows)

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self._note(len(rows))
        return super().delete(rows)

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        self._note(len(insert) + len(read) + len(scan))
        found = Found(super().read(read), super().scan(scan))
        super().insert(insert)
        return found

    def _note(self, operations: int) -> None:
        self.operations += operations
        self.round_trips += 1


@dataclass(frozen=True)
class Cost:
    """What a load cost. Interesting are ARM calls that some detector is for, and each SAS in each batch."""

    name: str
    records: int
    batches: int
    interesting: int
    operations: int
    round_trips: int

    @property
    def of_an_interesting_call(self) -> float:
        return self.operations / max(1, self.interesting)

    @property
    def of_a_thousand_records(self) -> float:
        return 1_000 * self.operations / max(1, self.records)


def cost_of(name: str, bodies: Sequence[bytes]) -> Cost:
    """What these bodies cost in batches, without the sweep at their end."""
    store, intake = CountingStore(), Intake(Index(CATALOGUE), Settings())
    running = engine(store=store)
    calls: set[OperationKey] = set()
    records = batches = uses = 0
    for start in range(0, len(bodies), BATCH):
        part = bodies[start : start + BATCH]
        records += running.process(part).records
        taken = intake.take(part)
        calls |= {key for key in taken.facts if isinstance(key, OperationKey)}
        uses += len({key.natural[:2] for key in taken.facts if isinstance(key, GatheringKey)})
        batches += 1
    return Cost(name, records, batches, len(calls) + uses, store.operations, store.round_trips)


def memory_of_signatures() -> int:
    """Bytes that the counts of 100,000 SAS take in a process. Raises CalledProcessError when it fails."""
    done = subprocess.run([sys.executable, "-m", "tools.bench.state"], stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=int)


class _Elsewhere(MemoryStore):
    """Keeps nothing in this process, as a table elsewhere."""

    def replace(self, rows: Sequence[Row]) -> Mapping[RowKey, str]:
        return {row.key: "W/\"datetime'2026-03-10T12%3A00%3A00.0000000Z'\"" for row in rows}


def _counted() -> int:
    counting = Volumes(_Elsewhere(), Windows().bulk)
    begin = datetime(2026, 3, 10, 12, tzinfo=UTC)
    gc.collect()
    idle = mark_idle()
    for start in range(0, SIGNATURES, _AT_ONCE):
        transfers: dict[Bucket, Sequence[Transfer]] = {}
        for number in range(start, start + _AT_ONCE):
            natural = (f"contoso{number % 20:02d}", signature_hash(f"sas {number}"), "2026-03-10")
            key = GatheringKey(tenant="", detector="bulk_read_through_sas", natural=natural)
            transfers[key, begin] = [Transfer(number + place, 4096, number + place) for place in range(_REQUESTS)]
        counting.count(transfers)
    return resident("VmHWM") - idle


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_counted()))
