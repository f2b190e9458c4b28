"""What ``consume`` could not use and set aside: listed with the reasons, and run through the engine again."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from grantwatch import local
from grantwatch.adapters.clock import now
from grantwatch.adapters.directory_parking import DirectoryPlace
from grantwatch.adapters.local_store import IN_MEMORY, LocalStore
from grantwatch.cli import options, tables, terminal
from grantwatch.cli.tee import StandardOutput, Tee
from grantwatch.errors import GrantWatchError, SettingsError, StoreError, UnreadableBundleError
from grantwatch.model.quantity import quantity
from grantwatch.parking import DEAD_LETTERS, parked_in
from grantwatch.ports import Parked, ParkingPlace
from grantwatch.recovery import Replay, replay
from grantwatch.settings import Settings

_NEVER = datetime.max.replace(tzinfo=UTC)
_ALL = sys.maxsize


def command(
    again: Annotated[bool, typer.Option("--replay", help="Run it through the engine again, into the store.")] = False,
    store: Annotated[
        str, typer.Option(metavar="FILE", help="DuckDB file beside which it lies, in FILE.parked.")
    ] = options.DEFAULT_STORE,
    owner_tenant: options.OwnerTenant = "",
    own_network: options.OwnNetworks = None,
    own_subscription: options.OwnSubscriptions = None,
    expected_principal: options.ExpectedPrincipals = None,
) -> None:
    """List what consume set aside, or replay it.

    That is what could not be processed when it came, with the reason. Give --replay the options that consume had:
    findings are kept in the store and printed on standard output, one JSON object a line, and what can be used now is
    parked no more. Exit code 0: done; 1: something remains parked, or the store cannot be had; 2: wrong usage; 130:
    interrupted.

    Example: python -m grantwatch parked --replay >> findings.jsonl
    """
    folder = Path(f"{store}.parked")
    try:
        settings = Settings.read(**options.as_settings(owner_tenant, own_network, own_subscription, expected_principal))
        if not DirectoryPlace(folder).names(DEAD_LETTERS, 1):
            _reject_nothing(store)
            terminal.say(f"Nothing lies parked in {folder}.")
        elif again:
            remains = _tried_again(folder, store, settings)
            raise typer.Exit(1 if remains else 0)
        else:
            _list(folder)
    except SettingsError as error:
        terminal.stop(str(error), code=2)
    except KeyboardInterrupt:
        terminal.stop("Interrupted; what was not dealt with is still parked.", code=130)
    except (GrantWatchError, OSError) as error:
        terminal.stop(error, code=1)


def _reject_nothing(store: str) -> None:
    """Raise StoreError where there is not even a store, as where its name was misspelt."""
    if store == IN_MEMORY or not Path(store).exists():
        raise StoreError(f"There is no store at {store}, and nothing parked beside it: name another with --store.")


def _list(folder: Path) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    damaged: list[str] = []
    for name, items in _bundles(DirectoryPlace(folder)):
        if isinstance(items, UnreadableBundleError):
            damaged.append(f"{folder / 'contents' / name}: {items}.")
        else:
            counts.update(map(_about, items))
    rows = [(f"{count:,}", *about) for about, count in counts.most_common()]
    tables.print_rows(("Parked", "Why", "From", "Worth a replay"), rows, tables.console_for())
    for fault in damaged:
        terminal.say(fault, "red")
    terminal.say(
        f"\n{quantity(counts.total(), 'item')} parked in {folder}; --replay runs them through the engine again."
    )


def _bundles(place: ParkingPlace) -> Iterator[tuple[str, Sequence[Parked] | UnreadableBundleError]]:
    for name in place.names(DEAD_LETTERS, _ALL):
        bundle = place.get(name)
        if bundle is not None:
            try:
                yield name, parked_in(bundle)
            except UnreadableBundleError as error:
                yield name, error


def _about(item: Parked) -> tuple[str, str, str]:
    """Why it is parked, from which log it came, and whether it was parked for a fault not its own."""
    why = f"{item.detector}: {item.reason}" if item.detector else item.reason
    source = (item.origin or "").partition("/")[0]
    return why, source or "unknown", "yes" if item.sound else "only with a newer version"


class KeepingPlace(DirectoryPlace):
    """A parking directory from which nothing is removed before the store has for good what was made of it."""

    def __init__(self, root: Path, store: LocalStore) -> None:
        super().__init__(root)
        self._store = store

    def remove(self, name: str) -> None:
        self._store.keep()
        super().remove(name)


def _tried_again(folder: Path, store: str, settings: Settings) -> bool:
    """Whether something remains parked, of which is said what."""
    with LocalStore(store) as opened:
        engine = local.engine(store=opened.state, sink=Tee(opened, StandardOutput(lambda: None)), settings=settings)
        done = replay(KeepingPlace(folder, opened), engine, now, _NEVER, source="parked", most=_ALL)
    return _told(done, folder)


def _told(done: Replay, folder: Path) -> bool:
    items, parked = (sum(getattr(each, name) for each in done.bundles) for name in ("items", "parked"))
    published = sum(each.published for each in done.bundles)
    terminal.say(
        f"{quantity(items, 'parked item')} replayed, {quantity(published, 'revision')} of findings published; "
        f"{parked:,} cannot be used this time either."
    )
    for each in done.bundles:
        if each.fault is not None:
            terminal.say(f"{folder / 'contents' / each.bundle}: {each.fault}.", "red")
    if done.stopped is not None:
        terminal.say(f"The rest is still parked: {done.stopped}", "red")
    return bool(parked or done.stopped or any(each.fault for each in done.bundles))
