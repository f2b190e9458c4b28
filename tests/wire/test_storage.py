"""Storage records as accesses, whatever is missing or of another type."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.model.network import Networks
from grantwatch.model.storage_access import Access
from grantwatch.wire.fields import UnreadableRecordError
from grantwatch.wire.storage import access_of
from tests.strategies import json_values, stable
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, body_of, ordinary_read, run, sas_read
from tools.azure_records import AccountKey, OAuth, Record, Sas, copy_triple, storage_request


def read(record: Record) -> Access:
    return access_of(record, Networks(), salvaged=False)


def test_a_request_with_a_sas_is_read_whole() -> None:
    access = read(sas_read())

    assert (access.account, access.operation, access.succeeded) == ("contosodata", "GetBlob", True)
    assert access.authentication == "sas"
    assert access.signature is not None
    assert len(access.signature) == 64
    assert access.signed_with is not None
    assert access.signed_with.startswith("key1(")
    assert access.actor.address == "198.51.100.23"
    assert access.object_path == "contosodata/reports/0.csv"
    assert access.resource.endswith("/storageAccounts/contosodata")


@pytest.mark.parametrize("spelled", ["SAS", "sas", " S A S "])
def test_authentication_types_are_compared_without_blanks_and_case(spelled: str) -> None:
    record = sas_read()

    assert run(body_of([{**record, "identity": {**record["identity"], "type": spelled}}])).tally.selected == 1


@pytest.mark.parametrize(
    ("status", "text", "succeeded"),
    [
        (200, "Success", True),
        (206, "SASSuccess", True),
        ("206", "", True),
        (299, None, True),
        (304, "Success", False),
        (403, "AuthorizationFailure", False),
        ("403", "", False),
        ("Unknown", "Success", True),
        ("Unknown", "ServerBusy", False),
        (None, "SASSuccess", True),
        (None, None, False),
        ({}, [], False),
        (True, "", False),
    ],
)
def test_success_is_any_two_hundred_and_the_text_speaks_where_no_number_does(
    status: object, text: object, succeeded: bool
) -> None:
    assert read({**sas_read(), "statusCode": status, "statusText": text}).succeeded is succeeded


@pytest.mark.parametrize("name", ["properties", "identity"])
def test_objects_may_come_as_text(name: str) -> None:
    record = sas_read()

    assert read({**record, name: json.dumps(record[name])}) == read(record)


def test_the_account_is_found_in_the_host_when_no_property_names_it() -> None:
    record = sas_read()
    nameless = {name: value for name, value in record["properties"].items() if name != "accountName"}

    assert read({**record, "properties": nameless}).account == "contosodata"
    with pytest.raises(UnreadableRecordError):
        read({**record, "properties": {}, "uri": "/relative"})


def test_the_source_of_a_copy_is_named_in_the_words_of_its_own_account() -> None:
    source = "https://other.blob.core.windows.net:443/c/a%20b.csv?sr=c&sp=r&sig=XXXXX"
    triple = copy_triple(Random(0), ACCOUNT, NOON, AccountKey(), "198.51.100.7", path="/in/x", source_url=source)

    assert [read(each).source_path for each in triple] == [None, "other/c/a b.csv", None]


def test_a_delegation_key_is_told_by_operation_or_by_authorization() -> None:
    asked = storage_request(Random(0), ACCOUNT, "GetUserDelegationKey", NOON, OAuth(ADMIN), "198.51.100.7")

    assert read(asked).requests_delegation_key
    assert read({**asked, "operationName": "PostBlobService"}).requests_delegation_key
    assert not read(ordinary_read()).requests_delegation_key
    for operation in ("GetUserDelegationKey", "PostBlobService", "getuserdelegationkey"):
        [finding] = run(body_of([{**asked, "operationName": operation}])).findings
        assert (finding.Detector, finding.ActorTenantId) == ("user_delegation_key_issued", OWNER.id)


@pytest.mark.parametrize(
    "referrer",
    [
        "https://portal.azure.com/",
        "https://portal.azure.com",
        "HTTPS://Portal.Azure.com/x",
        "https://hosting.portal.azure.com/",
    ],
)
def test_the_portal_is_known_by_its_host(referrer: str) -> None:
    assert read(sas_read(referrer=referrer)).referrer_is_portal


@pytest.mark.parametrize(
    "referrer",
    [
        "https://portal.azure.com.example/",
        "https://example/portal.azure.com/",
        "https://portal.azure.com@example/",
        "http://portal.azure.com/",
        "https://xportal.azure.com/",
        None,
    ],
)
def test_what_merely_resembles_the_portal_is_not_it(referrer: str | None) -> None:
    assert not read(sas_read(referrer=referrer)).referrer_is_portal


@pytest.mark.parametrize("token", [None, "", 7, "nonsense", "SasSignature(short)", "key1(zz),SasSignature()"])
def test_a_sas_without_a_readable_hash_still_has_one_name(token: object) -> None:
    record = sas_read()
    nameless = {**record, "identity": {"type": "SAS", "tokenHash": token}}

    assert read(nameless).signature == read({**nameless, "time": "2026-03-10T13:00:00Z"}).signature is not None
    assert read(nameless).signature != read(record).signature


def test_requests_that_do_not_say_how_they_were_signed_show_it_in_their_url() -> None:
    record = sas_read()
    for identity in (None, {}, "x", {"type": None}, {"type": 7}):
        assert run(body_of([{**record, "identity": identity}])).tally.selected == 1
    assert run(body_of([{name: value for name, value in record.items() if name != "identity"}])).tally.selected == 1


@pytest.mark.parametrize("category", ["AuditLogs", "Administrative", "FunctionAppLogs"])
def test_other_families_with_the_same_words_are_ignored(category: str) -> None:
    assert run(body_of([{**sas_read(), "category": category}])).tally.ignored == 1


@stable(400)
@given(st.sampled_from(sorted(sas_read())), json_values)
def test_a_field_of_any_type_is_read_ignored_or_rejected_and_nothing_else(name: str, value: Any) -> None:
    result = run(body_of([{**sas_read(), name: value}]))

    assert result.is_balanced
    assert result.tally.records == 1


_used = (
    "accountName",
    "userAgentHeader",
    "referrerHeader",
    "objectKey",
    "sasExpiryStatus",
    "sourceUri",
    "downloadRange",
)


@stable(300)
@given(st.sampled_from(_used), json_values)
def test_a_property_of_any_type_costs_no_record(name: str, value: Any) -> None:
    record = sas_read()

    assert run(body_of([{**record, "properties": {**record["properties"], name: value}}])).tally.selected == 1


@stable(200)
@given(st.sampled_from(("type", "tokenHash", "requester", "authorization")), json_values)
def test_an_identity_of_any_shape_is_balanced(name: str, value: Any) -> None:
    for credential in (OAuth(ADMIN), Sas("sr=c&sp=r&sig=X", "one")):
        record = storage_request(Random(0), ACCOUNT, "GetUserDelegationKey", NOON, credential, "198.51.100.7")
        assert run(body_of([{**record, "identity": {**record["identity"], name: value}}])).is_balanced
