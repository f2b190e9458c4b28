"""Second chances: rows in the outbox are delivered, parked records run through the engine again.

Both work off one bundle after the other, and stop in time. A bundle is removed only once everything in it has been
dealt with, so that stopping anywhere, or running twice at once, loses nothing.
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from grantwatch.delivery import Delivery
from grantwatch.engine import Engine
from grantwatch.errors import UnavailableError, UnreadableBundleError
from grantwatch.parking import DEAD_LETTERS, OUTBOX, DeadLetters, parked_in, put_outbox, rows_in
from grantwatch.ports import Clock, Parked, ParkingPlace, Tables
from grantwatch.tally import Tally

logger = logging.getLogger(__name__)

_MOST_BUNDLES = 10_000


class Drained(Struct):
    """What became of the rows in the outbox. ``stopped`` says why bundles were left untried."""

    delivered: int = 0
    refused: int = 0
    unreadable: int = 0
    stopped: str | None = None


class Replayed(Struct, frozen=True):
    """What became of one bundle of parked records: how many items it had, and how many of them remain parked."""

    bundle: str
    items: int
    parked: int
    published: int = 0
    fault: str | None = None


class Replay(Struct):
    """The bundles that were dealt with. ``stopped`` says which service was down, so that the others were not."""

    bundles: list[Replayed] = field(default_factory=list)
    stopped: str | None = None


class _Kept(Struct):
    """Parking that keeps what a replay could not use either."""

    items: list[Parked] = field(default_factory=list)

    def park(self, items: Sequence[Parked]) -> None:
        self.items += items


def drain(place: ParkingPlace, tables: Tables, clock: Clock, until: datetime) -> Drained:
    """Deliver the rows of the outbox, those of the highest severity first, until all are tried or time is up."""
    drained = Drained()
    try:
        for name in place.names(OUTBOX, _MOST_BUNDLES):
            if clock() >= until:
                drained.stopped = "out of time"
                break
            _drain_bundle(name, place, tables, clock, drained)
    except UnavailableError as error:
        drained.stopped = str(error)
    return drained


def _drain_bundle(name: str, place: ParkingPlace, tables: Tables, clock: Clock, drained: Drained) -> None:
    bundle = place.get(name)
    if bundle is None:
        return
    try:
        content = rows_in(bundle)
    except UnreadableBundleError as error:
        logger.error("%s: %s", name, error)  # noqa: TRY400
        drained.unreadable += 1
        return
    remaining: set[str] = set()
    for table, rows in content.items():
        refused = tables.write(table, [_emitted(row, clock()) for row in rows])
        remaining |= put_outbox(place, table, refused, again=True)
        drained.delivered += len(rows) - len(refused)
        drained.refused += len(refused)
    if name not in remaining:
        place.remove(name)


def _emitted(row: dict[str, Any], now: datetime) -> bytes:
    """A row with the time of this emission."""
    return json.dumps({"TimeGenerated": now.isoformat(), **row}).encode()


def replay(place: ParkingPlace, engine: Engine, clock: Clock, until: datetime, *, source: str, most: int) -> Replay:
    """Run parked records through the engine again, at most so many bundles, until time is up.

    What was parked for a fault not its own comes first. What cannot be used this time either is parked again, under
    ``source`` where the reason is a new one. Stops at a service that is down.
    """
    done = Replay()
    try:
        for name in place.names(DEAD_LETTERS, most):
            if clock() >= until:
                break
            bundle = place.get(name)
            if bundle is not None:
                done.bundles.append(_replay_bundle(name, bundle, place, engine, source))
    except UnavailableError as error:
        done.stopped = str(error)
    return done


def _replay_bundle(name: str, bundle: bytes, place: ParkingPlace, engine: Engine, source: str) -> Replayed:
    try:
        items = parked_in(bundle)
    except UnreadableBundleError as error:
        return Replayed(name, 0, 0, fault=str(error))
    kept: list[Parked] = []
    tally = Tally()
    for item in items:
        again = _Kept()
        tally += _tried_again(item, engine, again)
        kept += [replace(each, origin=item.origin) for each in again.items]
    if set(map(_identity, kept)) != set(map(_identity, items)):
        DeadLetters(place, Delivery(source, ())).park(kept)
        place.remove(name)
    return Replayed(name, len(items), len(kept), tally.published)


def _tried_again(item: Parked, engine: Engine, kept: _Kept) -> Tally:
    """Give one item to the engine; whatever it fails on stays parked."""
    try:
        if item.detector is None:
            return engine.process([item.body], parking=kept)
        return engine.reconsider(item.body, parking=kept)
    except UnavailableError:
        raise
    except Exception as error:  # any: one item must not keep the others from their second chance
        logger.error("a fault of ours while replaying: %s", type(error).__name__)  # noqa: TRY400
        kept.park([item])
        return Tally()


def _identity(item: Parked) -> tuple[str, str | None, bytes]:
    return item.reason, item.detector, item.body
