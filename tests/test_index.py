"""Which records are selected at all."""

from typing import Any

import pytest

from detectors.catalogue import CATALOGUE
from grantwatch.detection.index import Index
from grantwatch.wire.json_views import parse
from tests.machines import call
from tests.rest_shape import in_rest_shape
from tests.world import SUBSCRIPTION, body_of
from tools.azure_records import Record

INTERFACE = SUBSCRIPTION.resource("net", "Microsoft.Network/networkInterfaces", "jump-nic")


_PUBLIC: Any = {"properties": {"ipConfigurations": [{"properties": {"publicIPAddress": {"id": "/one"}}}]}}
_PRIVATE: Any = {"properties": {"ipConfigurations": [{"properties": {"subnet": {"id": "/one"}}}]}}
_SHOUTED = {"PROPERTIES": {"IPCONFIGURATIONS": [{"PROPERTIES": {"PUBLICIPADDRESS": {"ID": "/ONE"}}}]}}


def _written(body: Any) -> list[Record]:
    return call("Microsoft.Network/networkInterfaces/write", INTERFACE, request=body, response=body)


def _as_objects(records: list[Record]) -> list[Record]:
    """With bodies that are no texts."""
    return [
        record | {"properties": {name: {} if "body" in name.lower() else value for name, value in props.items()}}
        for record in records
        for props in (record["properties"],)
    ]


@pytest.mark.parametrize(
    ("records", "selected"),
    [
        (_written(_PUBLIC), 2),
        (_written(_SHOUTED), 2),
        (_written(_PRIVATE), 0),
        (_written(None), 0),
        (_as_objects(_written(_PRIVATE)), 2),
        ([in_rest_shape(record) for record in _written(_PUBLIC)], 2),
        ([in_rest_shape(record) for record in _written(_PRIVATE)], 0),
    ],
    ids=["public", "in capitals", "private", "no body", "bodies that are no texts", "REST public", "REST private"],
)
def test_writes_of_interfaces_are_selected_where_they_mention_a_public_address(
    records: list[Record], selected: int
) -> None:
    index = Index(CATALOGUE)

    assert len(index.select(records).chosen) == selected
    found = index.select(parse(body_of(records))["records"])
    assert (len(found.chosen), found.ignored) == (selected, len(records) - selected)


def test_records_of_other_operations_need_mention_nothing() -> None:
    assert len(Index(CATALOGUE).select(call("virtualMachines/delete", INTERFACE)).chosen) == 2
