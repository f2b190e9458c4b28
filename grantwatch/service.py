"""What runs around the engine in Azure, over ports alone: deliveries, the timers, and the questions of an operator."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from grantwatch import __version__
from grantwatch.contract import PATIENCE, Contract, Patience
from grantwatch.delivery import Delivery
from grantwatch.engine import Engine
from grantwatch.errors import UnavailableError
from grantwatch.logbook import (
    WINDOW,
    Counters,
    Logbook,
    counted,
    health_rows,
    last_events,
    note_reported,
    unreported,
    window_of,
)
from grantwatch.model.quantity import quantity
from grantwatch.parking import DEAD_LETTERS, OUTBOX
from grantwatch.ports import Clock, ParkingPlace, StateStore, Tables
from grantwatch.recovery import Drained, Replay, drain, replay
from grantwatch.tally import Tally

logger = logging.getLogger(__name__)

_BUDGET = timedelta(minutes=3)
_SILENCE = timedelta(minutes=30)
_WINDOWS_AN_HOUR = timedelta(hours=1) // WINDOW
_MOST_COUNTED = 1000
_MOST_REPLAYED = 1000

Measure = Callable[[str, Counters], None]
"""Is told every minute what was counted since, for each source."""
Later = Callable[[Callable[[], None]], None]
"""Runs something in a minute, off the path of the deliveries."""


class Service:
    """An engine under its contract, with counters, second chances and health. Safe to use from several threads."""

    def __init__(
        self,
        engine: Engine,
        *,
        state: StateStore,
        tables: Tables,
        place: ParkingPlace,
        clock: Clock,
        process: str,
        sources: Sequence[str],
        later: Later,
        measure: Measure = lambda source, counters: None,
        expire: Callable[[datetime], int] = lambda now: 0,
        close: Callable[[], None] = lambda: None,
        patience: Patience = PATIENCE,
    ) -> None:
        self._engine = engine
        self._state = state
        self._tables = tables
        self._place = place
        self._clock = clock
        self._sources = sources
        self._later = later
        self._measure = measure
        self._expire = expire
        self._close = close
        self._logbook = Logbook(state, process)
        self._contract = Contract(engine, place, clock, patience=patience, on_fault=self._note_fault)
        self._writes_later = False
        self._lock = Lock()

    def deliver(self, delivery: Delivery) -> Tally:
        """Process a delivery under the contract: returns when no record of it needs to come again, raises otherwise."""
        try:
            tally = self._contract.deliver(delivery)
        finally:
            self._write_soon()
        try:
            self._logbook.note(delivery, tally, self._clock())
        except Exception as error:  # any: what is done is done, and need not come again because nobody counted it
            logger.error("a delivery was not counted: %s", type(error).__name__)  # noqa: TRY400
        return tally

    def sweep(self) -> None:
        """Write the health rows that are due, remove expired state, and report calls and grants whose time is up."""
        from grantwatch.model.health import TABLE

        now = self._clock()
        self._expire(now)
        for window in unreported(self._state, now):
            rows = health_rows(self._state, self._sources, window, now)
            for each in self._tables.write(TABLE, [row.model_dump_json().encode() for row in rows]):
                logger.error("a health row was refused: %s", each.reason)
            note_reported(self._state, window)
        self._engine.sweep(now)

    def drain(self) -> Drained:
        """Deliver what is in the outbox."""
        return drain(self._place, self._tables, self._clock, self._clock() + _BUDGET)

    def replay(self, most: int) -> Replay:
        """Run parked records through the engine again, at most so many bundles (and 1,000)."""
        until = self._clock() + _BUDGET
        most = max(0, min(most, _MOST_REPLAYED))
        return replay(self._place, self._engine, self._clock, until, source="replay_parked", most=most)

    def health(self) -> Mapping[str, Any]:
        """How things stand, from state and the parking place. A service that is down is part of the answer."""
        now = self._clock()
        problems: list[str] = []
        answer: dict[str, Any] = {"version": __version__, "time": now.isoformat(), "sources": {}, "parked": {}}
        for part, ask in (("sources", self._sources_now), ("parked", self._parked_now)):
            try:
                answer[part] = ask(now)
            except UnavailableError as error:
                problems.append(str(error))
        problems += _troubles(answer["sources"], answer["parked"])
        return {"status": "degraded" if problems else "healthy", "problems": problems, **answer}

    def write_counters(self) -> None:
        """Write this process's counters to state. Never raises for a state store that is down."""
        with self._lock:
            self._writes_later = False
        try:
            for source, counters in self._logbook.write(self._clock()).items():
                self._measure(source, counters)
        except UnavailableError as error:
            logger.warning("counters could not be written: %s", error)
            self._write_soon()

    def close(self) -> None:
        """Write the last counters, and leave the services alone."""
        self.write_counters()
        self._close()

    def _write_soon(self) -> None:
        with self._lock:
            if self._writes_later:
                return
            self._writes_later = True
        self._later(self.write_counters)

    def _note_fault(self, source: str, error: Exception) -> None:
        self._logbook.note_fault(source, error, self._clock())

    def _sources_now(self, now: datetime) -> dict[str, Any]:
        last_hour = counted(self._state, [window_of(now) - number * WINDOW for number in range(_WINDOWS_AN_HOUR)])
        latest = last_events(self._state)
        return {
            source: {
                "last_event": latest[source].isoformat() if source in latest else None,
                "seconds_since": int((now - latest[source]).total_seconds()) if source in latest else None,
                "last_hour": _shown(last_hour.get(source, Counters())),
            }
            for source in dict.fromkeys([*self._sources, *sorted(last_hour)])
        }

    def _parked_now(self, _: datetime) -> dict[str, int]:
        """How many bundles lie in each folder, counted up to a thousand."""
        return {folder: len(self._place.names(folder, _MOST_COUNTED)) for folder in (DEAD_LETTERS, OUTBOX)}


def _troubles(sources: Mapping[str, Any], parked: Mapping[str, int]) -> Iterator[str]:
    """What an operator should look at, a sentence each."""
    for source, seen in sources.items():
        last_hour = seen["last_hour"]
        for number, what in ((last_hour["failures"], "failed"), (last_hour["faults"], "met a fault in GrantWatch")):
            if number:
                yield f"{source}: {quantity(number, 'delivery', 'deliveries')} {what} in the last hour."
        if seen["seconds_since"] is None:
            yield f"{source}: nothing has ever come."
        elif seen["seconds_since"] > _SILENCE.total_seconds():
            yield f"{source}: nothing has come for {seen['seconds_since'] // 60} minutes."
    for folder, bundles in parked.items():
        if bundles:
            yield f"{quantity(bundles, 'bundle')} {'lies' if bundles == 1 else 'lie'} in {folder}/."


def _shown(counters: Counters) -> dict[str, Any]:
    return {
        "events": counters.events,
        "records": counters.records,
        "ignored": counters.ignored,
        "rejected": counters.rejected,
        "parked": counters.parked,
        "findings": counters.published,
        "failures": counters.sink_failures + counters.state_failures + counters.parking_failures,
        "faults": counters.engine_faults,
        "oldest_event_age": counters.oldest,
    }
