"""The three shapes of an Activity record, and those of 2018, tell of the same call."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.model.bodies import GrantAccess
from grantwatch.model.operation import OperationKey, Phase
from grantwatch.model.severity import Outcome
from grantwatch.wire.activity import phase_of, reports_a_call
from grantwatch.wire.fields import UnreadableRecordError
from tests.strategies import json_values, stable
from tests.world import BEGIN, OWNER, body_of, content_of, disk_access, run
from tools.azure_records import Record

_REST_STATUS = {"Start": "Started", "Accept": "Accepted", "Success": "Succeeded", "Failure": "Failed"}


def read(record: Mapping[str, Any]) -> tuple[OperationKey, Phase]:
    return phase_of(record, BEGIN, (GrantAccess,), (GrantAccess,), owner_tenant="", salvaged=False)


def portal(record: Record) -> Record:
    """As the REST interface and the portal give it."""
    status = _REST_STATUS[record["resultType"]]
    return {
        "eventTimestamp": record["time"],
        "submissionTimestamp": record["time"],
        "eventDataId": "00000000-0000-4000-8000-00000000e0e0",
        "operationName": {"value": BEGIN, "localizedValue": "Get Disk SAS URI"},
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "status": {"value": status, "localizedValue": status},
        "subStatus": {"value": "", "localizedValue": ""},
        "resourceId": record["properties"]["entity"],
        "correlationId": record["correlationId"].upper(),
        "tenantId": record["tenantId"],
        "claims": record["identity"]["claims"],
        "authorization": record["identity"]["authorization"],
        "httpRequest": {"clientIpAddress": record["callerIpAddress"], "method": "POST"},
        "properties": record["properties"],
    }


_SNAKE = {
    "eventTimestamp": "event_timestamp",
    "operationName": "operation_name",
    "resourceId": "resource_id",
    "correlationId": "correlation_id",
    "subStatus": "sub_status",
    "tenantId": "tenant_id",
    "httpRequest": "http_request",
}


def python_sdk(record: Record) -> Record:
    """As the Python SDK serialises it."""
    snake = {_SNAKE.get(name, name): value for name, value in portal(record).items()}
    snake["operation_name"] = {"value": BEGIN, "localized_value": "Get Disk SAS URI"}
    snake["http_request"] = {"client_ip_address": record["callerIpAddress"]}
    return snake


def of_2018(record: Record) -> Record:
    return {**record, "category": "Action"}


SHAPES = {"portal": portal, "python sdk": python_sdk, "2018": of_2018}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("number", range(3))
def test_every_shape_gives_the_same_phase(shape: str, number: int) -> None:
    record = disk_access()[number]
    key, phase = read(record)
    shaped_key, shaped = read(SHAPES[shape](record))

    assert shaped_key == key
    assert shaped == phase


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_finding(shape: str) -> None:
    records = disk_access()
    expected = content_of(run(body_of(records)).findings)

    assert content_of(run(body_of(map(SHAPES[shape], records))).findings) == expected
    assert content_of(run(body_of([records[0], *map(SHAPES[shape], records[1:])])).findings) == expected


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("Administrative", True),
        ("ADMINISTRATIVE", True),
        ({"value": "Administrative"}, True),
        ("Write", True),
        ("Action", True),
        ("Delete", True),
        (None, True),
        ("Policy", False),
        ("Alert", False),
        ({"value": "Security"}, False),
        ("ResourceHealth", False),
    ],
)
def test_only_categories_that_tell_of_calls_are_read(category: object, expected: bool) -> None:
    record = {**disk_access()[0], "category": category}

    assert reports_a_call(record) is expected
    tally = run(body_of([record])).tally
    assert (tally.selected, tally.ignored) == ((1, 0) if expected else (0, 1))


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("Start", Outcome.ATTEMPTED),
        ("Started", Outcome.ATTEMPTED),
        ("start.", Outcome.ATTEMPTED),
        ("Accept", Outcome.ACCEPTED),
        ("ACCEPTED", Outcome.ACCEPTED),
        ("Success", Outcome.SUCCEEDED),
        ("Succeeded", Outcome.SUCCEEDED),
        ("Succeeded.", Outcome.SUCCEEDED),
        (" success ", Outcome.SUCCEEDED),
        ("Failure", Outcome.FAILED),
        ("Failed", Outcome.FAILED),
        ({"value": "Succeeded"}, Outcome.SUCCEEDED),
    ],
)
def test_results_are_read_in_every_spelling(result: object, outcome: Outcome) -> None:
    assert read({**disk_access()[0], "resultType": result})[1].outcome is outcome


@pytest.mark.parametrize("result", ["Active", "Resolved", "Updated", "Successful?", "", None, 0, {"value": None}, []])
def test_an_unknown_result_is_never_taken_for_success(result: object) -> None:
    with pytest.raises(UnreadableRecordError):
        read({**disk_access()[2], "resultType": result})


@pytest.mark.parametrize("lacking", ["time", "resultType"])
def test_a_record_that_lacks_what_it_cannot_do_without_is_rejected_and_kept(lacking: str) -> None:
    record = {name: value for name, value in disk_access()[2].items() if name != lacking}
    result = run(body_of([record]))

    assert (result.tally.rejected, result.tally.parked) == (1, 1)
    assert json.loads(result.parked[0].body)["operationName"] == record["operationName"]


def test_the_owner_is_the_tenant_of_the_resource_and_not_of_the_token() -> None:
    record = disk_access()[2]
    tenantless = {name: value for name, value in record.items() if name != "tenantId"}
    lone = {**tenantless, "properties": {**record["properties"], "hierarchy": "00000000-0000-4000-8000-0000000000aa"}}

    assert read(record)[0].tenant == read(tenantless)[0].tenant == OWNER.id
    assert read(lone)[0].tenant == ""
    assert phase_of(lone, BEGIN, (), (), owner_tenant="set", salvaged=False)[0].tenant == "set"


@pytest.mark.parametrize("name", ["identity", "properties"])
def test_objects_may_come_as_text(name: str) -> None:
    for record in disk_access():
        assert read({**record, name: json.dumps(record[name])}) == read(record)


def test_bodies_may_come_as_objects_and_under_another_case() -> None:
    record = disk_access()[0]
    properties = dict(record["properties"])
    body = properties.pop("requestbody")
    for name in ("requestbody", "requestBody"):
        for value in (body, json.loads(body)):
            assert read({**record, "properties": {**properties, name: value}}) == read(record)


def test_the_resource_is_kept_as_it_was_typed_and_compared_without_case() -> None:
    record = disk_access()[0]
    key, phase = read(record)
    other_key, _ = read({**record, "resourceId": record["resourceId"].lower().replace("/", "//").rstrip("/") + "/"})

    assert phase.resource == record["properties"]["entity"]
    assert key == other_key


@stable(400)
@given(st.sampled_from(sorted(disk_access()[0])), json_values, st.integers(0, 2))
def test_a_field_of_any_type_is_read_or_rejected_and_nothing_else(name: str, value: Any, number: int) -> None:
    result = run(body_of([{**disk_access()[number], name: value}]), finish=True)

    assert result.is_balanced
    assert result.tally.records == 1


@stable(300)
@given(st.sampled_from(["claims", "authorization"]), json_values)
def test_an_identity_of_any_shape_costs_no_record(name: str, value: Any) -> None:
    record = disk_access()[2]

    assert len(run(body_of([{**record, "identity": {**record["identity"], name: value}}])).findings) == 1


@stable(300)
@given(st.sampled_from(["statusCode", "requestbody", "responseBody", "entity", "hierarchy"]), json_values)
def test_properties_of_any_shape_cost_no_record(name: str, value: Any) -> None:
    record = {name: value for name, value in disk_access()[2].items() if name != "tenantId"}

    assert len(run(body_of([{**record, "properties": {**record["properties"], name: value}}])).findings) == 1


@pytest.mark.parametrize("name", ["durationMs", "level", "Level", "RoleLocation", "resultSignature", "location"])
@pytest.mark.parametrize("value", [0, "0", 4, "Information", None, {"value": "x"}, [], True, 1.5])
def test_fields_that_nobody_needs_may_have_any_type(name: str, value: object) -> None:
    for record in disk_access():
        assert read({**record, name: value}) == read(record)
