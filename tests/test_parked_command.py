"""``grantwatch parked``, on what a consumer set aside."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grantwatch import local
from grantwatch.adapters.directory_parking import DirectoryPlace
from grantwatch.adapters.local_store import LocalStore
from grantwatch.cli.app import app
from grantwatch.cli.parked import KeepingPlace
from grantwatch.delivery import Delivery
from grantwatch.parking import DEAD_LETTERS, DeadLetters
from grantwatch.ports import Parked
from grantwatch.recovery import replay
from tests.world import NOON, body_of, disk_access, sas_read

WAITED = Parked("not processed: SinkUnavailableError", body_of(disk_access()), number=0, sound=True)
BROKEN = Parked("not valid JSON", b'{"records":[{"sig": "s3cret"', number=0)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["parked", *arguments])


@pytest.fixture
def store(tmp_path: Path) -> str:
    path = str(tmp_path / "store.duckdb")
    with LocalStore(path):
        pass
    return path


def put(store: str, *items: Parked) -> DirectoryPlace:
    place = DirectoryPlace(Path(f"{store}.parked"))
    DeadLetters(place, Delivery("activity_log", (b"",), "3", (17,))).park(items)
    return place


def interrupted_after_replaying(store: str) -> None:
    with LocalStore(store) as opened:
        place = KeepingPlace(Path(f"{store}.parked"), opened)
        engine = local.engine(store=opened.state, sink=opened)
        replay(place, engine, lambda: NOON, NOON + timedelta(hours=1), source="parked", most=10)
        raise KeyboardInterrupt


def test_what_is_parked_is_listed_with_reason_and_source_and_nothing_of_it(store: str) -> None:
    place = put(store, WAITED, BROKEN)

    result = run("--store", store)

    assert result.exit_code == 0
    lines = [line.split("  ") for line in result.stdout.splitlines()]
    assert [[cell.strip() for cell in line if cell] for line in lines[1:]] == [
        ["1", "not processed: SinkUnavailableError", "activity_log", "yes"],
        ["1", "not valid JSON", "activity_log", "only with a newer version"],
    ]
    assert f"2 items parked in {store}.parked" in result.stderr
    assert "s3cret" not in result.output
    assert len(place.names(DEAD_LETTERS, 10)) == 2


def test_a_replay_finds_what_had_to_wait_and_says_what_remains(store: str) -> None:
    place = put(store, WAITED, BROKEN)

    first, second = run("--replay", "--store", store), run("--replay", "--store", store)

    assert [json.loads(line)["Detector"] for line in first.stdout.splitlines()] == ["disk_access_granted"]
    assert "2 parked items replayed, 1 revision of findings published; 1 cannot be used this time either." in (
        first.stderr
    )
    assert first.exit_code == second.exit_code == 1
    assert [name.split("/")[1] for name in place.names(DEAD_LETTERS, 10)] == ["1-unreadable"]
    query = ["query", "GrantWatchFindings_CL | count", "--store", store, "--format", "json"]
    assert json.loads(CliRunner().invoke(app, query).stdout) == [{"Count": 1}]


def test_settings_are_those_of_the_replay(store: str) -> None:
    put(store, Parked("not processed: SinkUnavailableError", body_of([sas_read()]), sound=True))

    result = run("--replay", "--store", store, "--own-network", "0.0.0.0/0")

    assert result.exit_code == 0
    assert not result.stdout


def test_nothing_leaves_the_directory_before_the_store_has_it_for_good(store: str) -> None:
    place = put(store, WAITED)

    with pytest.raises(KeyboardInterrupt):
        interrupted_after_replaying(store)

    assert not place.names(DEAD_LETTERS, 10)
    with LocalStore(store, read_only=True) as kept:
        assert kept.query("GrantWatchFindings_CL | count")[1] == [(1,)]


def test_a_damaged_bundle_is_named_and_the_others_are_dealt_with(store: str) -> None:
    place = put(store, WAITED)
    place.put("deadletter/0-sound/odd.jsonl.gz", b"no gzip", {})

    listed, replayed = run("--store", store), run("--replay", "--store", store)

    for result in (listed, replayed):
        assert f"{Path(store).name}.parked/contents/deadletter/0-sound/odd.jsonl.gz: the bundle" in result.stderr
    assert len(replayed.stdout.splitlines()) == 1
    assert (listed.exit_code, replayed.exit_code) == (0, 1)


@pytest.mark.parametrize("option", [[], ["--replay"]])
def test_where_nothing_is_parked_one_sentence_says_so(option: list[str], store: str, tmp_path: Path) -> None:
    nothing, no_store = run(*option, "--store", store), run(*option, "--store", str(tmp_path / "none.duckdb"))

    assert (nothing.exit_code, no_store.exit_code) == (0, 1)
    assert nothing.stderr == f"Nothing lies parked in {store}.parked.\n"
    assert "none.duckdb" in no_store.stderr
    assert "--store" in no_store.stderr
    assert not (tmp_path / "none.duckdb").exists()
