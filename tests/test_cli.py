"""The command line as its users meet it: what goes where, and with which exit code."""

import csv
import gzip
import io
import json
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner, Result

from grantwatch.cli.app import app
from grantwatch.model.finding import Finding
from tests.world import ADMIN, BEGIN, DISK, NOON, OWNER, SUBSCRIPTION, body_of, disk_access, ordinary_read, sas_read
from tools.azure_records import Record, activity_call

QUERY = "GrantWatchFindings_CL | summarize arg_max(Revision, *) by FindingId | project Detector, Severity, Techniques"


def run(*arguments: str, given: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given)


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A file of two bodies: a disk export, and a SAS used from outside beside an ordinary read."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(body_of(disk_access()) + b"\n" + body_of([sas_read(), ordinary_read()]) + b"\n")
    return str(path)


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store.duckdb")


def detectors(result: Result) -> list[str]:
    return sorted(json.loads(line)["Detector"] for line in result.stdout.splitlines())


def test_replay_prints_findings_on_standard_output_and_the_rest_on_standard_error(log: str, store: str) -> None:
    result = run("replay", log, "--store", store, "--format", "jsonl")

    assert result.exit_code == 0
    assert detectors(result) == ["disk_access_granted", "sas_used_externally"]
    assert all(json.loads(line).keys() == Finding.model_fields.keys() for line in result.stdout.splitlines())
    assert "records" in result.stderr
    assert "grantwatch query" in result.stderr


def test_a_table_names_actor_target_and_the_command_that_closes_the_grant(log: str, store: str) -> None:
    result = run("replay", log, "--store", store)

    assert result.exit_code == 0
    assert "Disk access granted" in result.stdout
    assert "az disk revoke-access --ids" in result.stdout


def test_json_is_one_array(log: str, store: str) -> None:
    assert len(json.loads(run("replay", log, "--store", store, "--format", "json").stdout)) == 2


def test_lesser_findings_can_be_left_out(log: str, store: str) -> None:
    result = run("replay", log, "--store", store, "--format", "jsonl", "--min-severity", "High")

    assert not result.stdout
    assert "not shown" in result.stderr


