"""A sweep costs in proportion to what is due, not to what is stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from grantwatch import local
from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.memory.due import Cause, due_rows
from grantwatch.model.operation import OperationKey
from grantwatch.ports import Row, RowKey
from grantwatch.settings import Settings
from tests.memory.life import Clock
from tests.world import DISK, NOON, OWNER, body_of, disk_access
from tools.azure_records import Record

DUE = 20
FEW, MANY = 8_000, 1_000_000
MOST_ROWS = 20
"""That a grant which was left open may touch: its own, those of its topics, and those of what tells of it."""
_LATER = timedelta(days=30)
_HOURS = 8_000


class CountingStore(MemoryStore):
    """Counts the calls, and the rows that they touch."""

    calls = 0
    touched = 0

    def _count(self, rows: int) -> None:
        self.calls += 1
        self.touched += rows

    def insert(self, rows: Sequence[Row]) -> None:
        self._count(len(rows))
        super().insert(rows)

    def read(self, keys: Sequence[RowKey]) -> Mapping[RowKey, Row]:
        self._count(len(keys))
        return super().read(keys)

    def scan(self, partitions: Sequence[str]) -> Sequence[Row]:
        found = super().scan(partitions)
        self._count(len(found))
        return found

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self._count(len(rows))
        return super().swap(rows)

    def delete(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self._count(len(rows))
        return super().delete(rows)


def stored(number: int) -> CountingStore:
    """A store that so many grants are noted in, which are due in the hours of a year from a month on."""
    rows = []
    for hour in range(_HOURS):
        key = OperationKey(tenant=OWNER.id, correlation_id=str(hour), name="x", resource="/x")
        listed, due = due_rows(key, NOON + _LATER + timedelta(hours=hour), NOON, Cause.GRANT)
        rows += [listed, *(Row(due.partition, f"{due.name}-{each}", due.content) for each in range(number // _HOURS))]
    return CountingStore(rows)


def swept(others: int, *, grants: int = DUE) -> tuple[int, int]:
    """Calls of the store, and rows touched, when calls have lapsed and grants were left open, whatever else is due."""
    store, sink, clock = stored(others), MemorySink(), Clock()
    engine = local.engine(store=store, sink=sink, clock=clock, settings=Settings(owner_tenant_id=OWNER.id))
    engine.process([body_of(disk_access(number)[:1]) for number in range(DUE)])
    engine.process([body_of(_disk_left_open(number)) for number in range(grants)])
    store.calls = store.touched = 0
    clock.now = NOON + timedelta(hours=25)
    engine.sweep(clock.now)
    found = Counter(finding.Detector for finding in sink.current())
    assert found == Counter({"disk_access_granted": DUE + grants, "grant_left_open": grants})
    return store.calls, store.touched


def _disk_left_open(number: int) -> list[Record]:
    request = {"access": "Read", "durationInSeconds": 864_000}
    return disk_access(DUE + number, resource=f"{DISK}-{number}", request=request)


def test_a_sweep_of_a_million_open_grants_touches_only_what_is_due() -> None:
    """Beside the list of hours in which anything is due, which a year makes 8,760 rows long at most."""
    assert swept(MANY) == swept(FEW)


def test_grants_that_were_left_open_cost_rows_in_proportion_and_no_further_call() -> None:
    calls, touched = swept(FEW)
    more_calls, more_touched = swept(FEW, grants=10 * DUE)

    assert more_calls == calls
    assert more_touched - touched <= MOST_ROWS * 9 * DUE
