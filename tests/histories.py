"""Strategies for histories: what some people did to a few resources in a day, as the raw records that tell of it.

Few names, few moments and few correlation ids, so that calls collide: the same disk granted, closed and granted again,
two calls under one correlation id, halves missing, two settings at the same moment.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.world import ACCOUNT, ADMIN, BEGIN, DISK, END, LIST_ACCOUNT_SAS, NOON, OWNER, STRANGER, SUBSCRIPTION
from tools.azure_records import (
    Account,
    AccountKey,
    Caller,
    CallerKind,
    Credential,
    Delegation,
    DelegationSas,
    Failure,
    OAuth,
    Record,
    Role,
    Sas,
    activity_call,
    copy_engine_read,
    copy_triple,
    sas_query,
    storage_request,
    synthetic_guid,
    timestamp,
)

GUEST = Caller(CallerKind.GUEST, "Gus Guest", STRANGER, "198.51.100.9", Role.CONTRIBUTOR)
ROBOT = Caller(CallerKind.SERVICE_PRINCIPAL, "deployer", OWNER, "", Role.OWNER)
BACKUP = Account("contosobackup", SUBSCRIPTION, "data")
SNAPSHOT = SUBSCRIPTION.resource("servers", "Microsoft.Compute/snapshots", "payroll-copy")
GALLERY = SUBSCRIPTION.resource("images", "Microsoft.Compute/galleries", "golden")
RENEW = "Microsoft.Storage/storageAccounts/regenerateKey/action"
EVENING = NOON + timedelta(hours=8)

_correlations = st.sampled_from(("run-1", "run-2", "run-3"))
_callers = st.sampled_from((ADMIN, GUEST, ROBOT))
_accounts = st.sampled_from((ACCOUNT, BACKUP))
_paths = st.sampled_from(("/reports/q1.csv", "/reports/q2.csv"))
_addresses = st.sampled_from(("198.51.100.23", "203.0.113.99", "10.9.9.9", "2001:db8::5"))


@st.composite
def _moments(draw: st.DrawFn) -> datetime:
    """Minutes, so that moments coincide; now and then on either side of midnight."""
    return NOON + timedelta(minutes=draw(st.integers(0, 12) | st.sampled_from((20, 45, 90, 719, 721))))


@st.composite
def _call(draw: st.DrawFn, /, operation: str, resource: str, **bodies: Any) -> list[Record]:
    """Those of a call's records that arrive, at whole minutes."""
    failure = draw(st.none() | st.none() | st.just(Failure(authorized=True)))
    records = activity_call(
        Random(0),
        draw(_callers),
        SUBSCRIPTION,
        operation,
        resource,
        NOON,
        accepted=draw(st.booleans()),
        failure=failure,
        correlation_id=draw(_correlations),
        **bodies,
    )
    began = draw(_moments())
    at = [began + timedelta(minutes=number * draw(st.integers(0, 2))) for number in range(len(records))]
    told = [{**record, "time": timestamp(moment)} for record, moment in zip(records, at, strict=True)]
    kept = draw(st.sets(st.integers(0, len(told) - 1), min_size=1))
    return [record for number, record in enumerate(told) if number in kept or draw(st.booleans())]


@st.composite
def _disk_call(draw: st.DrawFn) -> list[Record]:
    operation, resource = draw(
        st.sampled_from(
            (
                (BEGIN, DISK),
                (END, DISK),
                ("Microsoft.Compute/snapshots/beginGetAccess/action", SNAPSHOT),
                ("Microsoft.Compute/snapshots/endGetAccess/action", SNAPSHOT),
            )
        )
    )
    request = {"access": "Read", "durationInSeconds": draw(st.sampled_from((60, 3600)))}
    return draw(_call(operation, resource, request=request if "begin" in operation else None))


@st.composite
def _account_write(draw: st.DrawFn) -> list[Record]:
    properties: Record = {}
    if draw(st.booleans()):
        properties["allowBlobPublicAccess"] = draw(st.booleans())
    if draw(st.booleans()):
        properties["allowCrossTenantReplication"] = draw(st.booleans())
    if draw(st.booleans()):
        properties["networkAcls"] = {
            "defaultAction": draw(st.sampled_from(("Allow", "Deny"))),
            "ipRules": draw(st.sampled_from(([], [{"value": "203.0.113.0/24"}]))),
        }
    whole = {"location": "westeurope", "sku": {"name": "Standard_LRS"}} if draw(st.booleans()) else {}
    return draw(
        _call(
            "Microsoft.Storage/storageAccounts/write",
            draw(_accounts).resource_id,
            request={**whole, "properties": properties},
            status=draw(st.sampled_from(("OK", "Created"))),
        )
    )


