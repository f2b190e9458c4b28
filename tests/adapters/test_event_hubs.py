"""Sending to a hub and reading it, with the real client and a broker that misbehaves when told to."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock, Thread

import pytest

from grantwatch.adapters.checkpoints import FileCheckpoints
from grantwatch.adapters.event_hubs import Hub, Sender, Sent
from grantwatch.adapters.hub_consumer import Consumer, Pace
from grantwatch.delivery import Delivery
from grantwatch.errors import SettingsError, StoreError, UnavailableError
from tests.stand_ins.event_hubs import EventHubs, breaks_connections

QUICK = Pace(first_delay=0.05, longest_delay=0.2, balancing=0.3, ownership=2)


def bodies(count: int, size: int = 12) -> list[bytes]:
    return [f"body {number}".encode().ljust(size) for number in range(count)]


def stored(broker: EventHubs, hub: str) -> list[bytes]:
    return [body for partition in broker.stored(hub) for body in partition]


class Taker:
    """Takes deliveries after failing as told, and stops the consumer when it has so many bodies."""

    def __init__(self, enough: int, failures: Iterable[Exception] = ()) -> None:
        self.enough = enough
        self.failures = list(failures)
        self.offered: list[Delivery] = []
        self.taken: list[bytes] = []
        self.stop: Callable[[], None] = lambda: None
        self.lock = Lock()

    def __call__(self, delivery: Delivery) -> None:
        with self.lock:
            self.offered.append(delivery)
            if self.failures:
                raise self.failures.pop(0)
            self.taken += delivery.bodies
            if len(set(self.taken)) >= self.enough:
                self.stop()


class Reader:
    """Consumers of one hub that share their checkpoints."""

    def __init__(self, broker: EventHubs, hub: str, folder: Path) -> None:
        self.hub = Hub.of(broker.connection_string(hub))
        self.checkpoints = FileCheckpoints(str(folder / "checkpoints"))
        self.faults: list[str] = []

    def consumer(self) -> Consumer:
        return Consumer(
            self.hub, source="activity_log", checkpoints=self.checkpoints, pace=QUICK, on_fault=self.faults.append
        )

    def read(self, taker: Taker) -> Taker:
        consumer = self.consumer()
        taker.stop = consumer.stop
        consumer.run(taker)
        return taker

    @property
    def noted(self) -> dict[str, int]:
        """How far each partition has been read, as sequence numbers."""
        notes = self.checkpoints.list_checkpoints(self.hub.host, self.hub.name, "$Default")
        return {note["partition_id"]: note["sequence_number"] for note in notes}


@pytest.fixture
def narrow(event_hubs: EventHubs, tmp_path: Path) -> Reader:
    return Reader(event_hubs, "narrow", tmp_path)


@pytest.fixture
def wide(event_hubs: EventHubs, tmp_path: Path) -> Reader:
    return Reader(event_hubs, "wide", tmp_path)


# --------------------------------------------------------------------------------------------------------- which hub


def test_a_hub_is_named_by_address_or_connection_string() -> None:
    named = Hub.of("contoso.servicebus.windows.net/activity")
    keyed = Hub.of(
        "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k3y==;EntityPath=activity"
    )

    assert str(named) == str(keyed) == "contoso.servicebus.windows.net/activity"
    assert "k3y" not in repr(keyed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "activity",
        "contoso.servicebus.windows.net/",
        "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=k3y",
        "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKey=k3y;EntityPath=activity",
        "SharedAccessKeyName=n;SharedAccessKey=k3y;EntityPath=activity",
    ],
)
def test_what_names_no_hub_is_refused_without_quoting_a_key(text: str) -> None:
    with pytest.raises(SettingsError, match="expected NAMESPACE") as refusal:
        Hub.of(text)
    assert "k3y" not in str(refusal.value)


def test_nothing_of_azure_is_imported_before_a_client_is_made() -> None:
    program = (
        "import sys, grantwatch.adapters.event_hubs, grantwatch.adapters.hub_consumer, grantwatch.adapters.checkpoints;"
        "sys.exit(any(name.split('.')[0] == 'azure' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


# ----------------------------------------------------------------------------------------------------------- sending


def test_bodies_are_stored_in_order_and_those_too_large_are_told_of(event_hubs: EventHubs) -> None:
    small, huge = bodies(1500), b"x" * 2_000_000

    with Sender(Hub.of(event_hubs.connection_string("narrow"))) as sender:
        steps = list(sender.send([*small[:700], huge, *small[700:]]))

    assert stored(event_hubs, "narrow") == small
    assert sum(step.bodies for step in steps) == len(small) + 1
    assert Sent(1, too_large=1) in steps


@breaks_connections
def test_a_broken_connection_loses_nothing(event_hubs: EventHubs) -> None:
    given = bodies(20, size=300_000)

    with Sender(Hub.of(event_hubs.connection_string("narrow")), patience=[0.01] * 3) as sender:
        event_hubs.drop(after_stored=7)
        assert sum(step.bodies for step in sender.send(given)) == len(given)

    assert event_hubs.connections_so_far() > 1
    counted = Counter(stored(event_hubs, "narrow"))
    assert set(counted) == set(given)
    assert max(counted.values()) == 2  # what was stored and not acknowledged was sent again


def test_a_busy_hub_is_waited_for(event_hubs: EventHubs) -> None:
    waited: list[float] = []
    with Sender(Hub.of(event_hubs.connection_string("narrow")), patience=[1, 2, 4], sleep=waited.append) as sender:
        event_hubs.refuse(sends=4)  # of which the client itself answers some with another attempt
        assert list(sender.send(bodies(5))) == [Sent(5)]

    assert waited == [1, 2, 4][: len(waited)] != []
    assert stored(event_hubs, "narrow") == bodies(5)


def test_patience_ends(event_hubs: EventHubs) -> None:
    with Sender(Hub.of(event_hubs.connection_string("narrow")), patience=[0.01]) as sender:
        event_hubs.refuse(sends=9)
        with pytest.raises(UnavailableError, match="cannot serve narrow now"):
            list(sender.send(bodies(1)))


@breaks_connections
@pytest.mark.parametrize(
    ("hub", "change", "said"),
    [
        ("narrow", ("SharedAccessKey=", "SharedAccessKey=wrong"), "does not accept the key"),
        ("nowhere", ("", ""), "has no event hub nowhere"),
        ("narrow", ("sb://127.0.0.1:", "sb://127.0.0.1:1;IsNot="), "cannot be reached"),
    ],
)
def test_what_cannot_be_entered_is_said_in_one_sentence(
    hub: str, change: tuple[str, str], said: str, event_hubs: EventHubs, tmp_path: Path
) -> None:
    address = Hub.of(event_hubs.connection_string(hub).replace(*change))
    never: list[float] = []

    with Sender(address, sleep=never.append) as sender, pytest.raises(UnavailableError, match=said) as sending:
        list(sender.send(bodies(1)))
    consumer = Consumer(address, source="activity_log", checkpoints=FileCheckpoints(str(tmp_path / "checkpoints")))
    with pytest.raises(UnavailableError, match=said) as reading:
        consumer.run(lambda _: None)

    assert not never
    for refusal in (sending, reading):
        assert "\n" not in str(refusal.value)
        assert "wrong" not in str(refusal.value)


# ----------------------------------------------------------------------------------------------------------- reading


def test_deliveries_say_where_they_come_from(event_hubs: EventHubs, narrow: Reader) -> None:
    event_hubs.seed("narrow", 0, bodies(100))

    taker = narrow.read(Taker(100))

    assert taker.taken == bodies(100)
    assert all(len(delivery.bodies) <= 64 for delivery in taker.offered)
    assert {(delivery.source, delivery.partition) for delivery in taker.offered} == {("activity_log", "0")}
    assert [number for delivery in taker.offered for number in delivery.sequence_numbers] == list(range(100))
    assert all(time and time.tzinfo for delivery in taker.offered for time in delivery.enqueued)


def test_a_batch_is_given_again_until_it_is_taken_and_noted_only_then(event_hubs: EventHubs, narrow: Reader) -> None:
    event_hubs.seed("narrow", 0, bodies(10))
    noted_before = []

    class Watching(Taker):
        def __call__(self, delivery: Delivery) -> None:
            noted_before.append(narrow.noted)
            super().__call__(delivery)

    taker = narrow.read(Watching(10, [UnavailableError("The sink is busy."), ValueError("sig=secret")]))

    assert taker.offered[0] == taker.offered[1] == taker.offered[2]
    assert noted_before[:3] == [{}, {}, {}]
    assert narrow.noted == {"0": 9}
    assert narrow.faults == ["Partition 0 waits: The sink is busy.", "Partition 0 waits: ValueError."]


def test_who_stops_while_waiting_leaves_the_batch_to_the_next(event_hubs: EventHubs, narrow: Reader) -> None:
    event_hubs.seed("narrow", 0, bodies(10))

    class Refusing(Taker):
        def __call__(self, delivery: Delivery) -> None:
            self.stop()
            raise UnavailableError("The sink is busy.")

    narrow.read(Refusing(1))
    assert narrow.noted == {}
    assert narrow.read(Taker(10)).taken == bodies(10)


def test_a_restart_goes_on_behind_what_was_noted(event_hubs: EventHubs, narrow: Reader) -> None:
    event_hubs.seed("narrow", 0, bodies(200)[:150])
    narrow.read(Taker(150))
    event_hubs.seed("narrow", 0, bodies(200)[150:])

    assert narrow.read(Taker(50)).taken == bodies(200)[150:]


def test_a_partition_that_waits_holds_up_no_other(event_hubs: EventHubs, wide: Reader) -> None:
    for partition in range(4):
        event_hubs.seed("wide", partition, [b"%d" % partition])

    class Stuck(Taker):
        def __call__(self, delivery: Delivery) -> None:
            if delivery.partition == "0" and len(self.taken) < 3:
                raise UnavailableError("Not before the others.")
            super().__call__(delivery)

    assert sorted(wide.read(Stuck(4)).taken) == [b"0", b"1", b"2", b"3"]


@breaks_connections
def test_a_connection_that_breaks_while_reading_loses_nothing(event_hubs: EventHubs, narrow: Reader) -> None:
    event_hubs.seed("narrow", 0, bodies(600))
    event_hubs.drop(after_given=200)

    assert set(narrow.read(Taker(600)).taken) == set(bodies(600))
    assert narrow.noted == {"0": 599}


def test_two_consumers_share_the_partitions(event_hubs: EventHubs, wide: Reader) -> None:
    partitions: tuple[set[str | None], set[str | None]] = set(), set()
    consumers = wide.consumer(), wide.consumer()
    taken: set[bytes] = set()

    def take_for(own: set[str | None]) -> Callable[[Delivery], None]:
        def take(delivery: Delivery) -> None:
            own.add(delivery.partition)
            taken.update(delivery.bodies)
            if taken >= {b"%d" % number for number in range(4)} and all(partitions):
                for consumer in consumers:
                    consumer.stop()

        return take

    threads = [
        Thread(target=consumer.run, args=[take_for(own)]) for consumer, own in zip(consumers, partitions, strict=True)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if all(count == 1 for count in event_hubs.readers("wide").values()):
            for partition in range(4):
                event_hubs.seed("wide", partition, [b"%d" % partition])
        threads[0].join(0.5)

    assert all(partitions)


# ------------------------------------------------------------------------------------------------------- checkpoints


def claim(owner: str, version: str | None = None) -> dict[str, str | None]:
    place = {"fully_qualified_namespace": "n", "eventhub_name": "h", "consumer_group": "g", "partition_id": "0"}
    return {**place, "owner_id": owner, **({"etag": version} if version else {})}


def test_a_partition_is_claimed_by_who_saw_it_last(tmp_path: Path) -> None:
    checkpoints = FileCheckpoints(str(tmp_path / "checkpoints"))

    (first,) = checkpoints.claim_ownership([claim("ada")])
    assert list(checkpoints.claim_ownership([claim("bob")])) == []
    (second,) = checkpoints.claim_ownership([claim("bob", first["etag"])])
    assert list(checkpoints.claim_ownership([claim("ada", first["etag"])])) == []
    assert list(FileCheckpoints(str(tmp_path / "checkpoints")).list_ownership("n", "h", "g")) == [second]
    assert list(checkpoints.list_ownership("n", "h", "other")) == []


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "notes.json"
    other.write_text('{"precious": true}')

    with pytest.raises(StoreError, match=r"notes\.json"):
        FileCheckpoints(str(other))
    assert other.read_text() == '{"precious": true}'
