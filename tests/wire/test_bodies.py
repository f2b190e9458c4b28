"""Request and response bodies: any case of keys, as object or text, and one odd field costs no other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.model.bodies import GrantAccess, LighthouseProperties, StorageResource
from grantwatch.wire.bodies import reduced
from tests.strategies import json_values, stable

BODY: dict[str, Any] = {
    "location": "westeurope",
    "sku": {"name": "Standard_LRS"},
    "properties": {
        "allowBlobPublicAccess": True,
        "allowCrossTenantReplication": False,
        "publicNetworkAccess": "Enabled",
        "networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24", "action": "Allow"}]},
    },
}


def storage(value: Any) -> dict[str, Any]:
    return reduced(value, (StorageResource,)).get("StorageResource", {})


def spelled(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {change(name): spelled(member, change) for name, member in value.items()}
    return [spelled(each, change) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, lambda name: name[:1].upper() + name[1:]])
def test_keys_are_read_in_any_case(change: Any) -> None:
    assert storage(spelled(BODY, change)) == storage(BODY) != {}


def test_a_body_may_come_as_object_or_as_text() -> None:
    assert storage(json.dumps(BODY)) == storage(BODY)
    assert storage(json.dumps(BODY, indent=2)) == storage(BODY)
    assert storage(json.dumps({**BODY, "tags": {"a": "b\nc"}}).replace("\\n", "\n")) == storage(BODY)


def test_several_types_may_read_one_body() -> None:
    found = reduced({"access": "Read", "durationInSeconds": "3600", "location": "x"}, (GrantAccess, StorageResource))

    assert found["GrantAccess"] == {"access": "Read", "durationinseconds": 3600}
    assert found["StorageResource"] == {"location": "x"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        0,
        7,
        True,
        [],
        ["x"],
        "text",
        "[1,2]",
        "{",
        '{"access":',
        "'{}'",
        "null",
        "******",
        "[" * 5000,
        '{"a":' * 5000,
    ],
)
def test_what_is_no_body_is_none(value: Any) -> None:
    assert not any(reduced(value, (GrantAccess, StorageResource)).values())


def test_padding_hides_nothing() -> None:
    padded = reduced(json.dumps({"access": "Read", "padding": "x" * 900_000}), (GrantAccess,))

    assert padded == {"GrantAccess": {"access": "Read"}}


def test_masked_and_unknown_fields_cost_nothing() -> None:
    masked = {**BODY, "tags": "******", "identity": {"type": "SystemAssigned"}, "": "", "kind": None}

    assert storage(masked) == storage(BODY)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), ("True", True), ("false", False), (0, False), (1, True)]
)
def test_booleans_are_read_as_text_and_number_too(value: Any, expected: bool) -> None:
    found = storage({"properties": {"allowBlobPublicAccess": value}})

    assert found["properties"]["allowblobpublicaccess"] is expected


@stable(300)
@given(
    st.sampled_from(("location", "sku", "properties", "allowBlobPublicAccess", "networkAcls", "ipRules")), json_values
)
def test_a_field_of_another_type_is_absent_and_its_siblings_stay(name: str, value: Any) -> None:
    properties = dict(BODY["properties"])
    networks = dict(properties["networkAcls"])
    if name in BODY:
        found = storage({**BODY, name: value})
        siblings = [each for each in ("location", "properties") if each != name]
        assert all(found[each] == storage(BODY)[each] for each in siblings)
    elif name in properties:
        found = storage({**BODY, "properties": {**properties, name: value}})["properties"]
        assert found["publicnetworkaccess"] == "Enabled"
        assert found["allowcrosstenantreplication"] is False
    else:
        networks[name] = value
        found = storage({**BODY, "properties": {**properties, "networkAcls": networks}})["properties"]
        assert found["networkacls"]["defaultaction"] == "Deny"


def test_odd_members_of_a_list_cost_the_others_nothing() -> None:
    rules = [{"value": "192.0.2.1"}, 7, None, "x", {"value": 8}, {"value": "192.0.2.2"}]
    found = storage({"properties": {"networkAcls": {"ipRules": rules}}})

    values = [each.get("value") for each in found["properties"]["networkacls"]["iprules"]]
    assert [each for each in values if each and each.startswith("192")] == ["192.0.2.1", "192.0.2.2"]


@stable(300)
@given(json_values | json_values.map(json.dumps) | st.text(max_size=50))
def test_any_value_is_read_or_not_and_nothing_else(value: Any) -> None:
    reduced(value, (GrantAccess, StorageResource, LighthouseProperties))
