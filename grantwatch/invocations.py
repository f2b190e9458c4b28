"""What the functions of the function app do.

The service is imported and made on first use. A fault in it, or in the settings, then shows in every invocation until
it is mended, instead of leaving an app without functions; and an app that only starts is quick.
"""

import logging
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from grantwatch import __version__
from grantwatch.delivery import Delivery
from grantwatch.errors import GrantWatchError, SettingsError
from grantwatch.settings import CloudSettings, FunctionAppSettings, is_set

if TYPE_CHECKING:
    from grantwatch.service import Service

logger = logging.getLogger(__name__)

_REPLAYED_AT_ONCE = 100
_LOCK = Lock()

Answer = tuple[int, Any]
"""An HTTP status, and what to answer in JSON."""


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
    """Run parked records through the engine again, and tell what became of each bundle; 503 where a service is down."""
    if most is not None and not most.isdecimal():
        return 400, {"error": f"most is the number of bundles to replay, such as {_REPLAYED_AT_ONCE}."}
    try:
        replayed = _service().replay(int(most) if most else _REPLAYED_AT_ONCE)
    except GrantWatchError as error:
        return 503, {"error": str(error)}
    bundles = [asdict(each) for each in replayed.bundles]
    if replayed.stopped is not None:
        return 503, {"error": replayed.stopped, "done": len(bundles), "bundles": bundles}
    return 200, bundles


def health() -> Answer:
    """How things stand. Anything but 200 needs somebody's attention."""
    try:
        FunctionAppSettings.read()
        answer = _service().health()
    except SettingsError as error:
        return 503, {"status": "misconfigured", "version": __version__, "problems": list(error.args)}
    return (200 if answer["status"] == "healthy" else 503), answer


def close() -> None:
    """Leave the services alone; the next call makes a new service."""
    with _LOCK:
        if _made.cache_info().currsize:
            _made().close()
        _made.cache_clear()


def _service() -> "Service":
    """The one service of this process, whichever partition comes first."""
    with _LOCK:
        return _made()


@cache
def _made() -> "Service":
    """A fault in the settings is not cached: it is told every time."""
    from grantwatch.cloud import service_of

    sources = ("activity_log", "storage_log", *(("entra_log",) if is_set("entra_hub") else ()))
    try:
        settings = CloudSettings.read()
    except SettingsError:
        FunctionAppSettings.read()  # names those of the triggers as well
        raise
    return service_of(settings, sources)


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
