"""AN1187: what is made of copied data that reached a machine, and of what is done around that."""

from typing import Any

import pytest

from detectors.snapshot_to_instance import snapshot_to_instance
from grantwatch.detection.match import Match
from grantwatch.model.actor import ActorKind
from grantwatch.model.lineage import Lineage
from grantwatch.model.resource import resource_of
from grantwatch.model.severity import Severity
from tests.machines import (
    ABROAD,
    COPY,
    ELSEWHERE,
    GROUP,
    MACHINE,
    SCALE_SET,
    SNAPSHOT,
    THEFT,
    VERSION,
    attached,
    call,
    compute,
    disk,
    lineage,
    snapshot,
    traces,
    version_of,
    with_disks,
)
from tests.world import OWNER, STRANGER, SUBSCRIPTION
from tools.azure_records import (
    BACKUP_MANAGEMENT_SERVICE,
    Caller,
    CallerKind,
    Failure,
    Record,
    Role,
)

INTERFACE = SUBSCRIPTION.resource("net", "Microsoft.Network/networkInterfaces", "jump-nic")
ADDRESS = SUBSCRIPTION.resource("net", "Microsoft.Network/publicIPAddresses", "jump-ip")
EVE = Caller(CallerKind.USER, "Eve Other", OWNER, "198.51.100.9", Role.CONTRIBUTOR)
BACKUP = Caller(
    CallerKind.PLATFORM_SERVICE,
    "Backup Management Service",
    OWNER,
    "",
    Role.BACKUP_CONTRIBUTOR,
    BACKUP_MANAGEMENT_SERVICE,
)
BUILDER = Caller(CallerKind.MANAGED_IDENTITY, "image-builder", OWNER, "", Role.CONTRIBUTOR)
DEPLOYER = Caller(CallerKind.SERVICE_PRINCIPAL, "deployer", OWNER, "", Role.CONTRIBUTOR)


def group_deleted(hours: float, **more: Any) -> list[Record]:
    return call("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP, hours, **more)


def judged(event: Lineage) -> Match:
    (match,) = [each for each in snapshot_to_instance(event) if isinstance(each, Match)]
    return match


COMMAND = call("virtualMachines/runCommand/action", MACHINE, 3)


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (THEFT, Severity.MEDIUM),
        ((snapshot(), disk(), attached(caller=EVE)), Severity.HIGH),
        ((snapshot(), disk(), attached(status="Created")), Severity.MEDIUM),
        ((*THEFT, COMMAND), Severity.HIGH),
        ((*THEFT, call("virtualMachines/runCommand/action", MACHINE, 1)), Severity.MEDIUM),
        ((*THEFT, call("virtualMachines/extensions/write", MACHINE, 3)), Severity.MEDIUM),
        ((*THEFT, call("snapshots/delete", SNAPSHOT, 3)), Severity.HIGH),
        ((*THEFT, call("disks/delete", COPY, 3)), Severity.HIGH),
        ((*THEFT, call("snapshots/delete", SNAPSHOT, 3, caller=DEPLOYER)), Severity.MEDIUM),
        ((*THEFT, group_deleted(3)), Severity.HIGH),
        ((*THEFT, group_deleted(1)), Severity.MEDIUM),
        ((*THEFT, group_deleted(3, caller=DEPLOYER)), Severity.MEDIUM),
        ((snapshot(caller=BUILDER), disk(caller=BUILDER), attached(caller=DEPLOYER)), Severity.MEDIUM),
        ((snapshot(caller=BUILDER), disk(caller=EVE), attached(caller=DEPLOYER)), Severity.HIGH),
        ((snapshot(), disk(), attached(status="Created"), COMMAND), Severity.HIGH),
        ((snapshot(), disk(), attached(status="Created"), call("snapshots/delete", SNAPSHOT, 3)), Severity.HIGH),
        (
            (snapshot(), disk(), attached(status="Created"), call("virtualMachines/extensions/write", MACHINE, 3)),
            Severity.MEDIUM,
        ),
        (
            (
                snapshot(caller=BACKUP),
                disk(caller=BACKUP),
                attached(caller=BACKUP, status="Created"),
            ),
            Severity.INFORMATIONAL,
        ),
        ((snapshot(caller=BACKUP), disk(), attached()), Severity.MEDIUM),
        ((snapshot(caller=EVE), disk(), attached(caller=BACKUP)), Severity.HIGH),
    ],
)
def test_the_severity_follows_who_took_part_and_what_else_was_done(
    told: tuple[list[Record], ...], severity: Severity
) -> None:
    assert judged(lineage(*told)).severity is severity


