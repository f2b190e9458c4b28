"""A ready engine on one machine: everything in memory unless told otherwise."""

from detectors.catalogue import CATALOGUE
from grantwatch.adapters.clock import now
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.engine import Engine
from grantwatch.ports import Clock, Parking, Sink, StateStore
from grantwatch.settings import Settings


def engine(
    *,
    store: StateStore | None = None,
    sink: Sink | None = None,
    parking: Parking | None = None,
    clock: Clock = now,
    settings: Settings | None = None,
) -> Engine:
    """The engine with the whole catalogue. Ports that are not given are in memory, settings that are not default.

    ``engine(sink=sink).process(bodies)`` takes message bodies as bytes and returns a Tally; findings go to the sink.
    """
    return Engine(
        CATALOGUE,
        store=store or MemoryStore(),
        sink=sink or MemorySink(),
        parking=parking or MemoryParking(),
        clock=clock,
        settings=settings or Settings(),
    )
