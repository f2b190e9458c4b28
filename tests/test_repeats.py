"""A request that repeats another is only counted: neither findings nor state tell that it was not looked at."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.catalogue import CATALOGUE
from grantwatch import local
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.detection.index import Index
from grantwatch.engine import Engine
from grantwatch.intake import Intake
from grantwatch.model.network import Networks
from grantwatch.model.storage_access import Access, by_object
from grantwatch.ports import Row, RowKey
from grantwatch.settings import Settings
from grantwatch.wire.fields import UnreadableRecordError
from grantwatch.wire.shapes import shape_of
from grantwatch.wire.storage import access_of
from tests.strategies import stable
from tests.world import NOON, OWNER, body_of, content_of, sas_read
from tools.azure_records import Record

SETTINGS = Settings(
    owner_tenant_id=OWNER.id, own_networks=("192.0.2.0/24",), volume_size_threshold_gb=1, transfer_object_threshold=12
)
NETWORKS = Networks.of(("192.0.2.0/24",))
_QUERY = "sv=2024-11-04&ss=b&srt=sco&sp=rl&se=2026-09-17T00%3A00%3A00Z&sig=XXXXX"
_FIELDS: dict[str, tuple[Any, ...]] = {
    "operationName": ("GetBlob", "ListBlobs", "CopyBlobSource", "CopyBlob"),
    "statusCode": (200, 206, 403, "200", 200.0, None),
    "statusText": ("Success", "AuthenticationFailed", None),
    "resourceId": (sas_read()["resourceId"], "/subscriptions/00000000-0000-4000-8000-000000000001", None),
    "location": ("westeurope", "northeurope", None),
    "callerIpAddress": (
        "198.51.100.23:4711",
        "198.51.100.23:4712",
        "192.0.2.7:4711",
        "[2001:db8::1]:80",
        "nonsense",
        None,
    ),
    "uri": (
        f"https://contosodata.blob.core.windows.net/reports/1.csv?{_QUERY}",
        f"https://contosodata.blob.core.windows.net/reports/2.csv?{_QUERY}",
        f"https://contosodata.blob.core.windows.net/reports/2.csv?{_QUERY}&sip=192.0.2.7",
        "https://contosodata.blob.core.windows.net/reports/2.csv",
        f"https://contosologs.blob.core.windows.net/reports/1.csv?{_QUERY}",
        None,
    ),
    "correlationId": ("11111111-101e-0006-75a5-2f0d5a000000", "22222222-101e-0006-75a5-2f0d5a000000"),
}
_PROPERTIES: dict[str, tuple[Any, ...]] = {
    "accountName": ("contosodata", "contosologs", "null", None),
    "userAgentHeader": ("AzCopy/10.28.0", "Services_xstore_transport_http2", None),
    "referrerHeader": ("https://portal.azure.com/", None),
    "objectKey": ("/contosodata/reports/1.csv", "/contosodata/reports/2.csv", None),
    "sasExpiryStatus": ("Policy Violated - exceeded 7 days", None),
    "sourceUri": ("https://contosologs.blob.core.windows.net/reports/2.csv", None),
    "responseBodySize": (1, 2),
}
_IDENTITIES: dict[str, tuple[Any, ...]] = {
    "type": ("SAS", "DelegationSas", "OAuth", None),
    "tokenHash": (f"key1({'A' * 64}),SasSignature({'B' * 64})", f"key2({'A' * 64}),SasSignature({'B' * 64})", None),
    "requester": ({"objectId": "00000000-0000-4000-8000-00000000000a"}, {"upn": "ada@contoso.com"}),
    "authorization": ([{"action": "generateUserDelegationKey"}], []),
}


def _chosen(fields: dict[str, tuple[Any, ...]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in fields.items()})


@st.composite
def twins(draw: st.DrawFn) -> tuple[Record, Record]:
    """Two records that differ in a few fields, if in any."""
    first, second = sas_read(1), sas_read(2)
    for part, fields in ((None, _FIELDS), ("properties", _PROPERTIES), ("identity", _IDENTITIES)):
        alike, left_out = draw(_chosen(fields)), draw(st.sets(st.sampled_from(list(fields)), max_size=2))
        name = draw(st.none() | st.sampled_from(list(fields)))
        for record in (first, second):
            told = record if part is None else record[part]
            told.update(alike)
            for each in left_out:
                told.pop(each, None)
            if name is not None:
                told[name] = draw(st.sampled_from(fields[name]))
    return first, second


@stable(1500)
@given(twins())
def test_records_of_one_shape_have_accesses_that_differ_in_time_and_object_alone(
    records: tuple[Record, Record],
) -> None:
    shapes = [shape_of(record) for record in records]
    if shapes[0] is None or shapes[0] != shapes[1]:
        return
    told: list[Access | str] = []
    for record in records:
        try:
            told.append(replace(access_of(record, NETWORKS, salvaged=False), time=NOON, object_path=None))
        except UnreadableRecordError as error:
            told.append(str(error))
    assert told[0] == told[1]


def test_ports_objects_and_sizes_make_no_other_shape_and_whoever_is_behind_them_does() -> None:
    record = sas_read(1)

    assert shape_of(record) == shape_of(sas_read(2, NOON + timedelta(minutes=1), size=700))
    assert shape_of(record) != shape_of(sas_read(1, address="198.51.100.24"))
    assert shape_of(record) != shape_of(sas_read(1, label="other"))
    assert shape_of(record) != shape_of({**record, "uri": record["uri"].replace("sp=rl", "sp=rwdl")})
    for unlike in ({}, {**record, "uri": None}, {**record, "properties": "{"}, {**record, "location": {}}):
        assert shape_of(unlike) is None


@pytest.mark.parametrize("name", ["userAgentHeader", "referrerHeader", "sasExpiryStatus", "location", "category"])
@pytest.mark.parametrize(
    "pair", [("1", 1), (1, True), (1, 1.0), (-1, -2), ("", 0), ("", 2**61 - 1), (None, hash(None) % 2**61)]
)
def test_what_is_no_text_where_azure_writes_texts_makes_no_shape(name: str, pair: tuple[Any, Any]) -> None:
    """Python hashes some of these alike, of which the accesses differ."""
    for value in pair:
        record = sas_read(1)
        (record["properties"] if name.endswith(("Header", "Status")) else record)[name] = value
        assert (shape_of(record) is None) == (value is not None and not isinstance(value, str))


def test_a_url_that_is_cut_is_of_the_shape_of_what_is_left_of_it() -> None:
    """What stands behind so long a path is not read, so that the SAS is not known."""
    record = sas_read(1)
    host, _, query = record["uri"].partition("/reports/1.csv")
    long = {**record, "uri": f"{host}/{'a' * 65_536}{query}"}

    assert access_of(long, NETWORKS, salvaged=False).sas is None
    assert shape_of(long) != shape_of(record)


@stable(300)
@given(twins(), st.integers(0, 3599), st.integers(0, 3599))
def test_what_keeps_no_objects_gathers_all_of_an_hour_in_one_place(
    records: tuple[Record, Record], one: int, other: int
) -> None:
    """So that a later request of a shape has nothing to tell to whom an earlier one has not told it."""
    try:
        access = access_of(records[0], NETWORKS, salvaged=False)
    except UnreadableRecordError:
        return
    for detector in CATALOGUE:
        if detector.natural_key and detector.distinct_by is not by_object:
            keys = {
                detector.natural_key(replace(access, time=NOON + timedelta(seconds=seconds), object_path=path))
                for seconds, path in ((one, "contosodata/reports/1.csv"), (other, None))
            }
            assert len(keys) == 1


def test_a_repeat_is_counted_and_brings_no_facts_once_the_original_is_at_rest_and_while_its_hour_lasts() -> None:
    intake = Intake(Index(CATALOGUE), SETTINGS)

    def taken(number: int, minutes: int, **more: Any) -> tuple[bool, int]:
        """Whether it brought facts, and how many counts."""
        batch = intake.take([body_of([sas_read(number, NOON + timedelta(minutes=minutes), **more)])])
        intake.settle(batch, {})
        return bool(batch.facts), sum(map(len, batch.transfers.values()))

    assert taken(1, 5) == (True, 1)
    assert taken(2, 59, size=700) == taken(3, 5) == (False, 1)
    assert taken(4, 4) == (True, 1)  # before the original, and from then on original itself
    assert taken(5, 4) == (False, 1)
    assert taken(6, 60) == (True, 1)
    assert taken(7, 59, address="203.0.113.9") == (True, 1)
    never_settled = Intake(Index(CATALOGUE), SETTINGS)
    assert [bool(never_settled.take([body_of([sas_read()])]).facts) for _ in range(2)] == [True, True]


@st.composite
def readings(draw: st.DrawFn) -> list[Record]:
    """Much of the same, in three hours around the end of a day."""
    evening = NOON.replace(hour=22)
    return [
        sas_read(
            draw(st.integers(0, 9)),
            evening + timedelta(minutes=draw(st.integers(0, 180))),
            label=draw(st.sampled_from(("one", "two"))),
            address=draw(st.sampled_from(("198.51.100.23", "198.51.100.77", "203.0.113.9", "192.0.2.7"))),
            agent=draw(st.sampled_from(("AzCopy/10.28.0", "Mozilla/5.0 (X11)", "Services_xstore_transport_http2"))),
            status=draw(st.sampled_from((200, 200, 403))),
            size=draw(st.sampled_from((0, 40, 300))) * 10**6,
        )
        for _ in range(draw(st.integers(1, 30)))
    ]


def outcome(batches: Sequence[Sequence[Record]], *, forgetful: bool) -> tuple[Any, Any]:
    """Findings and state when one engine sees all batches, or a new one each, which knows of nothing to repeat."""
    store, sink, now = MemoryStore(), MemorySink(), datetime(2026, 3, 12, tzinfo=NOON.tzinfo)
    engines: list[Engine] = []
    for batch in batches:
        if forgetful or not engines:
            engines.append(
                local.engine(store=store, sink=sink, parking=MemoryParking(), settings=SETTINGS, clock=lambda: now)
            )
        engines[-1].process([body_of(batch)])
    engines[-1].sweep()
    return content_of(sink.current()), dict(_of_requests(store.rows()))


def _of_requests(rows: Iterable[Row]) -> Iterator[tuple[RowKey, Any]]:
    """Counts, and what entities hold of requests; the rest tells who published what when."""
    for row in rows:
        if row.name == "entity":
            yield row.key, [json.loads(row.content).get(name) for name in ("accesses", "last_use")]
        elif row.name.startswith("bucket"):
            yield row.key, row.content


@stable(100)
@given(readings(), st.integers(1, 6))
def test_an_engine_that_passes_over_repeats_comes_to_what_others_come_to(records: list[Record], size: int) -> None:
    batches = [records[start : start + size] for start in range(0, len(records), size)]

    assert outcome(batches, forgetful=False) == outcome(batches, forgetful=True)
