"""What a SAS allows, read from the URL of a request."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.errors import NoSasError
from grantwatch.model.sas import SasKind, sas_of, signature_hash
from grantwatch.wire.leak import leak_in
from tests.strategies import stable
from tests.world import NOON
from tools.azure_records import Delegation, portal_sas, sas_query

URL = "https://contosodata.blob.core.windows.net:443/reports/q1.csv?"
KEY = Delegation("00000000-0000-4000-8000-0000000000d0", "00000000-0000-4000-8000-0000000000e0", NOON, NOON)


def test_an_account_sas_reaches_services_and_resource_types() -> None:
    sas = sas_of(URL + sas_query("rwdl", NOON, services="bf", resource_types="sco", addresses="192.0.2.0-192.0.2.9"))

    assert sas is not None
    assert (sas.kind, sas.services, sas.resource_types, sas.permissions) == (SasKind.ACCOUNT, "bf", "sco", "rwdl")
    assert (sas.address_range, sas.protocol, sas.expires, sas.starts) == ("192.0.2.0-192.0.2.9", "https", NOON, None)
    assert sas.is_account_wide


def test_a_service_sas_reaches_one_resource() -> None:
    sas = sas_of(URL + sas_query("r", NOON, starts=NOON - timedelta(days=1), resource="c", policy="weekly"))

    assert sas is not None
    assert (sas.kind, sas.resource, sas.policy) == (SasKind.SERVICE, "c", "weekly")
    assert sas.lifetime(NOON) == timedelta(days=1)
    assert not sas.is_account_wide


def test_a_delegation_sas_names_its_delegator() -> None:
    sas = sas_of(URL + sas_query("r", NOON, resource="b", delegation=KEY))

    assert sas is not None
    assert (sas.kind, sas.delegator_id, sas.delegator_tenant) == (
        SasKind.USER_DELEGATION,
        KEY.object_id,
        KEY.tenant_id,
    )
    assert sas.recipient_id is None


def test_a_user_bound_sas_names_its_recipient_too() -> None:
    bound = "&sduoid=00000000-0000-4000-8000-00000000aaaa&skdutid=00000000-0000-4000-8000-00000000bbbb"
    sas = sas_of(URL + sas_query("r", NOON, resource="b", delegation=KEY) + bound)

    assert sas is not None
    assert sas.recipient_id == "00000000-0000-4000-8000-00000000aaaa"
    assert sas.recipient_tenant == "00000000-0000-4000-8000-00000000bbbb"


def test_a_stored_policy_may_leave_permissions_and_expiry_out() -> None:
    sas = sas_of(URL + "sv=2024-11-04&sr=c&si=partners&sig=XXXXX")

    assert sas is not None
    assert (sas.policy, sas.permissions, sas.expires, sas.lifetime(NOON)) == ("partners", "", None, None)


def test_without_a_signature_there_is_no_sas() -> None:
    for query in ("", "restype=container&comp=list", "sv=2024-11-04&sr=c&sp=r", "design=1&sigma=2&asig=3"):
        assert sas_of(URL + query) is None


@pytest.mark.parametrize("name", ["sig", "SIG", "Sig", "%73ig", "s%69g", "si%67", "%73%69%67"])
def test_the_signature_is_found_however_it_is_spelled(name: str) -> None:
    spelled = sas_of(URL + f"sv=2024-11-04&sr=c&sp=r&{name}=XXXXX")

    assert spelled == sas_of(URL + "sv=2024-11-04&sr=c&sp=r&sig=XXXXX") is not None


def test_parameter_names_are_case_blind_and_values_may_be_encoded() -> None:
    plain = sas_of(URL + "ss=b&srt=sco&sp=r&se=2026-12-31T00:00:00Z&sig=X")
    odd = sas_of(URL + "SS=b&Srt=s%63o&%73p=r&se=2026-12-31t00%3A00%3A00z&SIG=Y")

    assert plain == odd


@pytest.mark.parametrize(
    "text", ["2026-12-31", "2026-12-31T00:00Z", "2026-12-31T00%3A00%3A00Z", "2026-12-31t00:00:00z"]
)
def test_expiries_are_read_in_every_form(text: str) -> None:
    sas = sas_of(URL + f"sr=c&se={text}&sig=X")

    assert sas is not None
    assert sas.expires == datetime(2026, 12, 31, tzinfo=UTC)


def test_the_first_of_repeated_parameters_holds() -> None:
    sas = sas_of(URL + "sr=c&sp=r&sp=rwdl&sig=X")

    assert sas is not None
    assert sas.permissions == "r"


def test_the_portals_own_sas_is_told_from_lesser_ones() -> None:
    own = sas_of(URL + portal_sas(NOON))
    lesser = sas_of(URL + sas_query("r", NOON, services="b", resource_types="sco"))

    assert own is not None
    assert own.looks_like_portal
    assert lesser is not None
    assert not lesser.looks_like_portal


@stable(300)
@given(st.binary(min_size=32, max_size=32))
def test_the_name_of_a_sas_is_the_hash_of_its_decoded_signature(raw: bytes) -> None:
    signature = b64encode(raw).decode()
    expected = hashlib.sha256(signature.encode()).hexdigest().upper()

    assert signature_hash(signature) == expected
    assert leak_in(URL + f"sv=1&sig={quote(signature, safe='')}&sp=r").hash == expected
    assert leak_in(URL + f"sv=1&SIG={quote(signature, safe='')}").hash == expected


def test_a_url_without_a_signature_has_no_name() -> None:
    for text in (URL + "sv=1", ""):
        with pytest.raises(NoSasError):
            leak_in(text)


@stable(400)
@given(st.text(max_size=60), st.text(alphabet="&=?%#;sigep0123 ", max_size=60))
def test_any_url_is_read_or_carries_no_sas(url: str, query: str) -> None:
    for text in (url, f"{url}?{query}", f"{url}?{query}&sig=X"):
        found = sas_of(text)
        assert found is None or found.kind in SasKind
