"""OpenTelemetry metrics, for whatever the Functions host, or another one, exports them to.

``docs/operations.md`` lists each with its meaning and when to raise an alarm. Without a configured exporter they cost
nothing and go nowhere.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from grantwatch.logbook import SUMS, Counters

_UNITS = {"events": "{message}", "published": "{revision}"}
_OLDEST = "grantwatch.oldest_event_age"


def measure(source: str, counters: Counters) -> None:
    """Add what was counted for a source since the last time."""
    attributes = {"source": source}
    instruments = _instruments()
    for name in SUMS:
        count = getattr(counters, name)
        if count:
            instruments[name](count, attributes)
    if counters.oldest is not None:
        instruments[_OLDEST](counters.oldest, attributes)


@cache
def _instruments() -> dict[str, Callable[[Any, dict[str, str]], None]]:
    from opentelemetry import metrics

    meter = metrics.get_meter("grantwatch")
    counters = {
        name: meter.create_counter(f"grantwatch.{name}", unit=_UNITS.get(name, "{record}")).add for name in SUMS
    }
    return {**counters, _OLDEST: meter.create_histogram(_OLDEST, unit="s").record}
