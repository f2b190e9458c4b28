"""Machines, volumes and copies: ARM calls as raw records, and what is read from them."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

from grantwatch.memory.facts import phase_digest
from grantwatch.memory.operations import calls
from grantwatch.model.gathering import EVERY_TENANT, GatheringKey
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation, OperationKey, Phase
from grantwatch.model.provenance import OPERATIONS, REQUESTS, RESPONSES, traces_of
from grantwatch.model.resource import folded_id
from grantwatch.model.traces import Trace
from grantwatch.wire.activity import phase_of
from tests.world import ADMIN, NOON, OWNER, STRANGER, SUBSCRIPTION
from tools.azure_records import Caller, Record, Subscription, activity_call

Body = dict[str, Any]

ELSEWHERE = Subscription("sandbox", OWNER, ("platform",))
ABROAD = Subscription("abroad", STRANGER)
WINDOW = timedelta(hours=72)
_SPELLED = {name.lower(): name for name in OPERATIONS}


def compute(kind: str, name: str, subscription: Subscription = SUBSCRIPTION) -> str:
    return subscription.resource("servers", f"Microsoft.Compute/{kind}", name)


GROUP = f"{SUBSCRIPTION.scope}/resourceGroups/servers"
SOURCE = compute("disks", "payroll-data")
SNAPSHOT = compute("snapshots", "tmp")
COPY = compute("disks", "payroll-copy")
MACHINE = compute("virtualMachines", "jump")
OTHER = compute("virtualMachines", "payroll")
POINT = compute("restorePointCollections", "nightly") + "/restorePoints/monday"
IMAGE = compute("images", "golden")
DEFINITION = compute("galleries", "shared") + "/images/server"
VERSION = f"{DEFINITION}/versions/1.0.0"
SCALE_SET = compute("virtualMachineScaleSets", "workers")
BLOB = "https://contosodata.blob.core.windows.net/vhds/payroll.vhd"


def call(
    operation: str,
    resource: str,
    hours: float = 0,
    *,
    caller: Caller = ADMIN,
    subscription: Subscription = SUBSCRIPTION,
    **more: Any,
) -> list[Record]:
    """The records of one call, so many hours after noon; ``operation`` is of Microsoft.Compute unless it says more."""
    name = operation if operation.startswith("Microsoft.") else f"Microsoft.Compute/{operation}"
    at = NOON + timedelta(hours=hours)
    return activity_call(Random(f"{operation}{resource}{hours}"), caller, subscription, name, resource, at, **more)


def made_from(source: str, option: str = "Copy") -> Body:
    """Body of a snapshot or disk that is made from another."""
    named = "sourceUri" if option == "Import" else "sourceResourceId"
    return {"location": "westeurope", "properties": {"creationData": {"createOption": option, named: source}}}


def with_disks(*disks: str, system: str | None = None, **profile: Any) -> Body:
    """Body of a machine with these data disks."""
    data = [{"lun": lun, "createOption": "Attach", "managedDisk": {"id": disk}} for lun, disk in enumerate(disks)]
    if system:
        profile["osDisk"] = {"createOption": "Attach", "managedDisk": {"id": system}}
    return {"location": "westeurope", "properties": {"storageProfile": {"dataDisks": data, **profile}}}


def snapshot(hours: float = 0, **more: Any) -> list[Record]:
    return call("snapshots/write", SNAPSHOT, hours, **({"request": made_from(SOURCE)} | more))


def disk(hours: float = 1, source: str = SNAPSHOT, option: str = "Copy", **more: Any) -> list[Record]:
    return call("disks/write", COPY, hours, **({"request": made_from(source, option)} | more))


def attached(hours: float = 2, *disks: str, machine: str = MACHINE, **more: Any) -> list[Record]:
    body = with_disks(*disks or (COPY,))
    return call("virtualMachines/write", machine, hours, **({"response": body} | more))


def version_of(source: str) -> list[Record]:
    body = {"properties": {"storageProfile": {"osDiskImage": {"source": {"id": source}}}}}
    return call("galleries/images/versions/write", VERSION, 3, request=body)


THEFT = (snapshot(), disk(), attached())


def operations(records: Iterable[Record]) -> Iterator[Operation]:
    """The calls that raw records tell of."""
    phases: dict[OperationKey, dict[str, Phase]] = {}
    for record in records:
        name = _SPELLED[record["operationName"].lower()]
        key, phase = phase_of(record, name, REQUESTS, RESPONSES, owner_tenant="", salvaged=False)
        phases.setdefault(key, {})[phase_digest(phase)] = phase
    for key, found in phases.items():
        yield from calls(key, found)


def traces(*told: list[Record]) -> list[Trace]:
    """The traces of some calls."""
    return [trace for records in told for operation in operations(records) for trace in traces_of(operation)]


def lineage(*told: list[Record], machine: str = MACHINE, window: timedelta = WINDOW) -> Lineage:
    """All that these calls tell of a machine."""
    key = GatheringKey(tenant=EVERY_TENANT, detector="snapshot_to_instance", natural=(folded_id(machine),))
    return Lineage(key, tuple(traces(*told)), window)
