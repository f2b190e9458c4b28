"""Reading an event hub for good, with the engine of this machine."""

import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from tempfile import TemporaryDirectory
from threading import Lock
from types import FrameType
from typing import Annotated

import typer

from grantwatch import local
from grantwatch.adapters.checkpoints import Checkpoints, checkpoints_at
from grantwatch.adapters.event_hubs import Hub
from grantwatch.adapters.hub_consumer import Consumer, Pace
from grantwatch.adapters.local_store import IN_MEMORY, LocalStore
from grantwatch.cli import options, terminal
from grantwatch.delivery import Delivery
from grantwatch.engine import Engine
from grantwatch.errors import GrantWatchError, SettingsError
from grantwatch.model.finding import Finding
from grantwatch.ports import Parked
from grantwatch.settings import Settings
from grantwatch.tally import Tally

_PACE = Pace()


class Source(StrEnum):
    """Which logs a hub carries."""

    ACTIVITY_LOG = "activity_log"
    STORAGE_LOG = "storage_log"


def command(
    eventhub: options.EventHub,
    consumer_group: Annotated[str, typer.Option(metavar="NAME", help="Consumers of one group share the hub.")] = (
        "$Default"
    ),
    source: Annotated[Source, typer.Option(help="Which logs the hub carries.")] = Source.ACTIVITY_LOG,
    checkpoints: Annotated[
        str | None,
        typer.Option(
            metavar="URL_OR_FILE",
            help="Where it is kept how far the hub was read: the URL of a blob container, or a file. Default: a file "
            "beside the store.",
        ),
    ] = None,
    store: options.Store = options.DEFAULT_STORE,
    until_idle: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop when nothing has come for so long. Default: go on.")
    ] = None,
    owner_tenant: options.OwnerTenant = "",
    own_network: options.OwnNetworks = None,
    own_subscription: options.OwnSubscriptions = None,
    first_delay: Annotated[float, typer.Option(hidden=True)] = _PACE.first_delay,
    balancing: Annotated[float, typer.Option(hidden=True)] = _PACE.balancing,
    ownership: Annotated[float, typer.Option(hidden=True)] = _PACE.ownership,
) -> None:
    """Read an event hub and print what the engine finds, until interrupted.

    Findings are kept in the store and printed on standard output, one JSON object a line; everything else goes to
    standard error. How far the hub was read is noted only when the store has what was found. Exit code 0: terminated
    or idle; 1: the hub, the store or the checkpoints cannot be had; 2: wrong usage; 130: interrupted.

    Example: grantwatch consume --eventhub contoso.servicebus.windows.net/activity >> findings.jsonl
    """
    try:
        hub = Hub.of(eventhub)
        settings = Settings.read(
            owner_tenant_id=owner_tenant,
            own_networks=tuple(own_network or ()),
            own_subscriptions=tuple(own_subscription or ()),
        )
        pace = Pace(first_delay=first_delay, balancing=balancing, ownership=ownership)
        with _kept(checkpoints, store) as noted, LocalStore(store) as opened:
            consumer = Consumer(hub, source=source, checkpoints=noted, group=consumer_group, pace=pace, on_fault=_warn)
            engine = local.engine(store=opened.state, sink=_Tee(opened), parking=_Told(), settings=settings)
            with _stopping(consumer) as signals:
                tally = consume(consumer, processing(engine, opened), until_idle=until_idle)
            if not signals:
                tally += engine.finish()
    except SettingsError as error:
        terminal.stop(str(error), code=2)
    except (GrantWatchError, OSError) as error:
        terminal.stop(str(error), code=1)
    terminal.say(f"{tally.records:,} records read, {tally.published:,} revisions of findings published.")
    raise typer.Exit(130 if signal.SIGINT in signals else 0)


def consume(consumer: Consumer, deliver: Callable[[Delivery], Tally], *, until_idle: float | None = None) -> Tally:
    """Give ``deliver`` what the consumer reads, until that stops, and add up what came of it.

    ``deliver`` is called in threads, for several partitions at once; what it returned from is not given again.
    """
    total, lock = Tally(), Lock()

    def take(delivery: Delivery) -> None:
        nonlocal total
        tally = deliver(delivery)
        with lock:
            total += tally

    consumer.run(take, until_idle=until_idle)
    return total


def processing(engine: Engine, store: LocalStore) -> Callable[[Delivery], Tally]:
    """A plain engine, one delivery at a time, that has kept what it found when it returns."""
    lock = Lock()

    def deliver(delivery: Delivery) -> Tally:
        with lock:
            tally = engine.process(delivery.bodies)
            store.keep()
            return tally

    return deliver


class _Tee:
    """Publishes to the store and to standard output."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store

    def publish(self, findings: Sequence[Finding]) -> None:
        self._store.publish(findings)
        sys.stdout.write("".join(f"{finding.model_dump_json()}\n" for finding in findings))
        sys.stdout.flush()


class _Told:
    """Parking for want of a place to park: it says what could not be used, and why, and keeps nothing."""

    def park(self, items: Sequence[Parked]) -> None:
        reasons = Counter(f"{item.detector}: {item.reason}" if item.detector else item.reason for item in items)
        for reason, count in reasons.most_common():
            _warn(f"{count:,} × not used: {reason}")


@contextmanager
def _kept(place: str | None, store: str) -> Iterator[Checkpoints]:
    """The checkpoints at that place, or else beside the store, and gone with it if it keeps nothing."""
    if place is None and store == IN_MEMORY:
        with TemporaryDirectory() as folder:
            yield checkpoints_at(f"{folder}/checkpoints")
    else:
        yield checkpoints_at(place or f"{store}.checkpoints")


@contextmanager
def _stopping(consumer: Consumer) -> Iterator[list[int]]:
    """Stop the consumer when the process is interrupted or terminated; the second time ends it on the spot."""
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)
        consumer.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _warn(sentence: str) -> None:
    terminal.say(sentence, "yellow")
