"""Findings on their way to the findings table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grantwatch.parking import put_outbox
from grantwatch.ports import ParkingPlace, Tables

if TYPE_CHECKING:
    from pydantic import BaseModel

    from grantwatch.model.finding import Finding
    from grantwatch.model.grant_row import GrantRow


class TableSink:
    """A Sink over the output tables. Rows that are refused for good go to the outbox."""

    def __init__(self, tables: Tables, place: ParkingPlace) -> None:
        self._tables = tables
        self._place = place

    def publish(self, findings: "Sequence[Finding]", grants: "Sequence[GrantRow]" = ()) -> None:
        from grantwatch.model import finding, grant_row

        if findings:
            self._write(finding.TABLE, findings)
        if grants:
            self._write(grant_row.TABLE, grants)

    def _write(self, table: str, rows: "Sequence[BaseModel]") -> None:
        refused = self._tables.write(table, [row.model_dump_json().encode() for row in rows])
        if refused:
            put_outbox(self._place, table, refused)
