"""Of a flood of findings of one kind the first hundred have rows, and one row tells of the others."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.model.finding import Finding
from grantwatch.model.severity import Severity
from grantwatch.settings import Settings
from tests.memory.life import Clock
from tests.world import ADMIN, NOON, OWNER, SUBSCRIPTION, body_of, content_of
from tools.azure_records import Account, Record, activity_call

LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
WRITE = "Microsoft.Storage/storageAccounts/write"
FLOOD = 300


def call(number: int, operation: str, minutes: float, request: Any = None) -> list[Record]:
    resource = Account(f"account{number}", SUBSCRIPTION, "data").resource_id
    at = NOON + timedelta(minutes=minutes)
    return activity_call(Random(number), ADMIN, SUBSCRIPTION, operation, resource, at, request=request)


def opened(number: int, action: str, minutes: float) -> list[Record]:
    whole = {"location": "westeurope", "sku": {"name": "Standard_LRS"}}
    return call(number, WRITE, minutes, {**whole, "properties": {"networkAcls": {"defaultAction": action}}})


def told(calls: Sequence[Sequence[Record]], *, at_once: int, sink: MemorySink | None = None) -> MemorySink:
    sink, records = sink or MemorySink(), [record for each in calls for record in each]
    settings = Settings(owner_tenant_id=OWNER.id)
    engine = local.engine(store=MemoryStore(), sink=sink, parking=MemoryParking(), settings=settings, clock=Clock(NOON))
    for start in range(0, len(records), at_once):
        engine.process([body_of(records[start : start + at_once])])
        engine.process([body_of(records[start : start + at_once])])
    return sink


def of(detector: str, sink: MemorySink) -> list[Finding]:
    return sorted((each for each in sink.current() if each.Detector == detector), key=lambda each: each.EventTime)


def flood() -> list[list[Record]]:
    return [call(number, LIST_KEYS, 59 * number / FLOOD) for number in range(FLOOD)]


def test_of_a_flood_the_first_hundred_have_rows_and_all_stay_in_the_list_of_grants() -> None:
    sink = told(flood(), at_once=30)

    rows, (one,) = of("account_keys_read", sink), of("findings_rolled_up", sink)
    assert [each.TargetName for each in rows] == [f"account{number}" for number in range(100)]
    assert one.Evidence["Findings"] == "256 or more"
    assert one.RelatedFindingIds == tuple(each.FindingId for each in rows)
    assert len({row.GrantId for row in sink.grants if row.Detector == "account_keys_read"}) == FLOOD
    assert len([each for each in sink.findings if each.Detector == "findings_rolled_up"]) <= 5


def test_whatever_the_order_the_first_hundred_have_rows_and_the_same_is_told() -> None:
    calls = flood()
    in_order = told(calls, at_once=30)
    first = {each.FindingId for each in of("account_keys_read", in_order)}

    for order, at_once in ((calls[::-1], 7), (Random(1).sample(calls, len(calls)), 50), (calls, 10_000)):
        other = told(order, at_once=at_once)
        assert content_of(other.current()) == content_of(in_order.current())
        assert first <= {each.FindingId for each in of("account_keys_read", other)}


def test_the_next_hour_is_told_by_itself() -> None:
    calls = [*flood(), *(call(number, LIST_KEYS, 61) for number in range(FLOOD, FLOOD + 50))]

    sink = told(calls, at_once=30)

    assert len(of("account_keys_read", sink)) == 150
    assert len(of("findings_rolled_up", sink)) == 1


def test_one_of_many_gets_a_row_when_it_turns_out_worse() -> None:
    calls = [opened(number, "Allow", number / 3) for number in range(150)]
    sink = told(calls, at_once=30)
    assert {each.Severity for each in of("network_opened", sink)} == {Severity.LOW}
    assert len(of("network_opened", sink)) == 100

    sink = told([*calls, opened(149, "Deny", -30)], at_once=30)

    worse = [each for each in of("network_opened", sink) if each.Severity is Severity.MEDIUM]
    assert [(each.TargetName, each.RaisedTo) for each in worse] == [("account149", Severity.MEDIUM)]
    assert len(of("network_opened", sink)) == 101
