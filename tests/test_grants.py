"""Every kind of grant says how it ends, and every grant that a detector reports does end so."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from msgspec.structs import replace

from grantwatch.model.finding import Finding
from grantwatch.model.grant import GrantKind, GrantStatus
from grantwatch.model.life import KEYS, Ending
from grantwatch.model.resource import ResourceId
from tests.support import Case, Record, case_id, cases, encoded, found
from tests.world import ADMIN, SUBSCRIPTION
from tools.azure_records import activity_call, timestamp

firing = pytest.mark.parametrize("case", [case for case in cases() if case.expect], ids=case_id)

_LATER = datetime(2027, 1, 1, tzinfo=UTC)
_RENEWALS = {Ending.KEY_RENEWED, Ending.BOTH_KEYS_RENEWED}
_GROUP = "microsoft.resources/resourcegroups"


@pytest.mark.parametrize("kind", list(GrantKind))
def test_every_kind_of_grant_says_how_it_ends(kind: GrantKind) -> None:
    assert Ending.DELETION in kind.life.ended_by
    assert len(kind.life.ended_by) >= 2
    assert kind.life.because.endswith(".")
    assert kind.expected_life is None or kind.expected_life > timedelta()


@firing
def test_a_grant_ends_when_its_resource_is_deleted(case: Case) -> None:
    assert_ended(case, lambda finding: _deletion(_top(finding)))


@firing
def test_a_grant_ends_when_its_resource_group_is_deleted(case: Case) -> None:
    assert_ended(case, lambda finding: _deletion(_group(finding)))


@firing
def test_a_grant_that_rests_on_keys_ends_when_both_were_renewed(case: Case) -> None:
    assert_ended(case, lambda finding: _renewals(finding) if _RENEWALS & _endings(finding) else [])


@firing
def test_a_grant_that_rests_on_delegation_keys_ends_when_they_are_revoked(case: Case) -> None:
    revoked = Ending.DELEGATION_KEYS_REVOKED
    assert_ended(case, lambda finding: _revocation(finding) if revoked in _endings(finding) else [])


def assert_ended(case: Case, calls: Callable[[Finding], list[Record]]) -> None:
    """The calls that some open grant of a case asks for, made later, end it. A failed one would have ended nothing."""
    owned = replace(case.settings, owner_tenant_id=case.settings.owner_tenant_id or SUBSCRIPTION.tenant.id)
    bodies = [encoded(body) for body in case.bodies]
    for finding in found(bodies, owned):
        ending = calls(finding) if finding.GrantStatus is GrantStatus.OPEN else []
        if not ending:
            continue
        told = [record | {"tenantId": finding.OwnerTenantId} for record in ending]
        assert _status(finding, [*bodies, encoded(told)], case) is GrantStatus.REVOKED
        assert _status(finding, [encoded(told), *bodies], case) is GrantStatus.REVOKED
        assert _status(finding, [*bodies, encoded(map(_refused, told))], case) is GrantStatus.OPEN


def _status(finding: Finding, bodies: Iterable[bytes], case: Case) -> GrantStatus | None:
    owned = replace(case.settings, owner_tenant_id=case.settings.owner_tenant_id or SUBSCRIPTION.tenant.id)
    return next(each.GrantStatus for each in found(bodies, owned) if each.FindingId == finding.FindingId)


def _endings(finding: Finding) -> set[Ending]:
    """Those that its kind names; of the two that a SAS may have, the one of its own sort."""
    endings = set(finding.GrantKind.life.ended_by) if finding.GrantKind else set()
    if finding.GrantKind is not GrantKind.SAS_IN_USE:
        return endings
    return endings - (_RENEWALS if "revoke" in (finding.Containment or "") else {Ending.DELEGATION_KEYS_REVOKED})


def _places(finding: Finding) -> list[ResourceId]:
    target = ResourceId(finding.TargetResourceId)
    return [target, *target.ancestors()]


def _top(finding: Finding) -> ResourceId | None:
    """The resource that the target is, or belongs to; None for what is larger, or known by its name alone."""
    return next((each for each in reversed(_places(finding)) if _is_resource(each)), None)


def _is_resource(place: ResourceId) -> bool:
    return "/" in place.kind and not place.kind.startswith("microsoft.resources/")


def _group(finding: Finding) -> ResourceId | None:
    return next((each for each in _places(finding) if each.kind == _GROUP), None)


def _deletion(place: ResourceId | None) -> list[Record]:
    if place is None:
        return []
    kind = "Microsoft.Resources/subscriptions/resourceGroups" if place.kind == _GROUP else place.kind
    return _call(f"{kind}/delete", place)


def _renewals(finding: Finding) -> list[Record]:
    operation = "Microsoft.Storage/storageAccounts/regenerateKey/action"
    return [record for key in KEYS if (top := _top(finding)) for record in _call(operation, top, key)]


def _revocation(finding: Finding) -> list[Record]:
    top = _top(finding)
    return _call("Microsoft.Storage/storageAccounts/revokeUserDelegationKeys/action", top) if top else []


def _call(operation: str, resource: ResourceId, key: str = "") -> list[Record]:
    request = {"keyName": key} if key else None
    return activity_call(Random(key), ADMIN, SUBSCRIPTION, operation, resource.text, _LATER, request=request)


def _refused(record: Record) -> Record:
    """Had it been refused in the end."""
    if record["resultType"] != "Success":
        return record
    return record | {"resultType": "Failure", "resultSignature": "Failed.Conflict", "time": timestamp(_LATER)}
