"""A grant that stands for months is remembered until it ends, in a store that forgets what nobody touches."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

import pytest

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.adapters.table_store import RETENTION
from grantwatch.model.grant import GrantStatus
from grantwatch.ports import Found, Row, RowKey
from grantwatch.settings import Settings
from tests.memory.life import Clock
from tests.world import ADMIN, NOON, OWNER, SUBSCRIPTION, body_of
from tools.azure_records import activity_call

DELEGATION = f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationAssignments/partner"
DEFINITION = f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationDefinitions/partner"
WRITE, DELETE = (f"Microsoft.ManagedServices/registrationAssignments/{verb}" for verb in ("write", "delete"))
DAY = timedelta(days=1)
ROWS = 6
"""Of an entity, and of the courses that its finding counts in."""


class ForgettingStore(MemoryStore):
    """Forgets rows that were neither inserted nor swapped for as long as tables keep them."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._touched: dict[RowKey, datetime] = {}
        self.swaps = 0

    def insert(self, rows: Sequence[Row]) -> None:
        super().insert(rows)
        self._touch(rows)

    def swap(self, rows: Sequence[Row]) -> Sequence[RowKey]:
        self.swaps += len(rows)
        self._touch(rows)
        return super().swap(rows)

    def exchange(self, *, insert: Sequence[Row] = (), read: Sequence[RowKey] = (), scan: Sequence[str] = ()) -> Found:
        found = super().exchange(read=read, scan=scan)
        self.insert(insert)
        return found

    def forget(self) -> None:
        old = [key for key, touched in self._touched.items() if self._clock.now - touched > RETENTION]
        found: Mapping[RowKey, Row] = self.read(old)
        self.delete(list(found.values()))
        for key in old:
            del self._touched[key]

    def _touch(self, rows: Sequence[Row]) -> None:
        self._touched.update({row.key: self._clock.now for row in rows})


class Months:
    """An engine whose timer sweeps once a day, for as long as it is let run."""

    def __init__(self) -> None:
        self.clock = Clock(NOON)
        self.store, self.sink = ForgettingStore(self.clock), MemorySink()
        settings = Settings(owner_tenant_id=OWNER.id)
        self.engine = local.engine(
            store=self.store, sink=self.sink, parking=MemoryParking(), settings=settings, clock=self.clock
        )

    def tell(self, operation: str, request: object = None) -> None:
        call = activity_call(Random(1), ADMIN, SUBSCRIPTION, operation, DELEGATION, self.clock.now, request=request)
        self.engine.process([body_of([record]) for record in call])

    def let_pass(self, days: int) -> None:
        for _ in range(days):
            self.clock.now += DAY
            self.engine.sweep(self.clock.now)
            self.store.forget()

    @property
    def status(self) -> set[GrantStatus | None]:
        return {each.GrantStatus for each in self.sink.current() if each.GrantId is not None}


@pytest.mark.parametrize("days", [20, 60, 200])
def test_a_delegation_that_ends_after_months_is_told_to_have_ended(days: int) -> None:
    months = Months()
    months.tell(WRITE, {"properties": {"registrationDefinitionId": DEFINITION}})
    months.let_pass(days)
    assert months.status == {GrantStatus.OPEN}

    months.tell(DELETE)

    assert months.status == {GrantStatus.REVOKED}


def test_what_stands_is_stored_anew_every_four_weeks_and_what_has_ended_no_more() -> None:
    months = Months()
    months.tell(WRITE, {"properties": {"registrationDefinitionId": DEFINITION}})
    before = months.store.swaps
    months.let_pass(28 * 5 + 1)
    assert 5 <= months.store.swaps - before <= 5 * ROWS

    months.tell(DELETE)
    months.let_pass(29)
    ended = months.store.swaps
    months.let_pass(100)

    assert months.store.swaps == ended
    assert len(months.sink.findings) == len({(each.FindingId, each.Revision) for each in months.sink.findings})
