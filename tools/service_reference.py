"""The page ``docs/service-reference.md``: the settings, metrics and health columns, as the code declares them."""

from collections.abc import Iterable, Iterator

import msgspec

from grantwatch.metrics import METRICS
from grantwatch.model.health import TABLE, Health
from grantwatch.model.schema import columns_of
from grantwatch.settings import FunctionAppSettings
from tools.markdown import NOTICE, described, row, table


def service_reference() -> Iterator[str]:
    """The blocks of the page."""
    yield NOTICE
    yield "# Service reference"
    yield "What `docs/operations.md` speaks of, in full."
    yield "## Settings"
    yield (
        "Settings of the function app, or environment variables anywhere else. `replay` and `query` need none of them. "
        "Where one is missing or malformed, but for those of hubs, every invocation fails with a sentence for each; "
        "`health` names those of hubs as well."
    )
    yield table(("Setting", "Required", "Meaning", "Example"), _settings())
    yield "## Metrics"
    yield "OpenTelemetry metrics, each with the attribute `source`, added to once a minute."
    yield table(("Metric", "Unit", "Meaning", "Raise an alarm at"), _metrics())
    yield f"## {TABLE}"
    yield "One row is one source and one window of five minutes, over all instances. A silent source has rows too."
    yield table(("Column", "Type", "Nullable", "Description"), map(described, columns_of(Health)))


def _settings() -> Iterable[str]:
    required = {field.name for field in msgspec.structs.fields(FunctionAppSettings) if field.required}
    for name, about in FunctionAppSettings.described().items():
        variable, example = FunctionAppSettings.variable_of(name), (about.examples or [""])[0]
        yield row(f"`{variable}`", "yes" if name in required else "no", about.description or "", f"`{example}`")


def _metrics() -> Iterable[str]:
    return (row(f"`{each.full_name}`", each.unit, each.meaning, each.alarm) for each in METRICS)
