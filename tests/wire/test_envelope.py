"""Bodies of every shape give the same records, and a broken record costs its neighbours nothing."""

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.wire.envelope import decode
from grantwatch.wire.json_views import materialise
from grantwatch.wire.salvage import salvage
from tests.strategies import mutated, stable
from tests.world import account_sas, body_of, disk_access, ordinary_read, run, sas_read
from tools.azure_records import Record

RECORDS: list[Record] = [ordinary_read(1), sas_read(2), disk_access()[0]]
TEXTS = [json.dumps(record) for record in RECORDS]
LINES = "\n".join(TEXTS)
ENVELOPES = [{"records": RECORDS[:1], "PartitionId": 1}, {"records": RECORDS[1:], "EventEnqueuedUtcTime": "now"}]

SHAPES = {
    "envelope": body_of(RECORDS),
    "envelope among other fields": json.dumps({"version": 1, "records": RECORDS, "more": None}).encode(),
    "indented envelope": json.dumps({"records": RECORDS}, indent=2).encode(),
    "envelope between blanks": b" \r\n\t" + body_of(RECORDS) + b"\n\n",
    "array of envelopes": json.dumps(ENVELOPES).encode(),
    "envelopes one after another": b"".join(json.dumps(each).encode() for each in ENVELOPES),
    "envelopes in lines": b"\n".join(json.dumps(each).encode() for each in ENVELOPES),
    "array of texts of envelopes": json.dumps([json.dumps(each) for each in ENVELOPES]).encode(),
    "array of texts of records": json.dumps(TEXTS).encode(),
    "array of bare records": json.dumps(RECORDS).encode(),
    "array of arrays": json.dumps([RECORDS[:2], RECORDS[2:]]).encode(),
    "JSON Lines": LINES.encode(),
    "JSON Lines with carriage returns and empty lines": "\r\n\r\n".join(TEXTS).encode() + b"\r\n",
    "concatenated": "".join(TEXTS).encode(),
    "separated by commas": ",".join(TEXTS).encode(),
    "gzip": gzip.compress(body_of(RECORDS)),
    "gzip of JSON Lines": gzip.compress(LINES.encode()),
    "gzip in members": gzip.compress(TEXTS[0].encode()) + gzip.compress("".join(TEXTS[1:]).encode()),
    "gzip twice": gzip.compress(gzip.compress(body_of(RECORDS))),
    "byte order mark": b"\xef\xbb\xbf" + body_of(RECORDS),
    "byte order mark before lines": b"\xef\xbb\xbf" + LINES.encode(),
    "byte order mark in gzip": gzip.compress(b"\xef\xbb\xbf" + LINES.encode()),
}


def records_in(body: bytes) -> list[Any]:
    return [materialise(record) for record in decode(body).records]


def rejected_in(body: bytes) -> bytes:
    return b"\0".join(each.body for each in decode(body).rejected)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_records(shape: str) -> None:
    decoded = decode(SHAPES[shape])

    assert records_in(SHAPES[shape]) == RECORDS
    assert not decoded.rejected
    assert not decoded.salvaged


@pytest.mark.parametrize("body", [json.dumps({"records": RECORDS[1]}).encode(), TEXTS[1].encode()])
def test_a_single_object_is_a_record(body: bytes) -> None:
    assert records_in(body) == [RECORDS[1]]
    assert run(body).tally.selected == 1


@pytest.mark.parametrize("body", [b'{"records":[]}', b"[]", b'[{"records":[]}]'])
def test_an_empty_envelope_has_no_records_and_no_faults(body: bytes) -> None:
    assert records_in(body) == []
    assert not decode(body).rejected


def test_a_record_with_records_of_its_own_stays_whole() -> None:
    record = {**RECORDS[1], "records": [{"operationName": "GetBlob"}]}

    assert records_in(json.dumps(record).encode()) == [record]


