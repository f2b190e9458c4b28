"""The processing contract: when a delivery counts as done, when it is tried again, and when it is given up for later.

Azure Functions moves its checkpoint past a batch whether the function returned or raised for good, so ``deliver``
returns only when every record is ignored, remembered, published or parked. It raises for faults that may pass, and
whoever delivers holds that partition and delivers again, for ever. A batch that has failed for long enough by our own
clock is parked whole; if even parking fails, it goes on raising, and the retention of the hub is the buffer.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b

from msgspec import Struct

from grantwatch.delivery import Delivery
from grantwatch.engine import Engine
from grantwatch.errors import SettingsError, UnavailableError
from grantwatch.model.bounded import Bounded
from grantwatch.model.secrets import masked_bytes
from grantwatch.parking import DeadLetters
from grantwatch.ports import Clock, Parked, ParkingPlace
from grantwatch.tally import Tally

logger = logging.getLogger(__name__)

_REMEMBERED = 1024


class Patience(Struct, frozen=True):
    """How often, and how long, a delivery is tried before it is parked, whichever ends first."""

    attempts: int = 10
    time: timedelta = timedelta(minutes=20)


PATIENCE = Patience()


class _Failing(Struct, frozen=True):
    since: datetime
    attempts: int


class Contract:
    """Keeps the promise that no record is lost. Safe to use from several threads."""

    def __init__(
        self,
        engine: Engine,
        place: ParkingPlace,
        clock: Clock,
        *,
        patience: Patience = PATIENCE,
        on_fault: Callable[[str, Exception], None] = lambda source, error: None,
    ) -> None:
        self._engine = engine
        self._place = place
        self._clock = clock
        self._patience = patience
        self._on_fault = on_fault
        self._failing: Bounded[bytes, _Failing] = Bounded(_REMEMBERED)

    def deliver(self, delivery: Delivery) -> Tally:
        """Process a delivery. When this returns, no record of it needs to be delivered again.

        Raises UnavailableError when it must be, and SettingsError when only somebody outside can mend what is wrong;
        every other fault is the record's or ours, and parked.
        """
        try:
            tally = self._processed(delivery)
        except UnavailableError as error:
            self._on_fault(delivery.source, error)
            tally = self._held(delivery, error)
        if self._failing:
            self._failing.pop(_name_of(delivery), None)
        return tally

    def _processed(self, delivery: Delivery) -> Tally:
        parking = DeadLetters(self._place, delivery)
        try:
            return self._engine.process(delivery.bodies, parking=parking)
        except (UnavailableError, SettingsError):
            raise
        except Exception as error:  # any: a fault of ours on one body must not cost its neighbours, nor the partition
            _report(delivery, error)
            self._on_fault(delivery.source, error)
        # What was done already is done again, which changes nothing; the body at fault is found on the way.
        tally = Tally()
        for number, body in enumerate(delivery.bodies):
            try:
                tally += self._engine.process([body], parking=DeadLetters(self._place, _only(delivery, number)))
            except (UnavailableError, SettingsError):
                raise
            except Exception as error:  # any: as above
                parking.park([_parked(f"{type(error).__name__} in the engine", body, number)])
                tally += Tally(parked=1)
        return tally

    def _held(self, delivery: Delivery, error: UnavailableError) -> Tally:
        """Raise, or park the whole delivery when it has failed for long enough."""
        name, now = _name_of(delivery), self._clock()
        before = self._failing.get(name)
        failing = _Failing(before.since if before else now, before.attempts + 1 if before else 1)
        self._failing[name] = failing
        if failing.attempts < self._patience.attempts and now - failing.since < self._patience.time:
            raise error
        reason = f"not processed: {type(error).__name__}"
        items = [_parked(reason, body, number) for number, body in enumerate(delivery.bodies)]
        try:
            DeadLetters(self._place, delivery).park(items)
        except UnavailableError as parking_error:
            self._on_fault(delivery.source, parking_error)
            raise
        logger.error(
            "parked a whole delivery: source=%s partition=%s bodies=%d attempts=%d fault=%s",
            delivery.source,
            delivery.partition,
            len(delivery.bodies),
            failing.attempts,
            type(error).__name__,
        )
        return Tally(parked=len(items))


def _only(delivery: Delivery, number: int) -> Delivery:
    """One body of a delivery, by itself."""
    return Delivery(
        delivery.source,
        delivery.bodies[number : number + 1],
        delivery.partition,
        delivery.sequence_numbers[number : number + 1],
        delivery.enqueued[number : number + 1],
    )


def _parked(reason: str, body: bytes, number: int) -> Parked:
    return Parked(reason, masked_bytes(body), number=number, sound=True)


def _report(delivery: Delivery, error: Exception) -> None:
    # Without the traceback: an exception's text can quote the record.
    logger.error("a fault of ours: source=%s fault=%s at=%s", delivery.source, type(error).__name__, _place_of(error))


def _place_of(error: Exception) -> str:
    """Where it was raised: file and line, which quote nothing."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"


def _name_of(delivery: Delivery) -> bytes:
    """The same for every attempt at a batch: what is in it."""
    found = blake2b(delivery.source.encode(), digest_size=16)
    for body in _framed(delivery.bodies):
        found.update(body)
    return found.digest()


def _framed(bodies: tuple[bytes, ...]) -> Iterator[bytes]:
    for body in bodies:
        yield len(body).to_bytes(8, "big")
        yield body
