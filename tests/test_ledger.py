"""The inventory of grants, from raw records to what ``grantwatch grants`` lists."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations
from random import Random
from typing import Any

from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.model.finding import Finding
from grantwatch.model.grant import GrantStatus
from grantwatch.model.inventory import StandingGrant, inventory
from grantwatch.settings import Settings
from tests.memory.life import Clock
from tests.world import (
    ACCOUNT,
    ADMIN,
    DISK,
    END,
    NOON,
    OWNER,
    STRANGER,
    SUBSCRIPTION,
    account_sas,
    body_of,
    disk_access,
    sas_read,
)
from tools.azure_records import Record, activity_call, synthetic_guid

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GALLERY = SUBSCRIPTION.resource("images", "Microsoft.Compute/galleries", "golden")
OTHER = synthetic_guid("tenant", "other")
USER = f"{ACCOUNT.resource_id}/localUsers/partner"


def call(operation: str, resource: str, at: datetime, **more: Any) -> list[Record]:
    number = Random(f"{operation} {resource} {at}")
    return activity_call(number, ADMIN, SUBSCRIPTION, operation, resource, at, **more)


def shared(kind: str, at: datetime, *tenants: str) -> list[Record]:
    request = {"operationType": kind, "groups": [{"type": "AADTenants", "ids": tenants}]}
    return call("Microsoft.Compute/galleries/share/action", GALLERY, at, request=request)


def written(at: datetime, **properties: Any) -> list[Record]:
    return call("Microsoft.Storage/storageAccounts/write", ACCOUNT.resource_id, at, request={"properties": properties})


def let_in(at: datetime, *addresses: str) -> list[Record]:
    rules = [{"value": address} for address in addresses]
    return written(at, networkAcls={"defaultAction": "Deny", "ipRules": rules})


def renewed(at: datetime) -> list[Record]:
    operation = "Microsoft.Storage/storageAccounts/regenerateKey/action"
    return call(operation, ACCOUNT.resource_id, at, request={"keyName": "key1"})


class Ledger:
    """What is listed after some bodies, and sweeps at some later times."""

    def __init__(self, *bodies: Sequence[Record], swept: datetime | Sequence[datetime] = NOON) -> None:
        self._sink, clock = MemorySink(), Clock()
        settings = Settings(owner_tenant_id=OWNER.id)
        engine = local.engine(
            store=MemoryStore(), sink=self._sink, parking=MemoryParking(), settings=settings, clock=clock
        )
        for records in bodies:
            clock.now += timedelta(minutes=1)
            engine.process([body_of(records)])
        for clock.now in (swept,) if isinstance(swept, datetime) else swept:
            engine.sweep(clock.now)

    def of(self, detector: str) -> list[Finding]:
        return [each for each in self._sink.current() if each.Detector == detector]

    def at(self, now: datetime) -> list[StandingGrant]:
        rows = [row.model_dump() for row in self._sink.grants]
        listed = list(inventory(rows, now))
        assert list(inventory(reversed(rows), now)) == listed, "the order of rows matters"
        return listed

    def concerning(self, recipient: str) -> list[StandingGrant]:
        return [each for each in self.at(NOON) if each.concerns(recipient=recipient, resource=None)]


def standing(ledger: Ledger, now: datetime) -> dict[str, str]:
    return {each.row["RecipientId"]: each.status for each in ledger.at(now)}


def test_a_finding_of_several_recipients_is_a_grant_to_each() -> None:
    ledger = Ledger(shared("Add", NOON, STRANGER.id, OTHER))

    assert standing(ledger, NOON) == {STRANGER.id: "Open", OTHER: "Open"}
    assert [each.row["RecipientId"] for each in ledger.concerning(OTHER)] == [OTHER]


def test_a_recipient_who_is_removed_has_no_access_and_the_others_keep_theirs() -> None:
    told = [shared("Add", NOON, STRANGER.id, OTHER), shared("Remove", NOON + HOUR, STRANGER.id)]
    for bodies in permutations(told):
        ledger = Ledger(*bodies, swept=NOON + 40 * DAY)
        (finding,) = [each for each in ledger.of("image_shared") if each.GrantId]

        assert standing(ledger, NOON + 2 * HOUR) == {STRANGER.id: "Revoked", OTHER: "Open"}
        assert (finding.GrantStatus, finding.RecipientId) == ("Open", OTHER)
        assert [each.RecipientId for each in ledger.of("grant_left_open")] == [OTHER]


def test_each_address_that_is_let_in_is_a_grant_of_its_own() -> None:
    ledger = Ledger(
        let_in(NOON, "198.51.100.1", "198.51.100.2"), let_in(NOON + HOUR, "198.51.100.2"), swept=NOON + 9 * DAY
    )

    assert standing(ledger, NOON + 2 * HOUR) == {"198.51.100.1": "Revoked", "198.51.100.2": "Open"}
    assert [each.RecipientId for each in ledger.of("grant_left_open")] == ["198.51.100.2"]


def test_it_is_told_which_of_several_grants_are_left_open() -> None:
    third, since = synthetic_guid("tenant", "third"), f"since {NOON:%Y-%m-%dT%H:%M}Z"
    told = [
        shared("Add", NOON, STRANGER.id, OTHER, third),
        shared("Remove", NOON + HOUR, STRANGER.id),
        shared("Remove", NOON + 31 * DAY, third),
    ]
    (both,) = Ledger(*told[:2], swept=NOON + 40 * DAY).of("grant_left_open")
    assert both.Evidence["StillOpen"] == sorted(f"Tenant: {each}, {since}" for each in (OTHER, third))

    for bodies in permutations(told):
        (one,) = Ledger(*bodies, swept=NOON + 40 * DAY).of("grant_left_open")
        assert one.Evidence["StillOpen"] == [f"Tenant: {OTHER}, {since}"]
        assert one.Summary.endswith(f"was still open after 30 days (Tenant: {OTHER}, {since}).")


def test_what_later_sweeps_find_left_open_is_told_too() -> None:
    """Nothing is learnt between the two but that one more of them is due."""
    for number in range(6):
        at = NOON + timedelta(minutes=number)
        opened = "Microsoft.Compute/disks/beginGetAccess/action"
        told = [call(opened, DISK, each, correlation_id="run") for each in (at, at + 2 * HOUR)]

        for sweeps in ([DAY + HOUR, DAY + 3 * HOUR], [2 * DAY]):
            (left,) = Ledger(*told, swept=[at + each for each in sweeps]).of("grant_left_open")
            since = [f"Unknown, since {each:%Y-%m-%dT%H:%M}Z" for each in (at, at + 2 * HOUR)]
            assert left.Evidence["StillOpen"] == since


def test_of_several_grants_left_open_the_last_end_counts_when_all_have_ended() -> None:
    for first, last in ((STRANGER.id, OTHER), (OTHER, STRANGER.id)):
        ledger = Ledger(
            shared("Add", NOON, STRANGER.id, OTHER),
            shared("Remove", NOON + 31 * DAY, first),
            shared("Remove", NOON + 32 * DAY, last),
            swept=NOON + 40 * DAY,
        )

        (left,) = ledger.of("grant_left_open")
        assert left.RecipientId == last
        assert left.GrantClosedAt is not None
        assert left.GrantClosedAt >= NOON + 32 * DAY
        assert "StillOpen" not in left.Evidence


def test_a_grant_is_left_open_though_another_under_its_correlation_id_was_ended() -> None:
    request = {"access": "Read", "durationInSeconds": 864_000}
    told = [
        disk_access(1, NOON, correlation_id="run", request=request),
        call(END, DISK, NOON + HOUR),
        disk_access(2, NOON + 2 * HOUR, correlation_id="run", request=request),
    ]
    for bodies in permutations(told):
        ledger = Ledger(*bodies, swept=NOON + 2 * DAY)
        (left,) = ledger.of("grant_left_open")
        (listed,) = ledger.at(NOON + 2 * DAY)

        assert left.GrantOpenedAt == listed.opened > NOON + 2 * HOUR
        assert listed.status is GrantStatus.OPEN


def test_a_grant_that_was_left_open_is_told_though_another_of_its_finding_stands() -> None:
    ledger = Ledger(
        shared("Add", NOON, STRANGER.id, OTHER),
        shared("Remove", NOON + 31 * DAY, STRANGER.id),
        shared("Remove", NOON + 32 * DAY, OTHER),
        swept=NOON + 40 * DAY,
    )

    assert [each.GrantStatus for each in ledger.of("grant_left_open")] == ["Revoked"]
    assert set(standing(ledger, NOON + 40 * DAY).values()) == {"Revoked"}


def test_how_a_sas_stands_does_not_depend_on_what_was_told_first() -> None:
    told = [[sas_read(1)], renewed(NOON + HOUR), [sas_read(2, NOON + 3 * HOUR, address="10.9.9.9")]]

    for bodies in permutations(told):
        (sas,) = Ledger(*bodies).at(NOON + 4 * HOUR)
        assert (sas.status, sas.row["RecipientId"]) == (GrantStatus.OPEN, "10.9.9.9")


def test_what_ended_long_ago_does_not_make_a_grant_older() -> None:
    ledger = Ledger(disk_access(1, NOON), call(END, DISK, NOON + HOUR / 2), disk_access(2, NOON + 5 * DAY))

    (again,) = ledger.at(NOON + 5 * DAY + HOUR / 2)

    assert (again.status, again.opened.date()) == (GrantStatus.OPEN, (NOON + 5 * DAY).date())


def test_a_grant_that_is_given_anew_is_extended_and_ends_once() -> None:
    told = [disk_access(1, NOON), disk_access(2, NOON + HOUR / 2)]
    (extended,) = Ledger(*told).at(NOON + HOUR * 1.2)
    (ended,) = Ledger(*told, call(END, DISK, NOON + HOUR)).at(NOON + HOUR * 1.2)

    assert extended.status is GrantStatus.OPEN
    assert extended.expires is not None
    assert timedelta() <= extended.expires - extended.opened - HOUR * 1.5 < timedelta(minutes=1)
    assert ended.status is GrantStatus.REVOKED


def test_a_grant_of_a_length_that_none_can_have_may_last_and_is_told_of_when_it_was_left_open() -> None:
    for seconds in (0, -60, 10**18):
        lasting = disk_access(1, NOON, request={"access": "Read", "durationInSeconds": seconds})
        ledger = Ledger(lasting, swept=NOON + 2 * DAY)
        (disk,) = ledger.at(NOON + 300 * DAY)

        assert (disk.status, disk.expires) == (GrantStatus.OPEN, None)
        assert len(ledger.of("grant_left_open")) == 1


def test_a_sas_that_was_issued_for_a_time_long_past_has_expired_and_is_never_left_open() -> None:
    request = {"signedServices": "b", "signedPermission": "r", "keyToSign": "key2"}
    for expiry in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00Z"):
        ledger = Ledger(account_sas(1, NOON, request={**request, "signedExpiry": expiry}), swept=NOON + 90 * DAY)
        (sas,) = ledger.at(NOON + HOUR)

        assert sas.status is GrantStatus.EXPIRED
        assert ledger.of("account_sas_issued")
        assert not ledger.of("grant_left_open")


def test_however_often_a_local_user_is_written_there_is_one_grant() -> None:
    writes = [call("Microsoft.Storage/storageAccounts/localUsers/write", USER, NOON + each * HOUR) for each in range(4)]
    deleted = call("Microsoft.Storage/storageAccounts/localUsers/delete", USER, NOON + DAY)

    (user,) = Ledger(*writes).at(NOON + DAY)
    (gone,) = Ledger(*writes, deleted).at(NOON + 2 * DAY)

    assert (user.status, gone.status) == (GrantStatus.OPEN, GrantStatus.REVOKED)
    assert user.opened < NOON + HOUR


def test_a_sas_is_found_by_every_address_that_used_it() -> None:
    ledger = Ledger(
        [sas_read(1)],
        [sas_read(2, NOON + HOUR, address="203.0.113.77")],
        [sas_read(3, NOON + DAY, address="203.0.113.78")],
    )

    for address in ("198.51.100.23", "203.0.113.77", "203.0.113.78"):
        assert len(ledger.concerning(address)) == 1
    assert not ledger.concerning("203.0.113.79")


def test_of_many_addresses_those_are_listed_that_are_known_and_nothing_else() -> None:
    uses = [sas_read(each, NOON + each * timedelta(minutes=1), address=f"198.51.100.{each}") for each in range(1, 31)]

    (sas,) = Ledger(uses).at(NOON + HOUR)

    assert len(sas.networks) == 20
    assert all(address.startswith("198.51.100.") for address in sas.networks)
