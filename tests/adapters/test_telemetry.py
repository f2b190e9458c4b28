"""Metrics as an exporter sees them."""

import subprocess
import sys
from pathlib import Path

from grantwatch.logbook import SUMS
from grantwatch.metrics import METRICS, OLDEST

ROOT = Path(__file__).parents[2]

# In a process of its own: OpenTelemetry has one meter provider for each, and takes it once.
_PROGRAM = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
from grantwatch.adapters.telemetry import measure
from grantwatch.logbook import Counters

measure("activity_log", Counters(events=2, records=30, oldest=12.5))
measure("activity_log", Counters(events=3, records=40, oldest=2.5))
measure("storage_log", Counters(events=1))
for each in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics:
    for point in each.data.data_points:
        value = getattr(point, "value", None)
        print(each.name, each.unit, point.attributes["source"], value if value is not None else point.max)
"""


def test_every_counter_is_a_metric() -> None:
    assert {metric.name for metric in METRICS} == {*SUMS, OLDEST}


def test_counts_add_up_by_source_and_ages_are_kept_apart() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)

    assert sorted(done.stdout.splitlines()) == [
        "grantwatch.events {message} activity_log 5",
        "grantwatch.events {message} storage_log 1",
        "grantwatch.oldest_event_age s activity_log 12.5",
        "grantwatch.records {record} activity_log 70",
    ]
