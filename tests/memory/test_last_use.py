"""What is used after it was ended had not ended, in whatever order that becomes known, and whoever hears of it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch import local
from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.memory.facts import LastUse
from grantwatch.model.grant import GrantKind, GrantStatus
from grantwatch.settings import Settings
from tests.strategies import stable
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, SUBSCRIPTION, body_of, sas_read
from tools.azure_records import OAuth, Record, activity_call, storage_request
from tools.bench.state import CountingStore

_DAY = NOON.replace(hour=0)
_RENEW = "Microsoft.Storage/storageAccounts/regenerateKey/action"
_REVOKE = "Microsoft.Storage/storageAccounts/revokeUserDelegationKeys/action"


def at(hour: float) -> datetime:
    return _DAY + timedelta(hours=hour)


def used(hour: float) -> list[Record]:
    return [sas_read(int(hour * 60), at(hour), path="/reports/one.csv")]


def renewed(hour: float) -> list[Record]:
    key = {"keyName": "key1"}
    return activity_call(Random(hour), ADMIN, SUBSCRIPTION, _RENEW, ACCOUNT.resource_id, at(hour), request=key)


def asked(hour: float) -> list[Record]:
    return [storage_request(Random(hour), ACCOUNT, "GetUserDelegationKey", at(hour), OAuth(ADMIN), ADMIN.address)]


def revoked(hour: float) -> list[Record]:
    return activity_call(Random(hour), ADMIN, SUBSCRIPTION, _REVOKE, ACCOUNT.resource_id, at(hour))


def engines(number: int) -> tuple[list[Engine], MemorySink]:
    store, sink = MemoryStore(), MemorySink()
    settings = Settings(owner_tenant_id=OWNER.id)
    return [local.engine(store=store, sink=sink, settings=settings) for _ in range(number)], sink


def standing(sink: MemorySink, kind: GrantKind) -> GrantStatus | None:
    (finding,) = [each for each in sink.current() if each.GrantKind is kind]
    return finding.GrantStatus


Calls = Callable[[float], list[Record]]
both = pytest.mark.parametrize(
    ("use", "end", "kind"),
    [(used, renewed, GrantKind.SAS_IN_USE), (asked, revoked, GrantKind.USER_DELEGATION_KEY)],
    ids=["SAS", "delegation key"],
)


@both
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("uses", "ends", "expected"),
    [
        ((12,), (13,), GrantStatus.REVOKED),
        ((12, 15), (13,), GrantStatus.OPEN),
        ((12, 13.1), (13.05,), GrantStatus.OPEN),
        ((12, 15), (13, 16), GrantStatus.REVOKED),
        ((12, 12.5, 17.2), (16.9, 16.95), GrantStatus.OPEN),
    ],
)
def test_a_grant_is_open_that_was_used_after_the_last_ending(
    use: Calls, end: Calls, kind: GrantKind, number: int, uses: Sequence[float], ends: Sequence[float], expected: str
) -> None:
    told = [*map(use, uses), *map(end, ends)]
    for order in permutations([body_of(records) for records in told]):
        running, sink = engines(number)
        for place, body in enumerate((*order, *order[:2])):
            running[place % number].process([body])

        assert standing(sink, kind) is expected


@both
def test_what_comes_in_one_batch_comes_to_the_same(use: Calls, end: Calls, kind: GrantKind) -> None:
    (engine,), sink = engines(1)
    engine.process([body_of([*use(15), *end(13), *use(12)])])

    assert standing(sink, kind) is GrantStatus.OPEN


times = st.integers(0, 6 * 60).map(lambda minutes: LastUse(NOON + timedelta(minutes=minutes)))


@stable(200)
@given(st.lists(times, min_size=1), st.randoms(use_true_random=False))
def test_the_first_use_of_the_last_hour_holds_in_any_order(found: list[LastUse], random: Random) -> None:
    mixed = found * 2
    random.shuffle(mixed)
    held: LastUse | None = None
    known = 0
    for each in mixed:
        if each.tells_more_than(held):
            held = each
            assert each.known(NOON) > known
            known = each.known(NOON)

    hour = max(each.time for each in found).replace(minute=0)
    assert held is not None
    assert held.time == min(each.time for each in found if each.time >= hour)


def test_a_sas_that_is_used_all_day_costs_a_reading_and_a_swap_an_hour() -> None:
    """Beside the counts, which are swapped for every batch."""
    store = CountingStore()
    engine = local.engine(store=store, settings=Settings(owner_tenant_id=OWNER.id))
    engine.process([body_of(used(8))])
    engine.process([body_of(used(8.1))])
    costs = []
    for hour in (8.2, 8.3, 9.5, 9.6, 10.1, 10.2):
        before = store.operations
        engine.process([body_of(used(hour))])
        costs.append(store.operations - before)

    entities = 2
    assert costs == [1, 1, 1 + 2 * entities, 1, 1 + 2 * entities, 1]
