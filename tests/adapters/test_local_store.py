"""The local store, beyond what the tests of the command line show of it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import duckdb
import pytest
from pydantic import BaseModel

from grantwatch.adapters.local_store import LocalStore
from grantwatch.adapters.local_tables import TABLES, LocalTable
from grantwatch.model.finding import TABLE
from grantwatch.ports import Row
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


class Known(BaseModel):
    """A row of an earlier version."""

    Id: str
    Part: int
    Told: datetime
    Parts: tuple[str, ...] = ()


class Grown(Known):
    """The same, one version later."""

    Reason: str | None = None


def test_a_table_of_any_class_keeps_rows_by_their_key_and_grows(tmp_path: Path) -> None:
    before, after = (LocalTable("Table_CL", each, ("Id", "Part")) for each in (Known, Grown))
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    with duckdb.connect(tmp_path / "tables.duckdb") as connection:
        for table in (before, before, after):
            table.prepare(connection)
            table.write(connection, [table.row_class(Id="a", Part=1, Told=noon, Parts=("x", "y"))])
        after.write(connection, [Grown(Id="a", Part=2, Told=noon, Reason="because")])
        rows = connection.execute('SELECT "Id", "Part", "Parts"::VARCHAR, "Reason" FROM Table_CL').fetchall()
    assert sorted(rows) == [("a", 1, '["x", "y"]', None), ("a", 2, "[]", "because")]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_new_store_has_every_table(table: LocalTable, tmp_path: Path) -> None:
    assert set(table.key) <= {column.name for column in table.columns}
    with LocalStore(str(tmp_path / "grantwatch.duckdb")) as store:
        columns, rows = store.query(table.name)
    assert columns == [column.name for column in table.columns]
    assert not rows


def state_of(store: LocalStore) -> list[Row]:
    return sorted(store.state.rows(), key=lambda row: row.key)


def session(path: str, deeds: Iterable[tuple[str, str]]) -> list[Row]:
    """The state that somebody leaves who does this, each deed with the version that is there."""
    with LocalStore(path) as store:
        for number, (deed, name) in enumerate(deeds):
            there = store.state.read([("p", name)]).get(("p", name))
            row = Row("p", name, str(number).encode(), there.version if there else None)
            if deed == "keep":
                store.keep()
            else:
                getattr(store.state, deed)([row])
        return state_of(store)


@pytest.mark.parametrize("seed", range(15))
def test_the_file_has_the_state_that_the_last_session_left(seed: int, tmp_path: Path) -> None:
    path, random = str(tmp_path / "grantwatch.duckdb"), Random(seed)
    for _ in range(4):
        deeds = [(random.choice(["insert", "swap", "delete", "keep"]), random.choice("abc")) for _ in range(8)]
        left = session(path, deeds)
        assert session(path, ()) == left


def interrupted(path: Path, *, kept: bool) -> None:
    with LocalStore(str(path)) as store:
        if kept:
            store.keep()
        raise KeyboardInterrupt


@pytest.mark.parametrize("kept", [False, True])
def test_a_file_is_left_behind_only_where_something_of_it_was_kept(tmp_path: Path, *, kept: bool) -> None:
    path = tmp_path / "grantwatch.duckdb"

    with pytest.raises(KeyboardInterrupt):
        interrupted(path, kept=kept)

    assert list(tmp_path.iterdir()) == [path] * kept


def test_a_fresh_store_takes_the_place_of_the_old_one_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "store.duckdb"
    old = session(str(path), [("insert", "old")])
    before = path.read_bytes()
    (tmp_path / "store.duckdb.fresh").write_bytes(b"left by a process that was killed")

    with LocalStore(str(path), fresh=True) as fresh:
        assert path.read_bytes() == before
        fresh.state.insert([Row("p", "new", b"")])

    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert [row.name for row in (*old, *session(str(path), ()))] == ["old", "new"]
