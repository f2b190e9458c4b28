"""``grantwatch grants``, on stores that replay filled."""

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grantwatch.cli.app import app
from grantwatch.model.grant import GrantStatus
from grantwatch.model.inventory import inventory
from tests.support import encoded
from tests.world import NOON, disk_access, sas_read

RECORDS = [
    *disk_access(),
    sas_read(1),
    sas_read(2, at=NOON + timedelta(days=1), address="203.0.113.77"),
    sas_read(3, at=NOON + timedelta(days=1), label="another"),
]


@pytest.fixture
def store(tmp_path: Path) -> str:
    log, store = tmp_path / "log.json", tmp_path / "store.duckdb"
    log.write_bytes(encoded(RECORDS))
    replayed = CliRunner().invoke(app, ["replay", str(log), "--store", str(store)])
    assert replayed.exit_code == 0, replayed.output
    return str(store)


def listed(store: str, *options: str) -> list[dict[str, Any]]:
    answer = CliRunner().invoke(app, ["grants", "--store", store, "--format", "json", *options])
    assert answer.exit_code == 0, answer.output
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def test_one_sas_is_one_grant_however_often_it_is_used(store: str) -> None:
    sas = [grant for grant in listed(store) if grant["Grant"] == "SasInUse"]

    assert [(grant["LastUsed"], len(grant["Networks"])) for grant in sas] == [("2026-03-11", 2), ("2026-03-11", 1)]


def test_a_grant_that_has_expired_is_not_open(store: str) -> None:
    (disk,) = [grant for grant in listed(store) if grant["Grant"] == "DiskAccess"]

    assert disk["Status"] == "Expired"
    assert not [grant for grant in listed(store, "--open") if grant["Grant"] == "DiskAccess"]


def test_grants_are_narrowed_down_by_recipient_and_resource_in_any_case(store: str) -> None:
    assert {grant["Grant"] for grant in listed(store, "--resource", "PAYROLL-OS")} == {"DiskAccess"}
    assert {grant["Recipient"] for grant in listed(store, "--recipient", "203.0.113")} == {"Address: 203.0.113.77"}
    assert not listed(store, "--resource", "payroll-os", "--recipient", "203.0.113")
    assert len(listed(store, "--recipient", "198.51.100.23")) == 2


def test_the_table_is_followed_by_the_commands_that_close_what_is_open(store: str) -> None:
    answer = CliRunner().invoke(app, ["grants", "--store", store])

    assert "Expired" in answer.stdout
    assert "renew" not in answer.stdout  # both SAS have expired as well


def test_one_grant_is_counted_as_one(store: str) -> None:
    answer = CliRunner().invoke(app, ["grants", "--store", store, "--resource", "payroll-os"])

    assert answer.stderr.strip() == "1 grant, 0 of them open."


def test_csv_has_every_column_of_a_grant_as_plain_text(store: str) -> None:
    answer = CliRunner().invoke(app, ["grants", "--store", store, "--format", "csv"])
    rows = list(csv.DictReader(answer.stdout.splitlines()))

    assert {row["Networks"] for row in rows} == {"", "198.51.100.23", "198.51.100.23 203.0.113.77"}
    for row in rows:
        assert row["TargetResourceId"].startswith("/")
        assert row["GrantId"]
        assert row["FindingId"]


def test_a_missing_store_is_named_with_the_remedy(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["grants", "--store", str(tmp_path / "none.duckdb")])

    assert answer.exit_code == 1
    assert "replay logs into it first" in answer.output


def test_a_grant_is_as_its_latest_row_says_and_open_until_it_expires() -> None:
    row: dict[str, Any] = {
        "GrantId": "g",
        "FindingId": "f",
        "Revision": 1,
        "Withdrawn": False,
        "Day": NOON,
        "GrantOpenedAt": NOON,
        "GrantExpiresAt": NOON + timedelta(hours=2),
        "GrantClosedAt": None,
        "GrantStatus": "Open",
        "Severity": "Low",
        "Networks": ("203.0.113.7",),
    }
    closed = {"GrantStatus": "Revoked", "GrantClosedAt": NOON + timedelta(hours=1)}
    revoked = row | closed | {"Revision": 2, "Severity": "Medium"}

    (before,) = inventory([row], NOON + timedelta(hours=1))
    (after,) = inventory([row], NOON + timedelta(hours=2))
    (ended,) = inventory([row, revoked], NOON + timedelta(hours=2))

    assert (before.status, after.status, ended.status) == (GrantStatus.OPEN, GrantStatus.EXPIRED, GrantStatus.REVOKED)
    assert ended.severity == "Medium"
    assert not list(inventory([row | {"Withdrawn": True}], NOON))
