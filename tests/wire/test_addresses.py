"""The address in ``callerIpAddress``, with and without port and brackets."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.model.network import IpClass, Networks, address_of
from tests.strategies import stable
from tests.world import body_of, disk_access, run, sas_read


@stable(200)
@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_an_ipv4_address_is_read_bare_and_with_its_port(address: object, port: int) -> None:
    assert address_of(str(address)) == address_of(f"{address}:{port}") == str(address)


@stable(200)
@given(st.integers(2**100, 2**128 - 1).map(ip_address), st.integers(0, 65535))
def test_an_ipv6_address_is_read_bare_in_brackets_and_with_its_port(address: object, port: int) -> None:
    forms = (str(address), f"[{address}]", f"[{address}]:{port}", str(address).upper())

    assert {address_of(form) for form in forms} == {str(address)}


def test_one_address_has_one_spelling() -> None:
    spellings = ("2001:db8::5", "2001:0DB8:0:0:0:0:0:5", "[2001:db8:0::5]:443")

    assert {address_of(each) for each in spellings} == {"2001:db8::5"}
    assert address_of("::ffff:198.51.100.7") == address_of("[::ffff:198.51.100.7]:443") == "198.51.100.7"


@pytest.mark.parametrize(
    "text",
    ["", "<null>", "-", "None", "null", "127.0.0.0/8", "00000000-0000-4000-8000-000000000000", "host:443", "[", "[]:1"],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert address_of(text) is None


@stable(300)
@given(st.text(max_size=40) | st.text(alphabet="0123456789abcdef:.[]%/", max_size=40))
def test_any_text_gives_an_address_or_none(text: str) -> None:
    found = address_of(text)

    assert found is None or address_of(found) == found


@pytest.mark.parametrize("address", ["", None, "<null>", "-", "None", 7, ["198.51.100.7"], {"ip": "x"}])
def test_a_record_without_a_readable_address_is_still_reported(address: object) -> None:
    for record in (sas_read(), disk_access()[2]):
        [finding] = run(body_of([{**record, "callerIpAddress": address}])).findings
        assert finding.ActorIpAddress is None
        assert finding.ActorIpClass is IpClass.UNKNOWN


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", IpClass.OWN),
        ("198.51.100.7", IpClass.PUBLIC),
        ("203.0.113.7", IpClass.PUBLIC),
        ("2001:db8::1", IpClass.OWN),
        ("2001:db9::1", IpClass.PUBLIC),
        ("10.1.2.3", IpClass.AZURE_INTERNAL),
        ("100.64.0.1", IpClass.AZURE_INTERNAL),
        ("fd00::1", IpClass.AZURE_INTERNAL),
        ("fe80::1", IpClass.AZURE_INTERNAL),
        ("nonsense", IpClass.UNKNOWN),
        (None, IpClass.UNKNOWN),
    ],
)
def test_addresses_are_classed_by_whose_network_they_belong_to(address: str | None, expected: IpClass) -> None:
    assert Networks.of(("192.0.2.0/24", "2001:db8::/32")).classify(address) is expected
