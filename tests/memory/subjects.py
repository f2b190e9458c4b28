"""Histories for each thing that is remembered: grants, lives of a SAS, lineage, first sightings, counts, campaigns.

Days apart and minutes apart, in two tenants, with correlation ids that calls share, and with records that are missing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.histories import GUEST, ROBOT, grants_and_endings, in_order, sas_uses
from tests.machines import ABROAD, COPY, GROUP, IMAGE, MACHINE, OTHER, SNAPSHOT, SOURCE, compute, made_from, with_disks
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, STRANGER, SUBSCRIPTION, sas_read
from tools.azure_records import (
    Account,
    Caller,
    CallerKind,
    Failure,
    Record,
    Role,
    Subscription,
    Tenant,
    activity_call,
    timestamp,
)


class History(list[Record]):
    """Records in order of time, told in a line each."""

    def __repr__(self) -> str:
        return "".join(f"\n  {_told(record)}" for record in self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


def _told(record: Record) -> str:
    names = ("time", "tenantId", "correlationId", "operationName", "resultType", "resourceId", "callerIpAddress", "uri")
    properties = record.get("properties", {})
    bodies = [properties[name] for name in ("requestbody", "responseBody") if name in properties]
    return " ".join(str(each) for each in (*(record[name] for name in names if name in record), *bodies))


Histories = st.SearchStrategy[History]
Episodes = st.SearchStrategy[list[Record]]

EVE = Caller(CallerKind.USER, "Eve Other", OWNER, "198.51.100.9", Role.CONTRIBUTOR)
AFAR = Caller(CallerKind.USER, "Ada Admin", OWNER, "203.0.113.99", Role.OWNER)
SANDBOX = Subscription("sandbox", OWNER, ("platform",))

_minutes = st.sampled_from((0, 0, 1, 5, 29, 31, 61)).map(lambda number: timedelta(minutes=number))
_hours = st.sampled_from((0, 0, 1, 2, 23, 71, 73)).map(lambda number: timedelta(hours=number))
_days = st.sampled_from((0, 0, 1, 2, 13, 15, 40)).map(lambda number: timedelta(days=number))
_tenants = st.sampled_from((None, None, None, None, STRANGER.id))
_correlations = st.sampled_from((None, None, "run-1", "run-2"))


@st.composite
def _placed(draw: st.DrawFn, episodes: Episodes, after: st.SearchStrategy[timedelta]) -> list[Record]:
    """An episode, some time later, in one tenant, with the records of it that arrive."""
    records, shift, tenant = draw(episodes), draw(after), draw(_tenants)
    kept = draw(st.sampled_from((None, None, None, 0, 1)))
    placed = [_at(record, shift) | ({"tenantId": tenant} if tenant else {}) for record in records]
    return [record for number, record in enumerate(placed) if len(placed) == 1 or number != kept]


def _at(record: Record, shift: timedelta) -> Record:
    time = datetime.fromisoformat(str(record["time"])[:26].rstrip("Z") + "+00:00")
    return {**record, "time": timestamp(time + shift)}


@st.composite
def _history(draw: st.DrawFn, episodes: Episodes, after: st.SearchStrategy[timedelta], most: int) -> History:
    told = draw(st.lists(_placed(episodes, after), min_size=1, max_size=most))
    return History(in_order(record for records in told for record in records))


Choice = tuple[str, str, Any] | tuple[str, str, Any, Any]
"""An operation, a resource, what is asked for and, if that is answered, what now is."""


@st.composite
def _called(draw: st.DrawFn, choices: Sequence[Choice], callers: Sequence[Caller]) -> list[Record]:
    """One of these calls, by one of these callers, as it may end."""
    operation, resource, request, *response = draw(st.sampled_from(choices))
    place = ABROAD if resource.startswith(ABROAD.scope) else SUBSCRIPTION
    accepted = draw(st.booleans())
    told = activity_call(
        Random(draw(st.integers(0, 7))),
        draw(st.sampled_from(callers)),
        place,
        operation,
        resource,
        NOON,
        request=request,
        response=response[0] if response else None,
        accepted=accepted,
        failure=draw(st.sampled_from((None, None, None, Failure(), Failure(authorized=True)))),
        correlation_id=draw(_correlations),
        lasting=draw(_minutes),
        status=draw(st.sampled_from(("OK", "Created"))),
    )
    if len(told) > 2 and draw(st.integers(0, 3)) == 0:
        told[-1] |= {"resultType": "Failure", "resultSignature": "Failed.Conflict"}
    return told


def _of_compute(operation: str, resource: str, request: Any = None, response: Any = None) -> Choice:
    return f"Microsoft.Compute/{operation}", resource, request, response


_COPY_ABROAD = compute("disks", "payroll-copy", ABROAD)
_MACHINE_ABROAD = compute("virtualMachines", "jump", ABROAD)
_MADE_FROM_SNAPSHOT = {"properties": {"storageProfile": {"osDisk": {"snapshot": {"id": SNAPSHOT}}}}}
_FROM_IMAGE = {"properties": {"storageProfile": {"imageReference": {"id": IMAGE}}}}
_ATTACHED = (
    {"dataDisksToAttach": [{"diskId": COPY}]},
    {"dataDisks": [{"managedDisk": {"id": COPY}}, {"managedDisk": {"id": SOURCE}}]},
)
_LINEAGE = (
    _of_compute("snapshots/write", SNAPSHOT, made_from(SOURCE)),
    _of_compute("snapshots/write", SNAPSHOT, made_from(SOURCE)),
    _of_compute("snapshots/write", SNAPSHOT, made_from(COPY)),
    _of_compute("snapshots/delete", SNAPSHOT),
    _of_compute("disks/write", COPY, made_from(SNAPSHOT)),
    _of_compute("disks/write", COPY, made_from(SNAPSHOT)),
    _of_compute("disks/write", COPY, made_from(SOURCE)),
    _of_compute("disks/delete", COPY),
    _of_compute("images/write", IMAGE, _MADE_FROM_SNAPSHOT),
    _of_compute("virtualMachines/write", MACHINE, with_disks(COPY)),
    _of_compute("virtualMachines/write", MACHINE, with_disks(COPY)),
    _of_compute("virtualMachines/write", MACHINE, with_disks(SOURCE, system=COPY)),
    _of_compute("virtualMachines/write", OTHER, with_disks(SOURCE)),
    _of_compute("virtualMachines/write", MACHINE, _FROM_IMAGE, _FROM_IMAGE),
    _of_compute("virtualMachines/write", MACHINE, None, with_disks(COPY)),
    _of_compute("virtualMachines/attachDetachDataDisks/action", MACHINE, *_ATTACHED),
    _of_compute("virtualMachines/attachDetachDataDisks/action", MACHINE, *_ATTACHED),
    _of_compute("disks/write", COPY, {"tags": {"a": "b"}}, made_from(SNAPSHOT)),
    _of_compute("snapshots/write", SNAPSHOT, {"tags": {"a": "b"}}, made_from(SOURCE)),
    _of_compute("virtualMachines/runCommand/action", MACHINE),
    ("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP, None),
    _of_compute("disks/write", _COPY_ABROAD, made_from(SNAPSHOT)),
    _of_compute("virtualMachines/write", _MACHINE_ABROAD, with_disks(_COPY_ABROAD)),
    _of_compute("virtualMachines/write", _MACHINE_ABROAD, with_disks(COPY)),
)

_LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
_DELEGATE = "Microsoft.ManagedServices/registrationDefinitions/write"


def _delegated_to(tenant: Tenant, name: str) -> Choice:
    definition = f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationDefinitions/{name}"
    return _DELEGATE, definition, {"properties": {"managedByTenantId": tenant.id}}


_ELSEWHERE = Account("sandboxdata", SANDBOX, "data")
_START = "virtualMachines/start/action"
"""What no detector asks for, and a subscription has begun by all the same."""
_FIRSTS = (
    _of_compute(_START, MACHINE),
    (_LIST_KEYS, ACCOUNT.resource_id, None),
    (_LIST_KEYS, Account("other", SUBSCRIPTION, "data").resource_id, None),
    (_LIST_KEYS, _ELSEWHERE.resource_id, None),
    _of_compute("snapshots/write", SNAPSHOT, made_from(SOURCE)),
    _of_compute("disks/beginGetAccess/action", SOURCE, {"access": "Read", "durationInSeconds": 3600}),
    _delegated_to(STRANGER, "one"),
    _delegated_to(STRANGER, "two"),
    _delegated_to(Tenant("third"), "one"),
)
_WATCHED = (
    (_LIST_KEYS, ACCOUNT.resource_id),
    (_LIST_KEYS, _ELSEWHERE.resource_id),
    ("Microsoft.Compute/snapshots/write", SNAPSHOT),
    ("Microsoft.Compute/snapshots/write", compute("snapshots", "tmp", SANDBOX)),
)
_UNWATCHED = (
    (f"Microsoft.Compute/{_START}", MACHINE),
    (f"Microsoft.Compute/{_START}", compute("virtualMachines", "jump", SANDBOX)),
    ("Microsoft.Compute/virtualMachines/write", OTHER),
)


@st.composite
def _in_training(draw: st.DrawFn) -> History:
    """Calls that are new, some weeks after others that nobody looks at, or before."""
    told = []
    more = draw(st.lists(st.sampled_from(((_UNWATCHED, (0, 3, 15)), (_WATCHED, (0, 13, 21, 40)))), max_size=4))
    for number, (choices, days) in enumerate(((_UNWATCHED, (0, 0, 1, 6, 30)), (_WATCHED, (14, 15, 20)), *more)):
        operation, resource = draw(st.sampled_from(choices))
        records = activity_call(
            Random(number),
            draw(st.sampled_from((ADMIN, EVE))),
            SUBSCRIPTION,
            operation,
            resource,
            NOON + timedelta(days=draw(st.sampled_from(days))),
            lasting=draw(_minutes),
        )
        told += records[-1:] if draw(st.booleans()) else records
    return History(in_order(told))


@st.composite
def _bulk(draw: st.DrawFn) -> list[Record]:
    """One actor does the same to many resources, with some success."""
    caller, began = draw(st.sampled_from((ADMIN, EVE, ROBOT))), draw(_hours)
    refused = draw(st.sets(st.integers(0, 11), max_size=3)) if draw(st.booleans()) else set(range(12))
    operation, kind, most = draw(
        st.sampled_from(
            (
                (_LIST_KEYS, "Microsoft.Storage/storageAccounts", 7),
                ("Microsoft.Compute/disks/beginGetAccess/action", "Microsoft.Compute/disks", 12),
            )
        )
    )
    told = []
    for number in range(draw(st.integers(2, most))):
        place = SANDBOX if number == 4 else SUBSCRIPTION
        records = activity_call(
            Random(number),
            caller,
            place,
            operation,
            place.resource("data", kind, f"one{number}"),
            NOON + began + draw(_minutes),
            failure=Failure(authorized=True) if number in refused else None,
            correlation_id=draw(st.sampled_from(("run-1", f"run-{number}"))),
        )
        told += records[-1:] if draw(st.booleans()) else records
    return told


_OPEN = {"properties": {"networkAcls": {"defaultAction": "Allow"}, "allowBlobPublicAccess": True}}
_CLOSED = {"properties": {"networkAcls": {"defaultAction": "Deny"}, "allowBlobPublicAccess": False}}
_WRITE = "Microsoft.Storage/storageAccounts/write"
_SETTING = f"{ACCOUNT.resource_id}/providers/Microsoft.Insights/diagnosticSettings/to-the-hub"
_CAMPAIGN = (
    (_WRITE, ACCOUNT.resource_id, _OPEN),
    (_WRITE, ACCOUNT.resource_id, _OPEN),
    (_WRITE, ACCOUNT.resource_id, _CLOSED),
    ("Microsoft.Insights/diagnosticSettings/delete", _SETTING, None),
    (_LIST_KEYS, ACCOUNT.resource_id, None),
    (_LIST_KEYS, ACCOUNT.resource_id, None),
    ("Microsoft.Storage/storageAccounts/regenerateKey/action", ACCOUNT.resource_id, {"keyName": "key1"}),
    ("Microsoft.Storage/storageAccounts/delete", ACCOUNT.resource_id, None),
    ("Microsoft.Storage/storageAccounts/delete", ACCOUNT.resource_id, None),
    _of_compute("disks/beginGetAccess/action", SOURCE, {"access": "Read", "durationInSeconds": 3600}),
    _of_compute("disks/delete", SOURCE),
    _of_compute("snapshots/write", SNAPSHOT, made_from(SOURCE)),
)

_PLACES = ("198.51.100.23", "203.0.113.9", "10.1.2.3")


@st.composite
def _volumes(draw: st.DrawFn) -> History:
    """An account is opened, its keys are read, and much or little of it is taken with two SAS, around midnight too."""
    told = [
        *draw(_called((_CAMPAIGN[0], _CAMPAIGN[4]), (EVE,))),
        *draw(_called(_CAMPAIGN, (ADMIN, EVE))),
    ]
    for number in range(draw(st.integers(1, 9))):
        minutes = draw(st.sampled_from((2, 5, 12, 30, 62, 68, 150, 715, 722)))
        told.append(
            sas_read(
                number,
                NOON + timedelta(minutes=minutes, milliseconds=number),
                label=draw(st.sampled_from(("one", "one", "two"))),
                address=draw(st.sampled_from(_PLACES)),
                path="/exports/one.bak",
                size=draw(st.sampled_from((0, 300, 4_000, 12_000, 90_000))) * 10**6,
                operation=draw(st.sampled_from(("GetBlob", "GetBlob", "ListBlobs"))),
            )
        )
    return History(in_order(told))


SUBJECTS: dict[str, Histories] = {
    "ledger": _history(grants_and_endings, _minutes | _days, 6),
    "SAS life": _history(sas_uses, _minutes | _days, 8),
    "lineage": _history(_called(_LINEAGE, (ADMIN, EVE)), _minutes | _hours, 8),
    "first seen": _history(_called(_FIRSTS, (ADMIN, AFAR, EVE, GUEST)), _minutes | _days, 8),
    "training": _in_training(),
    "counts": _history(_bulk(), st.just(timedelta()), 2),
    "volumes": _volumes(),
    "campaigns": _history(_called(_CAMPAIGN, (ADMIN, EVE, GUEST)) | sas_uses, _minutes | _hours, 7),
}
