"""The function app as Azure runs it: indexed and invoked by the published worker, on stand-ins for Azure's services."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grantwatch import invocations
from grantwatch.adapters.blob_parking import BlobPlace
from grantwatch.delivery import Delivery
from grantwatch.model.finding import TABLE
from grantwatch.model.health import TABLE as HEALTH_TABLE
from grantwatch.parking import DeadLetters
from grantwatch.ports import Parked
from tests.stand_ins.azurite import Azurite
from tests.stand_ins.functions_host import Host, raw_bindings
from tests.stand_ins.identity import identity_endpoint
from tests.stand_ins.logs_ingestion import RULE, TOKEN, LogsIngestion, Status
from tests.world import NOON, body_of, disk_access, ordinary_read
from tools.bench.cold_start import MATCH

ROOT = Path(__file__).parents[1]
HUBS = {"activity_log": "%GRANTWATCH_ACTIVITY_HUB%", "storage_log": "%GRANTWATCH_STORAGE_HUB%"}
TIMERS = ("sweep_grants", "drain_outbox")
REQUESTS = {"health": "GET", "replay_parked": "POST"}

needs_worker = pytest.mark.skipif(sys.version_info < (3, 13), reason="the published worker begins at Python 3.13")


@pytest.fixture(scope="session")
def host() -> Host:
    host = Host(ROOT)
    host.start()
    return host


@pytest.fixture
def logs() -> Iterator[LogsIngestion]:
    with LogsIngestion() as server:
        yield server
    assert not server.violations


@pytest.fixture
def app(azurite: Azurite, logs: LogsIngestion, host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The function app with everything set, as in Azure: a managed identity, and three services."""
    with identity_endpoint(TOKEN) as identity:
        environment = identity | {
            "GRANTWATCH_INGESTION_ENDPOINT": logs.endpoint,
            "GRANTWATCH_INGESTION_RULE_ID": RULE,
            "GRANTWATCH_STATE": azurite.table,
            "GRANTWATCH_PARKING": azurite.blob,
            "GRANTWATCH_ACTIVITY_HUB": "activity",
            "GRANTWATCH_STORAGE_HUB": "storage",
            "GRANTWATCH_EVENTHUB__fullyQualifiedNamespace": "example.servicebus.windows.net",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield host
        invocations.close()


_TELL = """
import json, function_app
print(json.dumps({
    each.get_function_name(): [list(map(json.loads, each.get_raw_bindings())), each.get_settings_dict("retry_policy")]
    for each in function_app.app.get_functions()
}))
"""


@cache
def functions(**environment: str) -> dict[str, tuple[list[dict[str, Any]], dict[str, str] | None]]:
    """Bindings and retry policy of each function, as the library itself tells them, on every Python: it tells once."""
    done = subprocess.run(
        [sys.executable, "-c", _TELL], cwd=ROOT, env=os.environ | environment, capture_output=True, check=True
    )
    found: dict[str, tuple[list[dict[str, Any]], dict[str, str] | None]] = json.loads(done.stdout)
    return found


def test_every_log_has_a_trigger_of_its_own_that_is_retried_for_ever() -> None:
    for name, hub in HUBS.items():
        ((trigger,), retry) = functions()[name]
        assert trigger["type"] == "eventHubTrigger"
        assert (trigger["eventHubName"], trigger["consumerGroup"]) == (hub, name)
        assert (trigger["cardinality"], trigger["dataType"]) == ("MANY", "BINARY")
        assert trigger["connection"] == "GRANTWATCH_EVENTHUB"
        assert retry is not None
        assert (retry["strategy"], retry["max_retry_count"]) == ("exponential_backoff", "-1")


def test_timers_and_requests_are_there_and_nothing_is_open_to_all() -> None:
    found = functions()

    assert found.keys() == {*HUBS, *TIMERS, *REQUESTS}
    for name in TIMERS:
        assert found[name][0][0]["type"] == "timerTrigger"
    for name, method in REQUESTS.items():
        trigger = found[name][0][0]
        assert (trigger["type"], trigger["methods"], trigger["authLevel"]) == ("httpTrigger", [method], "FUNCTION")


def test_entra_logs_have_a_trigger_where_a_hub_is_named() -> None:
    assert functions(GRANTWATCH_ENTRA_HUB="entra").keys() == {*functions(), "entra_log"}


@needs_worker
def test_the_worker_tells_the_host_the_same(host: Host) -> None:
    assert {name: list(raw_bindings(each)) for name, each in host.functions.items()} == {
        name: bindings for name, (bindings, _) in functions().items()
    }
    for name in HUBS:
        retry = host.functions[name].retry_options
        assert (retry.max_retry_count, retry.retry_strategy) == (-1, "exponential_backoff")
        assert (retry.minimum_interval.seconds, retry.maximum_interval.seconds) == (5, 300)


@needs_worker
def test_a_batch_ends_as_rows(app: Host, logs: LogsIngestion) -> None:
    answer = app.deliver("activity_log", [body_of(disk_access(1)), body_of([ordinary_read()])], NOON)

    assert answer.failure is None
    (row,) = logs.rows[f"Custom-{TABLE}"]
    assert row["Detector"] == "disk_access_granted"


@needs_worker
def test_what_cannot_be_read_is_parked_and_told_by_health(app: Host) -> None:
    before = app.request("health").json["parked"]["deadletter"]

    assert app.deliver("storage_log", [b"{broken"], NOON).failure is None

    answer = app.request("health")
    assert any("deadletter/" in problem for problem in answer.json["problems"])
    assert answer.json["parked"]["deadletter"] == before + 1
    assert b"broken" not in answer.returned.http.body.bytes
    replayed = app.request("replay_parked", "POST")
    assert replayed.status == 200
    assert any(each["parked"] for each in replayed.json)


@needs_worker
def test_a_replay_that_a_service_stops_says_so_and_how_far_it_came(
    app: Host, azurite: Azurite, logs: LogsIngestion
) -> None:
    place = BlobPlace.from_connection_string(azurite.blob)
    for number in (61, 62):
        parked = Parked("not processed: SinkUnavailableError", body_of(disk_access(number)), sound=True)
        DeadLetters(place, Delivery("activity_log", ())).park([parked])
    logs.misbehave(None, None, Status(429, {"Retry-After": "3600"}))

    answer = app.request("replay_parked", "POST")
    again = app.request("replay_parked", "POST")

    assert (answer.status, answer.json["done"], len(answer.json["bundles"])) == (503, 1, 1)
    assert answer.json["error"].startswith("Log Analytics throttles")
    assert again.status == 200
    assert again.json[0]["bundle"].startswith("deadletter/0-sound/")
    assert again.json[0]["parked"] == 0


@needs_worker
def test_timers_write_health_rows(app: Host, logs: LogsIngestion) -> None:
    for timer in TIMERS:
        assert app.tick(timer).failure is None

    assert [row["Source"] for row in logs.rows[f"Custom-{HEALTH_TABLE}"]] == ["activity_log", "storage_log"]


@needs_worker
def test_a_sink_that_is_down_fails_the_invocation_so_that_the_host_holds_the_partition(
    app: Host, logs: LogsIngestion, caplog: pytest.LogCaptureFixture
) -> None:
    logs.misbehave(Status(429, {"Retry-After": "3600"}))
    batch = [body_of(disk_access(2))]

    answer = app.deliver("activity_log", batch, NOON)

    assert answer.failure is not None
    assert answer.failure.startswith("SinkUnavailableError: Log Analytics throttles")
    assert "PAYROLL" not in caplog.text.upper()
    assert app.deliver("activity_log", batch, NOON).failure is None
    assert logs.rows[f"Custom-{TABLE}"]


@needs_worker
def test_missing_settings_are_told_by_the_first_invocation_and_by_health(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTWATCH_STATE", "nonsense")

    answer = host.deliver("activity_log", [body_of(disk_access())], datetime.now(UTC))
    told = host.request("health")

    assert answer.failure is not None
    for problem in told.json["problems"]:
        assert "Example: " in problem
        assert problem in answer.failure
    for sentence in ("GRANTWATCH_STATE is malformed", "GRANTWATCH_INGESTION_ENDPOINT is missing"):
        assert any(problem.startswith(sentence) for problem in told.json["problems"])
    assert (told.status, told.json["status"]) == (503, "misconfigured")


@needs_worker
def test_a_question_that_makes_no_sense_is_answered_in_a_sentence(app: Host) -> None:
    answer = app.request("replay_parked", "POST", most="all")

    assert answer.status == 400
    assert "number of bundles" in answer.json["error"]


_HEAVY = (
    "pydantic",
    "duckdb",
    "opentelemetry",
    "azure.data",
    "azure.eventhub",
    "azure.identity",
    "azure.monitor",
    "azure.storage",
)


def test_the_way_to_the_first_match_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{MATCH}\nprint('\\n'.join(sys.modules))"],
        cwd=ROOT,
        input=body_of(disk_access()),
        capture_output=True,
        check=True,
    )

    assert not [name for name in done.stdout.decode().split() if name.startswith(_HEAVY)]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a checkout knows which files are the project's")
def test_what_is_deployed_is_enough_and_nothing_else(tmp_path: Path) -> None:
    def listed(*options: str) -> set[str]:
        done = subprocess.run(["git", "ls-files", *options], cwd=ROOT, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    deployed = listed() - listed("--cached", "--ignored", "--exclude-from=.funcignore")
    for name in deployed:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)

    program = "import function_app, grantwatch.cloud, sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert {name for name in deployed if "/" not in name} == {"function_app.py", "host.json", "requirements.txt"}
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in deployed}
    rows = {"grantwatch.model.finding", "grantwatch.model.grant_row", "grantwatch.model.health"}
    lazily = {*rows, "grantwatch.model.schema"}
    assert modules - set(done.stdout.split()) - lazily == {"host.json", "requirements.txt"}


def test_every_setting_of_the_host_is_explained() -> None:
    settings = json.loads((ROOT / "host.json").read_text())["extensions"]["eventHubs"]
    operations = (ROOT / "docs" / "operations.md").read_text()

    for name, value in settings.items():
        told = f"| `{name}` |" if isinstance(value, dict) else f"| `{name}` | {_written(value)} |"
        assert told in operations


def _written(value: Any) -> str:
    return {"00:01:00": "1 minute", "amqpTcp": "`amqpTcp`"}.get(value, str(value))