@st.composite
def _container_write(draw: st.DrawFn) -> list[Record]:
    access = draw(st.sampled_from(("None", "Blob", "Container")))
    return draw(
        _call(
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
            f"{ACCOUNT.blob_service}/containers/reports",
            request={"properties": {"publicAccess": access}},
        )
    )


@st.composite
def _delegation(draw: st.DrawFn) -> list[Record]:
    definition = f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationDefinitions/" + synthetic_guid(
        "definition", draw(st.sampled_from("ab"))
    )
    if draw(st.booleans()):
        tenant = draw(st.sampled_from((STRANGER.id, synthetic_guid("tenant", "other"))))
        body = {"properties": {"managedByTenantId": tenant, "registrationDefinitionName": "Care"}}
        return draw(_call("Microsoft.ManagedServices/registrationDefinitions/write", definition, request=body))
    assignment = f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationAssignments/" + synthetic_guid(
        "assignment", draw(st.sampled_from("ab"))
    )
    body = {"properties": {"registrationDefinitionId": definition}}
    return draw(_call("Microsoft.ManagedServices/registrationAssignments/write", assignment, request=body))


@st.composite
def _deletion(draw: st.DrawFn) -> list[Record]:
    setting = f"{ACCOUNT.resource_id}/providers/Microsoft.Insights/diagnosticSettings/to-the-hub"
    operation, resource = draw(
        st.sampled_from(
            (
                ("Microsoft.Insights/diagnosticSettings/delete", setting),
                ("Microsoft.Insights/diagnosticSettings/delete", setting),
                ("Microsoft.Storage/storageAccounts/delete", ACCOUNT.resource_id),
                (
                    "Microsoft.Resources/subscriptions/resourceGroups/delete",
                    f"{SUBSCRIPTION.scope}/resourceGroups/data",
                ),
            )
        )
    )
    return draw(_call(operation, resource))


@st.composite
def _gallery_share(draw: st.DrawFn) -> list[Record]:
    ids = draw(st.sampled_from(([STRANGER.id], [STRANGER.id, synthetic_guid("tenant", "other")])))
    body = {
        "operationType": draw(st.sampled_from(("Add", "Remove"))),
        "groups": [{"type": "AADTenants", "ids": ids}],
    }
    return draw(_call("Microsoft.Compute/galleries/share/action", GALLERY, request=body))


@st.composite
def _replication(draw: st.DrawFn) -> list[Record]:
    body = {"properties": {"sourceAccount": ACCOUNT.name, "destinationAccount": draw(_accounts).resource_id}}
    policy = f"{ACCOUNT.resource_id}/objectReplicationPolicies/{synthetic_guid('policy')}"
    return draw(
        _call(
            "Microsoft.Storage/storageAccounts/objectReplicationPolicies/write",
            policy,
            **{draw(st.sampled_from(("request", "response"))): body},
        )
    )


@st.composite
def _keys_and_snapshots(draw: st.DrawFn) -> list[Record]:
    operation, resource, body = draw(
        st.sampled_from(
            (
                ("Microsoft.Storage/storageAccounts/listKeys/action", ACCOUNT.resource_id, None),
                (
                    "Microsoft.Storage/storageAccounts/listServiceSas/action",
                    ACCOUNT.resource_id,
                    {"signedPermission": "r"},
                ),
                (
                    "Microsoft.Compute/snapshots/write",
                    SNAPSHOT,
                    {"location": "westeurope", "properties": {"creationData": {"sourceResourceId": DISK}}},
                ),
            )
        )
    )
    return draw(_call(operation, resource, request=body))


