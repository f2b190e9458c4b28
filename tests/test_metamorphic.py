"""What may not change a finding, and what must, shown on every case that has one."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

import pytest

from grantwatch.adapters.in_memory import MemorySink, MemoryStore
from grantwatch.local import engine
from grantwatch.model.finding import Finding
from grantwatch.model.severity import Outcome, Severity
from tests.rest_shape import in_rest_shape
from tests.support import Case, Record, case_id, cases, content, encoded, found, found_in, rewritten

FIRING = [case for case in cases() if case.expect]
every_case = pytest.mark.parametrize("case", FIRING, ids=case_id)


def is_activity(record: Record) -> bool:
    return "/" in record["operationName"]


def call_of(record: Record) -> tuple[str, ...]:
    return record["correlationId"], record["operationName"].lower(), record["resourceId"].lower()


ACTIVITY = [case for case in FIRING if all(map(is_activity, case.records))]
LONE_CALLS = [case for case in ACTIVITY if len(set(map(call_of, case.records))) == 1]
# The role that tells a platform service is in the Event Hubs shape alone.
IN_BOTH_SHAPES = [case for case in ACTIVITY if case.name != "fires-platform-service"]


@every_case
def test_findings_are_the_same_when_every_body_is_delivered_twice(case: Case) -> None:
    assert_same(case, [body for body in case.bodies for _ in range(2)])
    assert_same(case, [*case.bodies, *case.bodies])


@every_case
def test_findings_are_the_same_in_reversed_order(case: Case) -> None:
    assert_same(case, [case.records[::-1]])


@every_case
def test_findings_are_the_same_with_one_record_a_body_in_either_order(case: Case) -> None:
    assert_same(case, [[record] for record in case.records])
    assert_same(case, [[record] for record in case.records[::-1]])


@every_case
@pytest.mark.parametrize("seed", range(3))
def test_findings_are_the_same_when_records_are_shuffled_over_bodies(case: Case, seed: int) -> None:
    order = Random(f"{case_id(case)} {seed}")
    records = case.records
    order.shuffle(records)
    bodies: list[list[Record]] = [[] for _ in range(4)]
    for record in records:
        order.choice(bodies).append(record)
    assert_same(case, bodies)


@every_case
def test_findings_are_the_same_when_two_engines_share_the_work_and_the_store(case: Case) -> None:
    store, sink = MemoryStore(), MemorySink()
    engines = [engine(store=store, sink=sink, settings=case.settings) for _ in range(2)]
    for place, record in enumerate(case.records):
        engines[place % 2].process([encoded([record])])
    for each in engines:
        each.sweep()
    assert content(sink.current()) == content(found_in(case))


@every_case
def test_findings_are_the_same_with_unknown_fields_in_every_object(case: Case) -> None:
    assert_same(case, [[with_unknown_fields(record) for record in body] for body in case.bodies])


@every_case
@pytest.mark.parametrize("recase", [str.upper, str.lower, str.swapcase], ids=lambda recase: str(recase.__name__))
def test_findings_are_the_same_in_any_case_of_ids_and_operations(case: Case, recase: Callable[[str], str]) -> None:
    changed = found_as(case, lambda record: recased(record, recase))
    original = found_in(case)
    assert [(each.FindingId, each.GrantId) for each in by_id(changed)] == [
        (each.FindingId, each.GrantId) for each in by_id(original)
    ]
    assert [each.Severity for each in by_id(changed)] == [each.Severity for each in by_id(original)]
    assert json.dumps(content(changed)).lower() == json.dumps(content(original)).lower()


@pytest.mark.parametrize("case", IN_BOTH_SHAPES, ids=case_id)
def test_findings_keep_detector_and_severity_in_the_shape_of_the_rest_interface(case: Case) -> None:
    original = found_in(case)
    converted = found_as(case, in_rest_shape)
    assert Counter((each.Detector, each.Severity) for each in converted) == Counter(
        (each.Detector, each.Severity) for each in original
    )
    assert [each.FindingId for each in by_id(converted)] == [each.FindingId for each in by_id(original)]


@every_case
def test_a_call_that_fails_is_at_most_low_and_grants_nothing(case: Case) -> None:
    for finding in found([encoded(refused(case.records))], case.settings):
        assert finding.Outcome in (Outcome.FAILED, Outcome.ATTEMPTED)
        assert finding.Severity <= Severity.LOW or finding.SourceLog == "Findings"  # many weigh more than one
        assert finding.GrantId is None
        assert finding.GrantStatus is None


@pytest.mark.parametrize("case", LONE_CALLS, ids=case_id)
def test_a_lone_call_that_fails_is_two_severities_lower(case: Case) -> None:
    original = {finding.FindingId: finding for finding in found_in(case) if finding.Outcome >= Outcome.ACCEPTED}
    failed = {each.FindingId: each for each in found([encoded(refused(case.records))], case.settings)}
    for name, finding in original.items():
        if finding.Outcome in (Outcome.SUCCEEDED, Outcome.ACCEPTED):
            assert failed[name].Outcome is Outcome.FAILED
            assert failed[name].Severity == min(Severity.LOW, finding.Severity.lowered(2))


def assert_same(case: Case, bodies: Iterable[Sequence[Record]]) -> None:
    assert content(found(map(encoded, bodies), case.settings)) == content(found_in(case))


def found_as(case: Case, change: Callable[[Record], Record]) -> list[Finding]:
    """What is found in a case when each of its records is changed so."""
    return found((encoded(map(change, body)) for body in case.bodies), case.settings)


def by_id(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.FindingId)


def recased(record: Record, recase: Callable[[str], str]) -> Record:
    """With resource ids, operations and correlation id in another case, wherever they stand."""
    operations = {
        record["operationName"].lower(),
        "microsoft.storage/storageaccounts/blobservices/generateuserdelegationkey/action",
    }
    changed: Record = rewritten(
        record, lambda text: recase(text) if text.startswith("/subscriptions/") or text.lower() in operations else text
    )
    for name in ("operationName", "resourceId", "correlationId"):
        changed[name] = recase(changed[name])
    return changed


def with_unknown_fields(value: Any) -> Any:
    """With a field that nobody knows in every object, those in escaped bodies too."""
    if isinstance(value, dict):
        known = {name: with_unknown_fields(member) for name, member in value.items()}
        return {"aFieldOfTomorrow": {"nested": [1, None, "text"]}, **known, "another": "text"}
    if isinstance(value, list):
        return [with_unknown_fields(member) for member in value]
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(with_unknown_fields(json.loads(value)))
    return value


def refused(records: list[Record]) -> list[Record]:
    """The records of the same calls and requests, had each been refused in the end."""
    ended = {call_of(record) for record in records if record.get("resultType") in ("Success", "Failure")}
    return [
        refusal
        for record in records
        if (refusal := _refused(record, accepted_only=call_of(record) not in ended)) is not None
    ]


def _refused(record: Record, *, accepted_only: bool) -> Record | None:
    if not is_activity(record):
        return record | {"statusCode": 403, "statusText": "AuthorizationFailure"}
    if record["resultType"] == "Accept" and not accepted_only:
        return None
    if record["resultType"] in ("Start", "Failure"):
        return record
    kept = {name: value for name, value in record["properties"].items() if name != "responseBody"}
    message = json.dumps({"error": {"code": "AuthorizationFailed", "message": "Refused."}})
    return record | {
        "resultType": "Failure",
        "resultSignature": "Failed.Forbidden",
        "level": "Error",
        "properties": kept | {"statusCode": "Forbidden", "statusMessage": message},
    }