def test_one_of_a_sort_is_counted_as_one(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(body_of([sas_read()]))

    result = run("replay", str(path), "--store", ":memory:", "--min-severity", "High")

    assert "1 record: 0 ignored, 1 looked into" in result.stderr
    assert "1 finding: 0 High, 0 Medium, 1 Low" in result.stderr
    assert "1 finding below High is not shown" in result.stderr


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_directories_and_gzip_are_read_alike(
    log: str, store: str, tmp_path: Path, *, packed: bool
) -> None:
    content = Path(log).read_bytes()
    content = gzip.compress(content) if packed else content
    folder = tmp_path / "logs" / "deep"
    folder.mkdir(parents=True)
    (folder / ("log.jsonl.gz" if packed else "log.json")).write_bytes(content)

    from_input = run("replay", "-", "--store", ":memory:", "--format", "jsonl", given=content)
    from_folder = run("replay", str(tmp_path / "logs"), "--store", store, "--format", "jsonl")

    assert detectors(from_input) == detectors(from_folder) == ["disk_access_granted", "sas_used_externally"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("indent", [None, 2])
def test_what_powershell_wrote_into_a_file_is_read(tmp_path: Path, encoding: str, indent: int | None) -> None:
    path = tmp_path / "activity.json"
    path.write_text(json.dumps(disk_access(), indent=indent), encoding=encoding)

    assert detectors(run("replay", str(path), "--store", ":memory:", "--format", "jsonl")) == ["disk_access_granted"]


def test_an_indented_document_is_one_body(tmp_path: Path) -> None:
    path = tmp_path / "portal.json"
    path.write_text(json.dumps({"records": disk_access()}, indent=2))

    assert detectors(run("replay", str(path), "--store", ":memory:", "--format", "jsonl")) == ["disk_access_granted"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.json", None, "there is no such file"),
        ("empty.json", b"", "the file is empty"),
        ("blank.json", b"\n  \n", "the file is empty"),
        ("table.csv", b"a,b\n1,2\n", "it holds no log records"),
        ("noise.json", bytes(range(256)) * 8, "it holds no log records"),
        ("cut.gz", gzip.compress(b"{}" * 4096, mtime=0)[:40], "gzip data is damaged or cut off"),
        ("cut.json", b'{"records":[', "it holds no log records"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_the_others_are_still_read(
    name: str, content: bytes | None, reason: str, tmp_path: Path, log: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)

    result = run("replay", str(path), log, "--store", ":memory:", "--format", "jsonl")

    assert result.exit_code == 1
    assert len(detectors(result)) == 2
    (sentence,) = [line for line in result.stderr.splitlines() if str(path) in line]
    assert reason in sentence
    assert "expected Azure Activity or Storage log records" in sentence


def test_records_that_cannot_be_read_are_counted_and_their_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "half.jsonl"
    path.write_bytes(body_of(disk_access()) + b"\n{broken\n")

    result = run("replay", str(path), "--store", ":memory:", "--format", "jsonl")

    assert result.exit_code == 1
    assert detectors(result) == ["disk_access_granted"]
    assert f"{path}: 1 of" in result.stderr


def test_an_empty_directory_is_named(tmp_path: Path) -> None:
    result = run("replay", str(tmp_path), "--store", ":memory:")

    assert result.exit_code == 1
    assert f"{tmp_path}: the directory has no file" in result.stderr
    assert not result.stdout
    assert "query" not in result.stderr


@pytest.mark.parametrize("content", [None, b"", b"a,b\n1,2\n"], ids=["missing", "empty", "no log"])
def test_where_nothing_can_be_used_no_store_is_left_behind(content: bytes | None, store: str, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    if content is not None:
        path.write_bytes(content)

    result = run("replay", str(path), str(tmp_path / "missing.json"), "--store", store)

    assert result.exit_code == 1
    assert not list(tmp_path.glob("store*"))
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [str(path), f"{tmp_path}/missing.json"]


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_where_nothing_can_be_used_a_store_stays_as_it_was(
    log: str, store: str, tmp_path: Path, fresh: tuple[str, ...]
) -> None:
    run("replay", log, "--store", store)
    before = run("query", "GrantWatchFindings_CL", "--store", store, "--format", "json").stdout

    assert run("replay", str(tmp_path / "missing.json"), "--store", store, *fresh).exit_code == 1
    assert [each.name for each in tmp_path.glob(f"{Path(store).name}*")] == [Path(store).name]
    assert run("query", "GrantWatchFindings_CL", "--store", store, "--format", "json").stdout == before


def test_a_log_in_which_nothing_happened_has_a_store_all_the_same(store: str, tmp_path: Path) -> None:
    path = tmp_path / "quiet.json"
    path.write_bytes(body_of([ordinary_read()]))

    assert run("replay", str(path), "--store", store).exit_code == 0
    assert run("query", "GrantWatchFindings_CL", "--store", store, "--format", "json").stdout == "[]\n"


def test_replaying_twice_changes_nothing_and_more_logs_continue(tmp_path: Path, store: str) -> None:
    granted, revoked = tmp_path / "granted.json", tmp_path / "revoked.json"
    granted.write_bytes(body_of(disk_access()))
    end = f"{BEGIN.removesuffix('beginGetAccess/action')}endGetAccess/action"
    revoked.write_bytes(body_of(activity_call(Random(1), ADMIN, SUBSCRIPTION, end, DISK, NOON + timedelta(minutes=10))))
    status = 'GrantWatchFindings_CL | where FindingTitle == "Disk access granted" | project Revision, GrantStatus'

    for _ in range(2):
        run("replay", str(granted), "--store", store)
    once = json.loads(run("query", status, "--store", store, "--format", "json").stdout)
    run("replay", str(revoked), "--store", store)
    twice = json.loads(run("query", status, "--store", store, "--format", "json").stdout)

    assert [row["GrantStatus"] for row in once] == ["Open"] * len(once)
    assert max(twice, key=lambda row: row["Revision"])["GrantStatus"] == "Revoked"
    assert len({row["Revision"] for row in twice}) == len(twice) == len(once) + 1


ADVICE = "nothing relates them to the Activity records"


def test_without_an_owner_tenant_it_is_said_once_that_storage_and_calls_are_not_related(log: str, store: str) -> None:
    result = run("replay", log, log, "--store", store)

    (sentence,) = [line for line in result.stderr.splitlines() if ADVICE in line]
    assert f"--owner-tenant {OWNER.id}" in sentence
    assert "GRANTWATCH_OWNER_TENANT_ID" in sentence


def test_both_kinds_of_records_count_though_they_were_replayed_one_after_the_other(tmp_path: Path, store: str) -> None:
    calls, requests = tmp_path / "calls.json", tmp_path / "requests.json"
    calls.write_bytes(body_of(disk_access()))
    requests.write_bytes(body_of([sas_read()]))

    said = [run("replay", str(path), "--store", store).stderr for path in (calls, requests)]

    assert [ADVICE in each for each in said] == [False, True]


@pytest.mark.parametrize("records", [disk_access(), [sas_read()]])
def test_one_kind_of_records_alone_needs_no_owner_tenant(records: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(body_of(records))

    assert ADVICE not in run("replay", str(path), "--store", ":memory:").stderr


def test_an_owner_tenant_relates_both_kinds_of_records(log: str, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = run("replay", log, "--store", store, "--owner-tenant", OWNER.id)
    monkeypatch.setenv("GRANTWATCH_OWNER_TENANT_ID", OWNER.id)
    found = run("replay", log, "--store", ":memory:")

    assert ADVICE not in given.stderr + found.stderr


def test_our_own_networks_are_not_reported(log: str) -> None:
    result = run("replay", log, "--store", ":memory:", "--format", "jsonl", "--own-network", "0.0.0.0/0")

    assert detectors(result) == ["disk_access_granted"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay"], "Missing argument"),
        (["replay", "x", "--format", "yaml"], "yaml"),
        (["replay", "x", "--own-network", "home", "--store", ":memory:"], "CIDR"),
        (["replay", "x", "--owner-tenant", "contoso", "--store", ":memory:"], "GRANTWATCH_OWNER_TENANT_ID (given as"),
        (["unheard-of"], "unheard-of"),
    ],
)
def test_wrong_usage_exits_with_two_and_says_what_is_wrong(arguments: list[str], said: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not result.stdout


def test_a_query_answers_as_table_json_and_csv(log: str, store: str) -> None:
    run("replay", log, "--store", store)

    table = run("query", QUERY, "--store", store)
    rows = json.loads(run("query", QUERY, "--store", store, "--format", "json").stdout)
    lines = list(csv.DictReader(io.StringIO(run("query", QUERY, "--store", store, "--format", "csv").stdout)))

    assert table.exit_code == 0
    assert "disk_access_granted" in table.stdout
    assert sorted(row["Detector"] for row in rows) == ["disk_access_granted", "sas_used_externally"]
    assert [line["Severity"] for line in lines] == [row["Severity"] for row in rows]
    assert all("T1537" in row["Techniques"] for row in rows)


@pytest.mark.parametrize(
    "kql", ["", "GrantWatchFindings_CL | where", "GrantWatchFindings_CL | where Nothing == 1", "Other_CL"]
)
def test_a_query_that_cannot_be_run_is_explained_in_one_sentence(kql: str, log: str, store: str) -> None:
    run("replay", log, "--store", store)

    result = run("query", kql, "--store", store)

    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("The query cannot be run")
    assert result.stderr.endswith(". The tables are GrantWatchFindings_CL and GrantWatchGrants_CL.\n")
    assert len(result.stderr) < 200


def test_a_store_that_is_missing_or_something_else_is_named_and_left_alone(tmp_path: Path, log: str) -> None:
    other = tmp_path / "notes.json"
    other.write_text('{"precious": true}')

    missing = run("query", "GrantWatchFindings_CL", "--store", str(tmp_path / "none.duckdb"))
    foreign = [run("replay", log, "--store", str(other)), run("replay", log, "--store", str(other), "--fresh")]

    assert missing.exit_code == 1
    assert "none.duckdb" in missing.stderr
    for result in foreign:
        assert result.exit_code == 1
        assert "notes.json is no store" in result.stderr
    assert other.read_text() == '{"precious": true}'


def test_help_teaches_by_example() -> None:
    for command in ("replay", "query"):
        assert f"Example: python -m grantwatch {command}" in run(command, "--help").stdout