GOOD, OTHER = TEXTS[1], TEXTS[2]
BROKEN = {
    "single-quoted pseudo JSON": "{'time': '2026-03-10', 'operationName': 'x', 'who': 'O'Brien'}",
    "single-quoted properties": '{"time":"t","operationName":"x","properties":{\'Host\':\'4.0\',\'Who\':\'O"Brien\'}}',
    "binary placeholder": '{"time":"t","operationName":"x","properties":[227 B blob data]}',
    "spaced binary placeholder": '{"time":"t","operationName":"x","properties": [ 227 B blob data ]}',
    "unescaped request body": '{"time":"t","operationName":"x","properties":{"requestbody":"{"Id":"1","a":{"b":2}}"}}',
    "missing comma": '{"time":"t" "operationName":"x"}',
    "missing value": '{"time":"t","operationName":}',
    "unknown word": '{"time":"t","operationName":undefined}',
    "stray bracket": '{"time":"t","operationName":"x"]}',
    "bad escape": '{"time":"t","operationName":"\\x41"}',
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_broken_record_costs_its_neighbours_nothing(kind: str, place: int) -> None:
    texts = [GOOD, OTHER]
    texts.insert(place, BROKEN[kind])
    body = ('{"records":[' + ",".join(texts) + "]}").encode()
    decoded = decode(body)

    assert [each for each in records_in(body) if each in RECORDS] == [RECORDS[1], RECORDS[2]]
    assert decoded.rejected
    assert decoded.salvaged
    assert BROKEN[kind].encode()[:30] in rejected_in(body)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_costs_its_neighbours_nothing(kind: str) -> None:
    body = "\n".join((GOOD, BROKEN[kind], OTHER)).encode()

    assert [each for each in records_in(body) if each in RECORDS] == [RECORDS[1], RECORDS[2]]
    assert rejected_in(body).startswith(BROKEN[kind].encode()[:30])


TOLERATED = {
    "raw line breaks": '{"time":"t","operationName":"a\nb\r\n\tc"}',
    "raw control characters": '{"time":"t","operationName":"a\x01\x1fb"}',
    "NaN": '{"time":"t","operationName":"x","durationMs":NaN,"most":Infinity,"least":-Infinity}',
    "huge integers": '{"time":"t","operationName":"x","durationMs":' + "9" * 40 + "}",
    "lone surrogate": '{"time":"t","operationName":"\\ud800"}',
    "lone low surrogate": '{"time":"t","operationName":"x","a":"\\udc00b"}',
    "empty key": '{"time":"t","operationName":"x","":""}',
    "null character": '{"time":"t","operationName":"x\\u0000"}',
}


@pytest.mark.parametrize("kind", TOLERATED)
def test_what_python_reads_is_read_beside_its_neighbours(kind: str) -> None:
    body = ('{"records":[' + ",".join((GOOD, TOLERATED[kind], OTHER)) + "]}").encode()
    found = records_in(body)

    assert len(found) == 3
    assert [found[0], found[2]] == [RECORDS[1], RECORDS[2]]
    assert not decode(body).rejected
    assert run(body).is_balanced


@pytest.mark.parametrize("kind", TOLERATED)
def test_oddities_in_any_field_of_a_selected_record_never_stop_it(kind: str) -> None:
    odd = json.loads(TOLERATED[kind], strict=False)
    oddities = [value for name, value in odd.items() if name != "time" and value != "x"] or [""]
    for base in (sas_read(), disk_access()[0]):
        for name in ("callerIpAddress", "correlationId", "durationMs", "location", "level", "uri", "tenantId"):
            for value in oddities:
                result = run(json.dumps({"records": [{**base, name: value}]}).encode(), finish=True)
                assert result.tally.selected == 1, (name, value)


def test_a_repeated_key_is_read_one_way_or_the_other_and_stops_nothing() -> None:
    repeated = GOOD[:-1] + ',"operationName":"GetBlob","uri":"https://other.blob.core.windows.net/x?sig=a"}'
    decoy = '{"operationName":"Nothing",' + GOOD[1:]
    body = ('{"records":[' + ",".join((repeated, OTHER, decoy)) + "]}").encode()
    result = run(body)

    assert result.is_balanced
    assert result.tally.records == 3
    assert result.tally.selected >= 2


def test_a_repeated_operation_does_not_hide_a_record() -> None:
    """Others take the last of two alike keys; whoever can write the first could hide from us alone."""
    decoy = '{"operationName":"Nothing",' + GOOD[1:]

    assert run(('{"records":[' + decoy + "]}").encode()).tally.selected == 1


STRAY_TAILS = (
    b"garbage",
    b"]}",
    b"}}]}",
    b'}{"correlationId":"x","pageNumber":0,"isEnd":true}}]}',
    b"\x00\x00\x00",
    b'"',
    b"\xff\xfe",
    b"{",
    b'{"time":"2026-03-10T12:0',
)


@pytest.mark.parametrize("tail", STRAY_TAILS)
def test_a_stray_tail_costs_no_record(tail: bytes) -> None:
    body = body_of(RECORDS) + tail

    assert records_in(body)[:3] == RECORDS
    assert tail.strip(b"]} ")[-4:] in rejected_in(body) or any(
        "pageNumber" in str(each) for each in records_in(body)[3:]
    )


def test_the_stray_tail_of_a_page_inside_the_envelope_costs_no_record() -> None:
    tail = b'}{"correlationId":"x","pageNumber":0,"isEnd":true}}]}'
    body = body_of(RECORDS)[:-2] + tail

    assert [each for each in records_in(body) if each in RECORDS] == RECORDS


def test_a_body_cut_at_any_byte_keeps_every_whole_record_and_the_rest_of_the_bytes() -> None:
    body = ('{"records":[' + ",".join(TEXTS) + "]}").encode()
    ends, position = [], len('{"records":[')
    for text in TEXTS:
        position += len(text.encode())
        ends.append(position)
        position += 1
    for length in range(len(body)):
        decoded = salvage(body[:length])
        whole = sum(end <= length for end in ends)
        assert decoded.records == RECORDS[:whole], length
        start = ([len('{"records":[')] + [end + 1 for end in ends])[whole]
        if whole < 3 and body[start:length].strip():
            assert len(decoded.rejected) == 1, length
            assert body[start:length].rstrip() in decoded.rejected[0].body, length
        assert decoded.broken or length == 0, length


@pytest.mark.parametrize("position", range(200))
def test_one_bad_record_of_two_hundred_costs_one(position: int) -> None:
    texts = [GOOD] * 200
    texts[position] = GOOD[:-1] + ",'odd': 'O'Brien'}"
    result = run(('{"records":[' + ",".join(texts) + "]}").encode())

    assert (result.tally.selected, result.tally.rejected, result.tally.records) == (199, 1, 200)
    assert b"O'Brien" in result.parked[0].body


@pytest.mark.parametrize("position", range(0, 200, 7))
def test_one_bad_line_of_two_hundred_costs_one(position: int) -> None:
    lines = [GOOD] * 200
    lines[position] = GOOD[:-1] + ",'odd': 'O'Brien'}"
    result = run("\n".join(lines).encode())

    assert (result.tally.selected, result.tally.rejected) == (199, 1)


@pytest.mark.parametrize("position", range(0, 64, 9))
def test_one_bad_body_of_sixty_four_costs_one(position: int) -> None:
    bodies = [body_of([sas_read(number)]) for number in range(64)]
    bodies[position] = b"\x00\x01"

    assert run(*bodies).tally.selected == 63


BAD_BYTES = (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80")


@pytest.mark.parametrize("bad", BAD_BYTES)
def test_bad_utf_8_in_a_text_costs_no_record(bad: bytes) -> None:
    """It is in a user agent as a rule; the record is read with a replacement, or rejected with its bytes."""
    record = TEXTS[1].replace("azsdk", "az@sdk").encode().replace(b"@", bad)
    body = b'{"records":[' + b",".join((TEXTS[0].encode(), record, TEXTS[2].encode())) + b"]}"
    result = run(body)

    assert result.is_balanced
    assert result.tally.records == 3
    assert result.tally.selected == 2


@pytest.mark.parametrize("bad", BAD_BYTES)
def test_rejected_bytes_are_kept_as_they_came(bad: bytes) -> None:
    broken = b'{"time":"t","operationName":x' + bad + b"}"
    body = b'{"records":[' + GOOD.encode() + b"," + broken + b"," + OTHER.encode() + b"]}"

    assert broken in rejected_in(body)
    assert decode(bad * 20).rejected[0].body == bad * 20


@pytest.mark.parametrize("damage", ["cut", "flipped", "no header", "bad checksum", "trailing"])
def test_damaged_gzip_is_rejected_with_its_bytes(damage: str) -> None:
    packed = gzip.compress(body_of(RECORDS), mtime=0)
    body = {
        "cut": packed[:-20],
        "flipped": packed[:40] + bytes([packed[40] ^ 255]) + packed[41:],
        "no header": packed[:2],
        "bad checksum": packed[:-8] + b"\0" * 8,
        "trailing": packed + b"trailing",
    }[damage]
    decoded = decode(body)

    assert [each.body for each in decoded.rejected] == [body] or (
        damage == "trailing" and [*decoded.records] == RECORDS
    )


def test_a_gzip_bomb_is_bounded_in_memory() -> None:
    bomb = gzip.compress(b"[" + b"0" * (300 << 20), compresslevel=9)
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    decoded = decode(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [each.body for each in decoded.rejected] == [bomb]
    assert peak < 200 << 20


def test_a_text_that_poses_as_a_record_inside_a_broken_one_is_marked() -> None:
    """Whoever chooses a user agent must not be able to accuse somebody unnoticed."""
    posing = json.dumps(sas_read(9, label="posing"))
    broken = '{"time":"t","operationName":"GetBlob","properties":{"userAgentHeader":"},' + posing + ',{"a":"'
    result = run(('{"records":[' + ",".join((GOOD, broken, OTHER)) + "]}").encode())

    assert result.is_balanced
    assert result.findings
    assert all(finding.Evidence.get("Salvaged") is True for finding in result.findings)


def test_a_record_of_a_sound_body_is_not_marked() -> None:
    for body in (body_of([*account_sas(), sas_read()]), SHAPES["JSON Lines"]):
        assert all("Salvaged" not in finding.Evidence for finding in run(body).findings)


@stable(150)
@given(mutated(SHAPES["envelope"]) | mutated(SHAPES["JSON Lines"]) | mutated(SHAPES["array of envelopes"]))
def test_the_slow_way_reads_whatever_the_fast_way_reads(body: bytes) -> None:
    try:
        reference = json.loads(body)["records"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if isinstance(reference, list) and all(isinstance(each, dict) for each in reference):
        assert records_in(body) == reference
        assert salvage(body).records == reference


@stable(100)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6), st.data())
def test_whole_records_before_a_cut_are_always_kept(texts: list[str], data: st.DataObject) -> None:
    body = ('{"records":[' + ", ".join(texts) + "]}").encode()
    length = data.draw(st.integers(0, len(body)))
    whole = [end for end in range(1, len(texts) + 1) if len('{"records":[' + ", ".join(texts[:end])) <= length]

    assert len(salvage(body[:length]).records) == len(whole)