def test_another_tenant_makes_it_high_also_in_the_same_subscription() -> None:
    match = judged(lineage(snapshot(), disk(), attached(subscription=ABROAD)))

    assert match.severity is Severity.HIGH
    assert match.evidence["Tenants"] == (OWNER.id, STRANGER.id)
    assert match.evidence["TenantChanged"]
    assert not match.evidence["SubscriptionChanged"]
    assert match.summary.startswith("Data of payroll-data reached jump in another tenant in 3 steps")


@pytest.mark.parametrize("unknown", range(3))
def test_a_tenant_that_is_not_known_is_no_other_one(unknown: int) -> None:
    told = list(THEFT)
    told[unknown] = [
        {**record, "tenantId": None, "properties": {**record["properties"], "hierarchy": None}}
        for record in told[unknown]
    ]
    found = lineage(*told)
    match = judged(found)

    assert match.severity is Severity.MEDIUM
    assert match.evidence["Tenants"] == (OWNER.id,)
    assert not match.evidence["TenantChanged"]
    assert found.tenant == ("" if unknown == 2 else OWNER.id)


def test_a_machine_belongs_to_the_tenant_of_the_last_call_on_it_that_took_effect() -> None:
    earlier, later = attached(2, subscription=ABROAD), attached(3)
    failed = attached(4, subscription=ABROAD, request=with_disks(COPY), failure=Failure(authorized=True))

    assert lineage(snapshot(), disk(subscription=ABROAD), earlier, later, failed).tenant == OWNER.id
    assert lineage(failed).tenant == STRANGER.id


def test_another_subscription_makes_it_high() -> None:
    machine = compute("virtualMachines", "jump", ELSEWHERE)
    match = judged(lineage(snapshot(), disk(), attached(machine=machine, subscription=ELSEWHERE), machine=machine))
    assert match.severity is Severity.HIGH
    assert match.evidence["SubscriptionChanged"] is True
    assert match.evidence["Subscriptions"] == (SUBSCRIPTION.id, ELSEWHERE.id)


def test_a_network_that_was_opened_for_the_machine_makes_it_high() -> None:
    network = {"networkProfile": {"networkInterfaces": [{"id": INTERFACE}]}}
    body = with_disks(COPY)
    body["properties"] |= network
    told = (
        call(
            "Microsoft.Network/publicIPAddresses/write",
            ADDRESS,
            1,
            request={"properties": {"ipConfiguration": {"id": f"{INTERFACE}/ipConfigurations/one"}}},
        ),
        call("virtualMachines/write", MACHINE, 2, request=body, status="Created"),
    )
    match = judged(lineage(snapshot(), disk(), *told))
    assert match.severity is Severity.HIGH
    assert match.evidence["Meanwhile"] == (
        "2026-03-10T13:00Z NetworkOpened on jump-nic by ada.admin@owner.example from 203.0.113.7",
    )


def interface(hours: float) -> list[Record]:
    """A write of one with a public address."""
    body = {"properties": {"ipConfigurations": [{"properties": {"publicIPAddress": {"id": ADDRESS}}}]}}
    return call("Microsoft.Network/networkInterfaces/write", INTERFACE, hours, response=body)


@pytest.mark.parametrize(
    ("hours", "severity"),
    [((3,), Severity.HIGH), ((1,), Severity.MEDIUM), ((1, 3), Severity.MEDIUM), ((-99, 3), Severity.MEDIUM)],
)
def test_an_interface_that_gets_its_first_public_address_after_the_copy_makes_it_high(
    hours: tuple[float, ...], severity: Severity
) -> None:
    body = with_disks(COPY)
    body["properties"] |= {"networkProfile": {"networkInterfaces": [{"id": INTERFACE}]}}
    written = (interface(each) for each in hours)
    assert judged(lineage(snapshot(), disk(), attached(response=body), *written)).severity is severity


