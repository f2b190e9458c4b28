"""What tells the uses of a SAS apart: a reduction that is done once, cannot be padded, and forgets no network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from grantwatch.memory.facts import access_digest
from grantwatch.model.actor import Actor
from grantwatch.model.network import IpClass, Networks, network_of
from grantwatch.model.sas import sas_of
from grantwatch.model.storage_access import Access, by_client, by_network, by_object
from tests.strategies import stable
from tests.world import NOON
from tools.azure_records import portal_sas, sas_query

_URL = "https://contosodata.blob.core.windows.net/reports/q1.csv?"
_SAS = tuple(sas_of(_URL + query) for query in (sas_query("r", NOON, resource="c"), portal_sas(NOON)))
_ADDRESSES = ("192.0.2.1", "192.0.2.200", "198.51.100.7", "10.1.2.3", "10.1.200.3", "2001:db8::1", "2001:db8::ffff:1")

accesses = st.builds(
    Access,
    time=st.just(NOON),
    operation=st.sampled_from(("GetBlob", "PutBlob", "ListBlobs")),
    succeeded=st.just(True),
    authentication=st.just("sas"),
    account=st.just("contosodata"),
    resource=st.just("contosodata"),
    actor=st.builds(
        Actor,
        address=st.sampled_from((*_ADDRESSES, None)),
        user_agent=st.sampled_from(("AzCopy/10.28.0", "Mozilla/5.0 (X11)", "Mozilla/5.0 (Windows)", None)),
    ),
    network=st.sampled_from(IpClass),
    sas=st.sampled_from(_SAS),
    referrer_is_portal=st.booleans(),
    object_path=st.sampled_from(("contosodata/reports/q1.csv", None)),
)


@stable(200)
@given(accesses, st.sampled_from((by_object, by_client, by_network)))
def test_reducing_what_is_reduced_changes_nothing(access: Access, distinct_by: object) -> None:
    assert callable(distinct_by)
    once = distinct_by(access)
    if distinct_by is by_network:  # a network lies in no network
        once = replace(once, actor=replace(once.actor, address=access.actor.address))
        assert distinct_by(once) == distinct_by(access)
    else:
        assert distinct_by(once) == once


@stable(200)
@given(accesses, st.text(max_size=20), st.text(max_size=20))
def test_no_agent_operation_or_object_makes_another_use_of_the_same_network(
    access: Access, agent: str, operation: str
) -> None:
    browsing = "Mozilla/" if access.by_browser else "AzCopy/"
    varied = replace(
        access,
        operation=operation,
        object_path=operation,
        actor=replace(access.actor, user_agent=browsing + agent),
    )

    assert access_digest(by_network(varied)) == access_digest(by_network(access))


@stable(200)
@given(accesses, accesses)
def test_requests_from_two_networks_are_two_uses_unless_both_are_ours(one: Access, other: Access) -> None:
    ours = one.network is other.network is IpClass.OWN
    if (network_of(one.actor.address) == network_of(other.actor.address) or ours) and one.network is other.network:
        return
    assert by_network(one) != by_network(replace(one, network=other.network, actor=other.actor))


@stable(200)
@given(accesses)
def test_a_use_in_the_portal_is_still_seen_to_be_one(access: Access) -> None:
    assert by_network(access).in_portal == access.in_portal


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.23", "198.51.100.0/24"),
        ("10.1.2.3", "10.1.0.0/16"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fd00:1:2:3::4", "fd00:1:2::/48"),
        ("nowhere", None),
        (None, None),
    ],
)
def test_an_address_lies_in_a_network(address: str | None, network: str | None) -> None:
    assert network_of(address) == network


def test_a_network_is_of_the_class_of_its_addresses() -> None:
    networks = Networks.of(("198.51.100.0/24",))

    assert networks.classify("198.51.100.0/24") is IpClass.OWN
    assert networks.classify("10.1.0.0/16") is IpClass.AZURE_INTERNAL
    assert networks.classify("203.0.113.0/24") is IpClass.PUBLIC
