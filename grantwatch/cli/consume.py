"""Reading an event hub for good: into the store of this machine, or into the services that the function app uses."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from types import FrameType
from typing import Annotated

import typer

from grantwatch import cloud, local
from grantwatch.adapters.checkpoints import Checkpoints, checkpoints_at
from grantwatch.adapters.clock import now
from grantwatch.adapters.directory_parking import DirectoryPlace
from grantwatch.adapters.event_hubs import Hub
from grantwatch.adapters.hub_consumer import Consumer, Pace
from grantwatch.adapters.local_store import IN_MEMORY, LocalStore
from grantwatch.cli import options, terminal
from grantwatch.cli.tee import StandardOutput, Tee
from grantwatch.contract import Contract
from grantwatch.delivery import Delivery
from grantwatch.errors import GrantWatchError, SettingsError, UnavailableError
from grantwatch.model.quantity import quantity
from grantwatch.service import Service
from grantwatch.settings import CloudSettings, Settings
from grantwatch.tally import Tally

_PACE = Pace()
_FIVE_MINUTES = 300.0

Deliver = Callable[[Delivery], Tally]


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
            help="Where it is kept how far the hub was read: the URL of a blob container, or a file. Default: the file "
            "STORE.checkpoints beside the store.",
        ),
    ] = None,
    azure: Annotated[
        bool,
        typer.Option(
            "--azure",
            help="Use the Azure services that the settings name, as the function app does, and no local store. "
            "Needs --checkpoints.",
        ),
    ] = False,
    chores: Annotated[
        bool,
        typer.Option(
            help="With --azure: write health rows and drain the outbox. Leave it on for one of the consumers."
        ),
    ] = True,
    store: options.Store = options.DEFAULT_STORE,
    until_idle: Annotated[
        float | None,
        typer.Option(min=1, metavar="SECONDS", help="Stop when nothing has come for so long."),
    ] = None,
    owner_tenant: options.OwnerTenant = "",
    own_network: options.OwnNetworks = None,
    own_subscription: options.OwnSubscriptions = None,
    expected_principal: options.ExpectedPrincipals = None,
    first_delay: Annotated[float, typer.Option(hidden=True)] = _PACE.first_delay,
    balancing: Annotated[float, typer.Option(hidden=True)] = _PACE.balancing,
    ownership: Annotated[float, typer.Option(hidden=True)] = _PACE.ownership,
) -> None:
    """Read an event hub and print what the engine finds, until interrupted.

    Findings are kept in the store and printed on standard output, one JSON object a line; everything else goes to
    standard error, and what cannot be processed into the directory STORE.parked (see the command parked). How far the
    hub was read is noted only when nothing of it can be lost any more. Exit code 0: terminated or idle; 1: the hub, the
    store or the checkpoints cannot be had; 2: wrong usage; 130: interrupted.

    Example: python -m grantwatch consume --eventhub contoso.servicebus.windows.net/activity >> findings.jsonl
    """
    if azure and checkpoints is None:
        terminal.stop(
            "With --azure there is no store to keep checkpoints beside; name a place with --checkpoints.", code=2
        )
    given = options.as_settings(owner_tenant, own_network, own_subscription, expected_principal)
    pace = Pace(first_delay=first_delay, balancing=balancing, ownership=ownership)
    try:
        hub = Hub.of(eventhub)
        with _kept(checkpoints, store) as noted:
            consumer = Consumer(hub, source=source, checkpoints=noted, group=consumer_group, pace=pace, on_fault=_warn)
            working = (
                _in_azure(CloudSettings.read(**given), chores=chores)
                if azure
                else _on_this_machine(Settings.read(**given), store, consumer)
            )
            with working as (deliver, finish), _stopping(consumer) as signals:
                tally = consume(consumer, deliver, until_idle=until_idle)
                if not signals:
                    tally += finish()
    except SettingsError as error:
        terminal.stop(str(error), code=2)
    except (GrantWatchError, OSError) as error:
        terminal.stop(error, code=1)
    terminal.say(
        f"{quantity(tally.records, 'record')} read, {quantity(tally.published, 'revision')} of findings published."
    )
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


@contextmanager
def _on_this_machine(
    settings: Settings, store: str, consumer: Consumer
) -> Iterator[tuple[Deliver, Callable[[], Tally]]]:
    """An engine on the local store, under the contract: one delivery at a time, kept when it returns."""
    lock = Lock()
    with _beside(store, "parked") as parked, LocalStore(store) as opened:
        engine = local.engine(store=opened.state, sink=Tee(opened, StandardOutput(consumer.stop)), settings=settings)
        contract = Contract(engine, DirectoryPlace(parked), now, on_fault=_tell)

        def deliver(delivery: Delivery) -> Tally:
            with lock:
                tally = contract.deliver(delivery)
                opened.keep()
            if tally.parked:
                _warn(f"{tally.parked:,} × not used, parked in {parked}.")
            return tally

        yield deliver, engine.sweep


@contextmanager
def _in_azure(settings: CloudSettings, *, chores: bool) -> Iterator[tuple[Deliver, Callable[[], Tally]]]:
    """The service that the function app runs, with what its timers do."""
    service, done = cloud.service_of(settings, tuple(Source)), Event()
    timer = Thread(target=_keep_house, args=(service, done), daemon=True)
    try:
        if chores:
            timer.start()
        yield service.deliver, Tally
    finally:
        done.set()
        service.close()


def _keep_house(service: Service, done: Event) -> None:
    while not done.wait(_FIVE_MINUTES):
        try:
            service.sweep()
            drained = service.drain()
        except Exception as error:  # any: what is left today is done in five minutes, as by the timers of the app
            _warn(
                str(error) if isinstance(error, GrantWatchError) else f"A fault of GrantWatch: {type(error).__name__}."
            )
        else:
            if drained.stopped:
                _warn(f"The outbox waits: {drained.stopped}")


def _tell(_: str, error: Exception) -> None:
    """Say what is parked; what is waited for, the consumer says."""
    if not isinstance(error, UnavailableError):
        _warn(f"A fault of GrantWatch: {type(error).__name__}.")


@contextmanager
def _kept(place: str | None, store: str) -> Iterator[Checkpoints]:
    """The checkpoints at that place, or else beside the store."""
    if place is not None:
        yield checkpoints_at(place)
    else:
        with _beside(store, "checkpoints") as path:
            yield checkpoints_at(str(path))


@contextmanager
def _beside(store: str, name: str) -> Iterator[Path]:
    """A path beside the store, which is gone with it if the store keeps nothing."""
    if store == IN_MEMORY:
        with TemporaryDirectory() as folder:
            yield Path(folder) / name
    else:
        yield Path(f"{store}.{name}")


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
        for number, before_it in before.items():
            signal.signal(number, before_it)


def _warn(sentence: str) -> None:
    terminal.say(sentence, "yellow")