@pytest.mark.parametrize(("kept", "opened"), [(1, True), (2, True), (3, False)])
def test_a_write_of_an_interface_counts_until_it_is_known_to_fail(kept: int, opened: bool) -> None:
    """The end of the call is not selected where it has no body."""
    address = {"ipConfigurations": [{"properties": {"publicIPAddress": {"id": ADDRESS}}}]}
    name = "Microsoft.Network/networkInterfaces/write"
    failure = Failure() if kept == 3 else None
    written = call(name, INTERFACE, 1, request={"properties": address}, failure=failure)[: min(kept, 2)]
    (touch,) = traces(written)
    assert touch.holds is opened


@pytest.mark.parametrize("kind", ["virtualMachines", "virtualMachineScaleSets"])
def test_a_machine_that_is_made_with_a_public_address_is_opened(kind: str) -> None:
    addressed = [{"properties": {"publicIPAddressConfiguration": {"name": "one"}}}]
    profile = {
        "networkProfile": {"networkInterfaceConfigurations": [{"properties": {"ipConfigurations": addressed}}]},
        "storageProfile": {"imageReference": {"id": VERSION}},
    }
    machine = MACHINE if kind == "virtualMachines" else SCALE_SET
    body = {"properties": profile if machine == MACHINE else {"virtualMachineProfile": profile}}
    made = call(f"{kind}/write", machine, 4, request=body, status="Created")
    match = judged(lineage(snapshot(), version_of(SNAPSHOT), made, machine=machine))
    assert match.severity is Severity.HIGH
    assert "NetworkOpened" in str(match.evidence["Meanwhile"])


def test_a_match_tells_the_whole_way() -> None:
    match = judged(lineage(*THEFT))
    assert match.summary == "Data of payroll-data reached jump in 3 steps, the last by ada.admin@owner.example."
    assert match.target == resource_of(MACHINE)
    assert match.evidence["Path"] == (
        "2026-03-10T12:00Z snapshot tmp of payroll-data by ada.admin@owner.example from 203.0.113.7",
        "2026-03-10T13:00Z copy payroll-copy of tmp by ada.admin@owner.example from 203.0.113.7",
        "2026-03-10T14:00Z payroll-copy attached to jump by ada.admin@owner.example from 203.0.113.7",
    )
    assert match.containment == f"az vm deallocate --ids {MACHINE}"


def test_a_match_is_of_the_time_when_the_last_call_completed_the_path() -> None:
    event = lineage(snapshot(2.2), disk(2.1), attached(2))
    assert judged(event).at == max(each.at for each in event.traces)
    assert event.name == "Microsoft.Compute/snapshots/write"


def test_the_actor_is_the_person_behind_a_platform_service() -> None:
    event = lineage(snapshot(caller=EVE), disk(), attached(caller=BACKUP))
    assert event.actor.label == "ada.admin@owner.example"
    assert event.actor.kind is not ActorKind.PLATFORM_SERVICE


def test_a_lineage_without_a_path_speaks_of_its_last_trace() -> None:
    event = lineage(snapshot(), disk(), machine=COPY)
    assert event.name == "Microsoft.Compute/disks/write"
    assert event.resource.text == COPY
    assert event.region == "westeurope"
    assert not event.salvaged


@pytest.mark.parametrize(
    ("machine", "command"),
    [
        (SCALE_SET, f"az vmss deallocate --ids {SCALE_SET}"),
        (
            f"{SCALE_SET}/virtualMachines/3",
            f"az rest --method post --uri '{SCALE_SET}/virtualMachines/3/deallocate?api-version=2024-07-01'",
        ),
    ],
)
def test_containment_stops_scale_sets_and_their_machines(machine: str, command: str) -> None:
    name = "virtualMachineScaleSets/virtualMachines/write"
    told = (snapshot(), disk(), call(name, machine, 2, request=with_disks(COPY)))
    assert judged(lineage(*told, machine=machine)).containment == command
