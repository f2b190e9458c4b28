"""The commands send and consume as their users meet them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from grantwatch.adapters.event_hubs import Hub, Sender
from grantwatch.cli.app import app
from grantwatch.cli.resuming import Bookmark
from grantwatch.cli.send import send
from grantwatch.errors import UnavailableError
from tests.stand_ins.event_hubs import EventHubs
from tests.support import standing
from tests.world import ADMIN, BEGIN, DISK, NOON, SUBSCRIPTION, body_of, disk_access, ordinary_read, sas_read
from tools.azure_records import activity_call

QUICK = ("--first-delay", "0.1", "--balancing", "0.3", "--ownership", "2")


def run(broker: EventHubs, *arguments: str, hub: str = "wide", given: bytes | None = None) -> Result:
    environment = {"GRANTWATCH_EVENTHUB": broker.connection_string(hub)}
    return CliRunner().invoke(app, list(arguments), input=given, env=environment)


def started(broker: EventHubs, folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """A consumer in a process of its own, with its own store and the checkpoints of all."""
    arguments = ("--store", str(folder / f"{name}.duckdb"), "--checkpoints", str(folder / "checkpoints"), *QUICK)
    with (folder / f"{name}.jsonl").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "grantwatch", "consume", *arguments],
            env={**os.environ, "GRANTWATCH_EVENTHUB": broker.connection_string("wide")},
            stdout=output,
            stderr=subprocess.DEVNULL,
        )


def contents(lines: str) -> dict[str, dict[str, Any]]:
    return standing(map(json.loads, lines.splitlines()))


def comes_true(question: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two files with a disk export, its end, SAS used from outside, and a body that cannot be read."""
    folder = tmp_path / "logs"
    folder.mkdir()
    end = f"{BEGIN.removesuffix('beginGetAccess/action')}endGetAccess/action"
    revoked = activity_call(Random(1), ADMIN, SUBSCRIPTION, end, DISK, NOON + timedelta(minutes=10))
    bodies = [body_of(disk_access()), b"{broken", body_of([sas_read(), ordinary_read()])]
    (folder / "a.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
    (folder / "b.json").write_bytes(body_of(revoked))
    return folder


def test_what_is_sent_and_consumed_is_found_as_in_a_replay(event_hubs: EventHubs, logs: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "consumed.duckdb")
    sent = run(event_hubs, "send", str(logs))
    consumed = run(event_hubs, "consume", "--store", store, "--until-idle", "1", *QUICK)
    replayed = run(event_hubs, "replay", str(logs), "--store", ":memory:", "--format", "jsonl")

    assert sent.exit_code == consumed.exit_code == 0, sent.stderr + consumed.stderr
    assert "4 message bodies sent" in sent.stderr
    assert contents(consumed.stdout) == contents(replayed.stdout) != {}
    assert "1 × not used" in consumed.stderr
    query = "GrantWatchFindings_CL | summarize arg_max(Revision, *) by FindingId | where not(Withdrawn)"
    rows = json.loads(run(event_hubs, "query", query, "--store", store, "--format", "json").stdout)
    assert {row["FindingId"] for row in rows} == {row["FindingId"] for row in contents(replayed.stdout).values()}


def test_a_consumer_that_is_killed_is_replaced_and_nothing_is_lost(
    event_hubs: EventHubs, logs: Path, tmp_path: Path
) -> None:
    first = started(event_hubs, tmp_path, "first")
    try:
        assert comes_true(lambda: sum(event_hubs.readers("wide").values()) == 4)
    finally:
        first.kill()
        first.wait()
    run(event_hubs, "send", str(logs))
    second = started(event_hubs, tmp_path, "second")
    try:
        expected = {"disk_access_granted", "sas_used_externally"}
        found = tmp_path / "second.jsonl"
        assert comes_true(lambda: {row["Detector"] for row in contents(found.read_text()).values()} == expected)
    finally:
        second.send_signal(signal.SIGINT)
        assert second.wait(20) == 130


def test_a_sending_that_broke_off_goes_on_where_it_stopped(event_hubs: EventHubs, tmp_path: Path) -> None:
    log, state = tmp_path / "log.jsonl", tmp_path / "log.sent"
    given = [json.dumps({"number": number, "text": "x" * 300_000}).encode() for number in range(12)]
    log.write_bytes(b"\n".join(given))
    hub = Hub.of(event_hubs.connection_string("wide"))

    event_hubs.refuse(sends=9, after_stored=7)
    with Sender(hub, patience=()) as sender, pytest.raises(UnavailableError):
        send([str(log)], sender, Bookmark.at(state, str(hub), [str(log)]), lambda _: None)
    event_hubs.refuse(sends=0)
    noted = json.loads(state.read_text())["files"][str(log)]["bodies"]
    resumed = run(event_hubs, "send", str(log), "--resume", str(state))
    again = run(event_hubs, "send", str(log), "--resume", str(state))

    assert 0 < noted < 12
    assert resumed.exit_code == again.exit_code == 0
    assert f"{12 - noted} message bodies sent" in resumed.stderr
    assert "0 message bodies sent" in again.stderr
    assert sorted(body for partition in event_hubs.stored("wide") for body in partition) == sorted(given)


def test_a_sending_cannot_go_on_with_something_else(event_hubs: EventHubs, logs: Path, tmp_path: Path) -> None:
    log, state, notes = logs / "b.json", tmp_path / "sent", tmp_path / "notes.json"
    notes.write_text('{"precious": true}')
    run(event_hubs, "send", str(log), "--resume", str(state))

    elsewhere = run(event_hubs, "send", str(log), "--resume", str(state), hub="narrow")
    foreign = run(event_hubs, "send", str(log), "--resume", str(notes))
    log.write_bytes(b"{}")
    changed = run(event_hubs, "send", str(log), "--resume", str(state))
    piped = run(event_hubs, "send", "-", "--resume", str(state), given=b"{}")
    folder = run(event_hubs, "send", str(log), "--resume", str(tmp_path))

    assert [each.exit_code for each in (elsewhere, foreign, changed, piped)] == [1, 1, 1, 2]
    assert f"{log} has changed" in changed.stderr
    assert folder.stderr == f"{tmp_path}: Is a directory.\n"
    assert "/wide;" in elsewhere.stderr
    assert all(len(each.stderr.strip().splitlines()) == 1 for each in (elsewhere, foreign, changed, piped))
    assert notes.read_text() == '{"precious": true}'
    assert len([body for partition in event_hubs.stored("wide") for body in partition]) == 1


def test_what_is_not_sent_is_named(event_hubs: EventHubs, logs: Path, tmp_path: Path) -> None:
    (logs / "huge.jsonl").write_bytes(b'{"small": 1}\n{"huge": "%s"}\n' % (b"x" * 2_000_000))

    result = run(event_hubs, "send", str(logs / "huge.jsonl"), str(tmp_path / "missing.json"))

    assert result.exit_code == 1
    assert "1 message body sent" in result.stderr
    assert f"{logs / 'huge.jsonl'}: body 2 is larger" in result.stderr
    assert f"{tmp_path / 'missing.json'}: there is no such file" in result.stderr


@pytest.mark.parametrize("command", [["send", "x.json"], ["consume", "--store", ":memory:"]])
@pytest.mark.parametrize(
    ("hub", "said"),
    [
        (None, "--eventhub"),
        ("activity", "names no event hub"),
        ("Endpoint=sb://h/;SharedAccessKeyName=n;SharedAccessKey=k3y", "is not complete"),
    ],
)
def test_wrong_usage_exits_with_two_and_shows_no_key(command: list[str], hub: str | None, said: str) -> None:
    result = CliRunner().invoke(app, command, env={"GRANTWATCH_EVENTHUB": hub})

    assert result.exit_code == 2
    assert said in result.stderr
    assert "k3y" not in result.output


def test_a_hub_that_cannot_be_reached_is_one_sentence(logs: Path) -> None:
    hub = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k3y;UseDevelopmentEmulator=true;EntityPath=h"
    for command in (["send", str(logs)], ["consume", "--store", ":memory:"]):
        result = CliRunner().invoke(app, [*command, "--eventhub", hub])

        assert result.exit_code == 1
        assert result.stderr.strip() == "127.0.0.1:1 cannot be reached."


def test_what_lies_beside_the_store_is_named_in_the_help_of_consume(event_hubs: EventHubs, tmp_path: Path) -> None:
    event_hubs.seed("wide", 0, [b"{broken"])
    run(event_hubs, "consume", "--store", str(tmp_path / "STORE"), "--until-idle", "1", *QUICK)
    beside = {path.name for path in tmp_path.iterdir()} - {"STORE"}

    assert beside == {"STORE.checkpoints", "STORE.parked"}
    assert all(name in CliRunner().invoke(app, ["consume", "--help"]).stdout for name in beside)


def test_help_teaches_by_example() -> None:
    for command in ("send", "consume"):
        assert f"Example: python -m grantwatch {command}" in CliRunner().invoke(app, [command, "--help"]).stdout
