"""The local store, beyond what the tests of the command line show of it."""

from pathlib import Path

import duckdb

from grantwatch.adapters.local_store import LocalStore
from grantwatch.model.finding import TABLE
from tests.support import cases, found_in


def test_a_store_of_an_earlier_version_gets_the_columns_that_it_lacks(tmp_path: Path) -> None:
    path = str(tmp_path / "grantwatch.duckdb")
    findings = [finding for case in cases()[:5] for finding in found_in(case)]
    with LocalStore(path) as store:
        store.publish(findings[:1])
    with duckdb.connect(path) as connection:
        connection.execute(f'ALTER TABLE {TABLE} DROP COLUMN "Summary"')
    with LocalStore(path) as store:
        store.publish(findings)
        _, rows = store.query(f"{TABLE} | project FindingId, Summary")
    assert sorted(rows) == sorted((each.FindingId, each.Summary) for each in findings)
