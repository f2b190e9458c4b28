"""Who called: kinds of identities, and what an attacker can and cannot pretend."""

from random import Random
from typing import Any

import pytest
from hypothesis import given

from grantwatch.model.actor import Actor, ActorKind
from grantwatch.wire.claims import actor_of
from tests.strategies import json_values, stable
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, STRANGER, SUBSCRIPTION, body_of, run
from tools.azure_records import (
    BACKUP_MANAGEMENT_SERVICE,
    Caller,
    CallerKind,
    Record,
    Role,
    activity_call,
)

LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
_MICROSOFT = "http://schemas.microsoft.com/identity/claims"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"

GUEST = Caller(CallerKind.GUEST, "Gus Guest", STRANGER, "198.51.100.9", Role.CONTRIBUTOR)
ROBOT = Caller(CallerKind.SERVICE_PRINCIPAL, "deployer", OWNER, "203.0.113.9", Role.OWNER)
MACHINE = Caller(CallerKind.MANAGED_IDENTITY, "vm", OWNER, "", Role.CONTRIBUTOR, resource_id=f"{SUBSCRIPTION.scope}/vm")
PLATFORM = Caller(CallerKind.PLATFORM_SERVICE, "Backup", OWNER, "", Role.BACKUP_CONTRIBUTOR, BACKUP_MANAGEMENT_SERVICE)


def call(caller: Caller) -> Record:
    return activity_call(Random(0), caller, SUBSCRIPTION, LIST_KEYS, ACCOUNT.resource_id, NOON)[-1]


def actor(caller: Caller) -> Actor:
    return actor_of(call(caller)["identity"], None, None)


@pytest.mark.parametrize(
    ("caller", "kind"),
    [
        (ADMIN, ActorKind.USER),
        (GUEST, ActorKind.GUEST),
        (ROBOT, ActorKind.SERVICE_PRINCIPAL),
        (MACHINE, ActorKind.MANAGED_IDENTITY),
        (PLATFORM, ActorKind.PLATFORM_SERVICE),
    ],
)
def test_the_kind_of_an_identity_is_told_from_its_token(caller: Caller, kind: ActorKind) -> None:
    found = actor(caller)

    assert found.kind is kind
    assert found.id == caller.object_id
    assert found.app_id == (caller.application_id)
    assert run(body_of([call(caller)])).findings[0].ActorKind is kind


def test_a_user_is_named_with_methods_and_roles() -> None:
    found = actor(ADMIN)

    assert (found.upn, found.name) == (ADMIN.user_name, ADMIN.name)
    assert found.authentication_methods == ("pwd", "mfa")
    assert found.roles[0] == "Owner"


def test_a_foreign_tenant_of_the_token_is_visible() -> None:
    partner = Caller(CallerKind.SERVICE_PRINCIPAL, "partner", STRANGER, "198.51.100.1", Role.OWNER)
    [finding] = run(body_of([call(partner)])).findings

    assert (finding.ActorTenantId, finding.OwnerTenantId) == (STRANGER.id, OWNER.id)


def test_the_tenant_is_in_the_issuer_too() -> None:
    identity = call(ADMIN)["identity"]
    claims = {name: value for name, value in identity["claims"].items() if name != f"{_MICROSOFT}/tenantid"}

    assert actor_of({**identity, "claims": claims}, None, None).tenant == OWNER.id


def _one_mark(role: bool, principal: bool, app: bool) -> ActorKind:
    real, other = call(PLATFORM)["identity"], call(ROBOT)["identity"]
    evidence = dict(other["authorization"]["evidence"])
    if role:
        evidence["roleDefinitionId"] = real["authorization"]["evidence"]["roleDefinitionId"]
    evidence["principalType"] = "ServicePrincipal" if principal else "User"
    claims = {**other["claims"], "appid": BACKUP_MANAGEMENT_SERVICE if app else ROBOT.application_id}
    return actor_of({"claims": claims, "authorization": {"evidence": evidence}}, None, None).kind


@pytest.mark.parametrize("role", [False, True])
@pytest.mark.parametrize("principal", [False, True])
@pytest.mark.parametrize("app", [False, True])
def test_a_platform_service_needs_all_three_marks(role: bool, principal: bool, app: bool) -> None:
    assert (_one_mark(role, principal, app) is ActorKind.PLATFORM_SERVICE) is (role and principal and app)


def test_a_person_is_never_a_platform_service() -> None:
    real, person = call(PLATFORM)["identity"], call(ADMIN)["identity"]
    claims = {**person["claims"], "appid": BACKUP_MANAGEMENT_SERVICE}

    assert actor_of({**real, "claims": claims}, None, None).kind is ActorKind.USER


def test_a_name_that_sounds_like_the_platform_is_no_mark() -> None:
    identity = call(ROBOT)["identity"]
    claims = {**identity["claims"], "name": "Microsoft.EventGrid", f"{_XMLSOAP}/spn": "Microsoft.Insights/alertRules"}

    assert actor_of({**identity, "claims": claims}, None, None).kind is ActorKind.SERVICE_PRINCIPAL


def test_a_platform_caller_with_nothing_but_its_name_is_a_service_principal() -> None:
    found = actor_of({"claims": {f"{_XMLSOAP}/spn": "Microsoft.Insights/alertRules"}}, None, None)

    assert (found.kind, found.name) == (ActorKind.SERVICE_PRINCIPAL, "Microsoft.Insights/alertRules")


@pytest.mark.parametrize(
    ("claims", "upn"),
    [
        ({f"{_XMLSOAP}/upn": "a@owner.example"}, "a@owner.example"),
        ({f"{_XMLSOAP}/name": "b@owner.example"}, "b@owner.example"),
        ({f"{_XMLSOAP}/emailaddress": "c@owner.example"}, "c@owner.example"),
        ({"name": "Dora", f"{_XMLSOAP}/name": "d@owner.example"}, "d@owner.example"),
    ],
)
def test_a_user_is_named_by_the_best_claim_there_is(claims: dict[str, str], upn: str) -> None:
    assert actor_of({"claims": claims}, None, None).upn == upn


def test_ids_without_dashes_are_the_same_ids() -> None:
    identity = call(ADMIN)["identity"]
    claims = {name: value for name, value in identity["claims"].items() if "objectidentifier" not in name}

    assert actor_of({**identity, "claims": claims}, None, None).id == ADMIN.object_id


@pytest.mark.parametrize("caller", ["ada@owner.example", "00000000-0000-4000-8000-0000000000aa"])
def test_the_caller_of_a_portal_record_names_who_the_claims_do_not(caller: str) -> None:
    found = actor_of({}, None, caller)

    assert caller in (found.upn, found.id)


@stable(200)
@given(json_values, json_values, json_values)
def test_any_token_gives_an_actor(claims: Any, authorization: Any, evidence: Any) -> None:
    for identity in (
        {"claims": claims, "authorization": authorization},
        {
            "claims": {"appid": claims, "idtyp": authorization, "wids": evidence},
            "authorization": {"evidence": evidence},
        },
        {"authorization": {"evidence": {"roleDefinitionId": claims, "principalType": evidence, "role": claims}}},
    ):
        assert actor_of(identity, None, None).kind in ActorKind