@st.composite
def _grant_and_ending(draw: st.DrawFn) -> list[Record]:
    """Grants of several kinds on few resources, and calls that end them or seem to."""
    assignment = f"{DISK}/providers/Microsoft.Authorization/roleAssignments/{synthetic_guid('role')}"
    user = f"{ACCOUNT.resource_id}/localUsers/partner"
    reader = {
        "properties": {"roleDefinitionId": f"/providers/x/roleDefinitions/{Role.SNAPSHOT_CONTRIBUTOR.definition_id}"}
    }
    operation, resource, body = draw(
        st.sampled_from(
            (
                ("Microsoft.Storage/storageAccounts/listKeys/action", ACCOUNT.resource_id, None),
                (LIST_ACCOUNT_SAS, ACCOUNT.resource_id, {"keyToSign": "key1"}),
                (RENEW, ACCOUNT.resource_id, {"keyName": "key1"}),
                (RENEW, ACCOUNT.resource_id, {"keyName": "key2"}),
                ("Microsoft.Storage/storageAccounts/revokeUserDelegationKeys/action", ACCOUNT.resource_id, None),
                ("Microsoft.Storage/storageAccounts/delete", ACCOUNT.resource_id, None),
                ("Microsoft.Storage/storageAccounts/localUsers/write", user, None),
                ("Microsoft.Storage/storageAccounts/localUsers/delete", user, None),
                ("Microsoft.Authorization/roleAssignments/write", assignment, reader),
                ("Microsoft.Authorization/roleAssignments/delete", assignment, None),
                ("Microsoft.Compute/disks/delete", DISK, None),
                (
                    "Microsoft.Resources/subscriptions/resourceGroups/delete",
                    f"{SUBSCRIPTION.scope}/resourceGroups/data",
                    None,
                ),
            )
        )
    )
    return draw(_call(operation, resource, request=body))


def _service_sas(permissions: str = "r") -> str:
    return sas_query(permissions, NOON.replace(hour=0) + timedelta(days=30), resource="c")


@st.composite
def _storage_use(draw: st.DrawFn) -> list[Record]:
    account, at, address, path = draw(_accounts), draw(_moments()), draw(_addresses), draw(_paths)
    rng = Random(draw(st.integers(0, 3)))
    label = draw(st.sampled_from(("one", "two")))
    sas = Sas(_service_sas(), label)
    delegated = Delegation(GUEST.object_id, STRANGER.id, NOON.replace(hour=0), EVENING)
    match draw(st.sampled_from(("sas", "delegation", "engine", "triple", "key", "refused"))):
        case "sas":
            return [storage_request(rng, account, "GetBlob", at, sas, address, path=path)]
        case "delegation":
            credential = DelegationSas(sas_query("r", EVENING, resource="b", delegation=delegated), label, GUEST)
            return [storage_request(rng, account, "GetBlob", at, credential, address, path=path)]
        case "engine":
            return [copy_engine_read(rng, account, at, sas, path=path, offset=0, size=512)]
        case "triple":
            source = ACCOUNT.url(path, _service_sas())
            writers: tuple[Credential, ...] = (AccountKey(), sas, OAuth(ADMIN))
            credential_of_copy = draw(st.sampled_from(writers))
            triple = copy_triple(rng, BACKUP, at, credential_of_copy, address, path="/in/x", source_url=source)
            return draw(st.lists(st.sampled_from(triple), min_size=1, max_size=3))
        case "key":
            caller = draw(st.sampled_from((ADMIN, GUEST)))
            return [storage_request(rng, account, "GetUserDelegationKey", at, OAuth(caller), address)]
        case _:
            return [
                storage_request(
                    rng, account, "GetBlob", at, sas, address, path=path, status=403, status_text="AuthorizationFailure"
                )
            ]


_everything = st.one_of(
    _disk_call(),
    _account_write(),
    _container_write(),
    _delegation(),
    _deletion(),
    _gallery_share(),
    _replication(),
    _keys_and_snapshots(),
    _storage_use(),
)
# What bears on each other, drawn together so that it often does.
_THEMES = (
    _everything,
    _disk_call(),
    _account_write(),
    _account_write() | _container_write(),
    _delegation(),
    _deletion(),
    _gallery_share(),
    _storage_use(),
    _grant_and_ending(),
    _grant_and_ending() | _storage_use(),
)

grants_and_endings = _disk_call() | _account_write() | _delegation() | _gallery_share() | _grant_and_ending()
sas_uses = _storage_use() | _storage_use() | _keys_and_snapshots() | _grant_and_ending()


def histories(*, most: int = 8) -> st.SearchStrategy[list[Record]]:
    """The records of up to so many calls and requests, in order of event time."""
    episodes = st.sampled_from(_THEMES).flatmap(lambda theme: st.lists(theme, min_size=1, max_size=most))
    return episodes.map(lambda found: in_order(record for records in found for record in records))


def in_order(records: Iterable[Record]) -> list[Record]:
    """As a quiet day would deliver them."""
    return sorted(records, key=lambda record: str(record["time"]))
