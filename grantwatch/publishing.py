"""Findings on their way to the findings table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grantwatch.parking import put_outbox
from grantwatch.ports import ParkingPlace, Tables

if TYPE_CHECKING:
    from grantwatch.model.finding import Finding


class TableSink:
    """A Sink over the output tables. Rows that are refused for good go to the outbox."""

    def __init__(self, tables: Tables, place: ParkingPlace) -> None:
        self._tables = tables
        self._place = place

    def publish(self, findings: "Sequence[Finding]") -> None:
        from grantwatch.model.finding import TABLE

        refused = self._tables.write(TABLE, [finding.model_dump_json().encode() for finding in findings])
        if refused:
            put_outbox(self._place, TABLE, refused)
