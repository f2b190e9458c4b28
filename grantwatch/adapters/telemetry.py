"""OpenTelemetry metrics, for whatever the Functions host, or another one, exports them to.

Without an exporter they cost nothing and go nowhere.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from grantwatch.logbook import Counters
from grantwatch.metrics import METRICS, OLDEST


def measure(source: str, counters: Counters) -> None:
    """Add what was counted for a source since the last time."""
    attributes = {"source": source}
    instruments = _instruments()
    for metric in METRICS:
        value = counters.oldest if metric.name == OLDEST else getattr(counters, metric.name)
        if value:
            instruments[metric.name](value, attributes)


@cache
def _instruments() -> dict[str, Callable[[Any, dict[str, str]], None]]:
    from opentelemetry import metrics

    meter = metrics.get_meter("grantwatch")
    return {
        metric.name: meter.create_histogram(metric.full_name, metric.unit, metric.meaning).record
        if metric.name == OLDEST
        else meter.create_counter(metric.full_name, metric.unit, metric.meaning).add
        for metric in METRICS
    }
