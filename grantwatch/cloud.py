"""A ready service on Azure's own services: what the function app and ``grantwatch consume`` run.

Nothing happens at import, and clients are made when they are first needed. Where settings are missing or malformed,
every invocation says which until they are mended.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import cache
from secrets import token_hex
from threading import Lock, Timer
from typing import Any

from detectors.catalogue import CATALOGUE
from grantwatch import __version__
from grantwatch.adapters import telemetry
from grantwatch.adapters.blob_parking import BlobPlace
from grantwatch.adapters.credentials import credential
from grantwatch.adapters.log_analytics import LogAnalytics, ingestion_client
from grantwatch.adapters.table_store import TableStore
from grantwatch.delivery import Delivery
from grantwatch.engine import Engine
from grantwatch.errors import GrantWatchError, SettingsError
from grantwatch.local import now
from grantwatch.parking import DeadLetters
from grantwatch.publishing import TableSink
from grantwatch.service import Service
from grantwatch.settings import CloudSettings, FunctionAppSettings, has_managed_identity, is_connection, is_set

logger = logging.getLogger(__name__)

_A_MINUTE = 60.0
_REPLAYED_AT_ONCE = 100
_LOCK = Lock()

Answer = tuple[int, Any]
"""An HTTP status, and what to answer in JSON."""


def service_of(settings: CloudSettings, sources: tuple[str, ...]) -> Service:
    """A service on the services that the settings name."""
    token = cache(lambda: credential(managed_identity=has_managed_identity(), client_id=settings.client_id or None))
    state = (
        TableStore.from_connection_string(settings.state, clock=now)
        if is_connection(settings.state)
        else TableStore.from_account(settings.state, token, clock=now)
    )
    place = (
        BlobPlace.from_connection_string(settings.parking)
        if is_connection(settings.parking)
        else BlobPlace.from_account(settings.parking, token)
    )
    clients = ExitStack()
    tables = LogAnalytics(lambda: ingestion_client(settings.ingestion_endpoint, token()), settings.ingestion_rule_id)
    for client in (state, place, tables):
        clients.callback(client.close)
    return Service(
        Engine(
            CATALOGUE,
            store=state,
            sink=TableSink(tables, place),
            parking=DeadLetters(place, Delivery("sweep_grants", ())),
            clock=now,
            settings=settings,
        ),
        state=state,
        tables=tables,
        place=place,
        clock=now,
        process=token_hex(8),
        sources=sources,
        later=_in_a_minute,
        measure=telemetry.measure,
        expire=state.expire,
        close=clients.close,
    )


def deliver(delivery: Delivery, invocation: str) -> None:
    """Process what a trigger brought, under the contract: returns when it need not come again, raises otherwise."""
    try:
        tally = _service().deliver(delivery)
    except GrantWatchError as error:
        _log(logging.WARNING, delivery, invocation, fault=type(error).__name__)
        raise
    _log(logging.INFO, delivery, invocation, **asdict(tally))


def sweep() -> None:
    """Report health, and let state expire."""
    _service().sweep()


def drain() -> None:
    """Deliver what is in the outbox."""
    drained = _service().drain()
    logger.info("outbox delivered=%d refused=%d unreadable=%d", drained.delivered, drained.refused, drained.unreadable)
    if drained.stopped:
        logger.warning("outbox left for later: %s", drained.stopped)


def replay(most: str | None) -> Answer:
    """Run parked records through the engine again, and tell what became of each bundle."""
    if most is not None and not most.isdecimal():
        return 400, {"error": f"most is the number of bundles to replay, such as {_REPLAYED_AT_ONCE}."}
    try:
        replayed = _service().replay(int(most) if most else _REPLAYED_AT_ONCE)
    except GrantWatchError as error:
        return 503, {"error": str(error)}
    return 200, [asdict(each) for each in replayed]


def health() -> Answer:
    """How things stand. Anything but 200 needs somebody's attention."""
    try:
        FunctionAppSettings.read()
        answer = _service().health()
    except SettingsError as error:
        return 503, {"status": "misconfigured", "version": __version__, "problems": str(error).split("; ")}
    return (200 if answer["status"] == "healthy" else 503), answer


def close() -> None:
    """Leave the services alone; the next call makes a new service."""
    with _LOCK:
        if _made.cache_info().currsize:
            _made().close()
        _made.cache_clear()


def _service() -> Service:
    """The one service of this process, whichever partition comes first."""
    with _LOCK:
        return _made()


@cache
def _made() -> Service:
    """A fault in the settings is not cached: it is told every time."""
    sources = ("activity_log", "storage_log", *(("entra_log",) if is_set("entra_hub") else ()))
    return service_of(CloudSettings.read(), sources)


def _in_a_minute(work: Callable[[], None]) -> None:
    timer = Timer(_A_MINUTE, work)
    timer.daemon = True
    timer.start()


def _log(level: int, delivery: Delivery, invocation: str, **facts: Any) -> None:
    """One line for a delivery: ids and counts, and nothing of what was in it."""
    numbers = [number for number in delivery.sequence_numbers if number is not None]
    described: dict[str, Any] = {
        "source": delivery.source,
        "invocation": invocation,
        "partition": delivery.partition,
        "batch": f"{min(numbers)}-{max(numbers)}" if numbers else None,
        "bodies": len(delivery.bodies),
        **facts,
    }
    logger.log(level, " ".join(f"{name}={value}" for name, value in described.items()))
