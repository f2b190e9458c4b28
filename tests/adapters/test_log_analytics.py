"""Rows to Log Analytics: what arrives, what is refused, and what happens when the service does not do its work."""

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grantwatch.adapters.credentials import credential
from grantwatch.adapters.log_analytics import LogAnalytics, ingestion_client
from grantwatch.adapters.log_rows import MARK, MOST_IN_CALL, MOST_IN_FIELD, body_of, calls, fitted
from grantwatch.errors import UnavailableError
from grantwatch.model.finding import TABLE, Finding
from tests.stand_ins.logs_ingestion import RULE, TOKEN, Cut, Hang, KnownCaller, LogsIngestion, Status, Trouble
from tests.strategies import stable
from tests.support import cases, found_in

STREAM = f"Custom-{TABLE}"
BUDGET = 60.0
SECRET = "a text that stands in a row"
TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS
DOWN = Status(HTTPStatus.SERVICE_UNAVAILABLE)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.slept: list[float] = []

    def clock(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tables(logs_ingestion: LogsIngestion, time: Time) -> Iterator[LogAnalytics]:
    options = {**logs_ingestion.client_options, "read_timeout": 0.4}
    tables = LogAnalytics(
        lambda: ingestion_client(logs_ingestion.endpoint, KnownCaller(), **options),
        RULE,
        patience=timedelta(seconds=BUDGET),
        clock=time.clock,
        sleep=time.sleep,
    )
    yield tables
    tables.close()


def row(number: int, **columns: Any) -> bytes:
    moment = datetime.now(UTC).isoformat()
    return json.dumps({"TimeGenerated": moment, "FindingId": str(number), **columns}, ensure_ascii=False).encode()


def wrong(number: int) -> bytes:
    return row(number, NoSuchColumn=1)


def taken(server: LogsIngestion) -> list[int]:
    return [int(each["FindingId"]) for each in server.rows[STREAM]]


# What arrives


def test_rows_arrive_in_the_stream_of_their_table(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    assert tables.write(TABLE, [row(1, Summary="Ünï — ✓", Revision=2), row(2)]) == []
    assert taken(logs_ingestion) == [1, 2]
    assert logs_ingestion.rows[STREAM][0]["Summary"] == "Ünï — ✓"
    (call,) = logs_ingestion.calls
    assert call.compressed != call.size


def test_no_rows_are_no_call(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    assert tables.write(TABLE, []) == []
    assert not logs_ingestion.calls


def test_the_findings_of_all_cases_are_taken_as_they_are(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    findings = [finding for case in cases() for finding in found_in(case)]
    assert tables.write(TABLE, [finding.model_dump_json().encode() for finding in findings]) == []
    assert [Finding.model_validate(each) for each in logs_ingestion.rows[STREAM]] == findings


# How much at once


def test_more_than_fits_goes_in_several_calls(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    rows = [row(number, Summary="ä☃" * 1000) for number in range(600)]
    assert tables.write(TABLE, rows) == []
    assert taken(logs_ingestion) == list(range(600))
    assert len(logs_ingestion.calls) == sum(map(len, rows)) // MOST_IN_CALL + 1
    assert all(call.size <= MOST_IN_CALL for call in logs_ingestion.calls)


@stable(200)
@given(st.lists(st.integers(2, 1_000) | st.integers(100_000, MOST_IN_CALL + 2), max_size=40))
@example([100, MOST_IN_CALL - 103])
@example([100, MOST_IN_CALL - 102])
def test_calls_hold_as_many_rows_as_fit(lengths: list[int]) -> None:
    rows = [b"x" * length for length in lengths]
    spans = list(calls(rows))
    sizes = [len(body_of(rows[span.start : span.stop])) for span in spans]
    assert [place for span in spans for place in span] == list(range(len(rows)))
    assert all(size <= MOST_IN_CALL or len(span) == 1 for size, span in zip(sizes, spans, strict=True))
    following = [len(rows[span.start]) for span in spans[1:]]
    assert all(size + 1 + more > MOST_IN_CALL for size, more in zip(sizes, following, strict=False))


# Long fields

_texts = st.builds(
    lambda unit, repeated, end: unit * repeated + end,
    st.sampled_from(["a", "é", "☃", "\U0001f512", '"', "\\", "\n"]),
    st.integers(0, 40) | st.integers(MOST_IN_FIELD // 4 - 4, MOST_IN_FIELD + 4),
    st.text(max_size=5),
)
_rows = st.dictionaries(
    st.text("ABC", min_size=1, max_size=2), _texts | st.integers() | st.lists(_texts, max_size=2), max_size=4
)


def _size(value: Any) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode())


@stable(200)
@given(_rows, st.booleans())
def test_a_row_loses_what_is_too_long_and_says_so(columns: dict[str, Any], ascii_only: bool) -> None:
    given_row = json.dumps(columns, ensure_ascii=ascii_only, separators=(",", ":")).encode()
    stored = json.loads(fitted(given_row))
    too_long = {name for name, value in columns.items() if _size(value) > MOST_IN_FIELD}
    assert set(stored.pop(MARK, ())) >= too_long
    assert stored.keys() == columns.keys()
    for name, value in columns.items():
        assert _size(stored[name]) <= MOST_IN_FIELD
        if name in too_long and isinstance(value, str):
            assert value.startswith(stored[name])
            assert _size(stored[name]) > MOST_IN_FIELD - 4
        elif name in too_long:
            assert stored[name].keys() == {MARK}
        elif isinstance(value, str) or not ascii_only:
            assert stored[name] == value


@stable(50)
@given(_rows)
def test_a_row_is_cut_once(columns: dict[str, Any]) -> None:
    once = fitted(json.dumps(columns).encode())
    assert fitted(once) == once


def test_a_row_with_nothing_too_long_stays_as_it_is() -> None:
    spaced = json.dumps({"Summary": "a" * MOST_IN_FIELD, "Triage": ["b" * (MOST_IN_FIELD - 4)]}).encode()
    assert fitted(spaced) is spaced


@pytest.mark.parametrize(
    "broken",
    [
        b"x" * 70_000,
        b"[" + b"1," * 40_000 + b"1]",
        b'{"a":' + b"1" * 70_000,
        b'{"a":"' + rb"\ud800" * 40_000 + b'"}',
        b'{"a":"' + b"\xff" * 70_000 + b'"}',
    ],
    ids=["no JSON", "no object", "no end", "half a character", "no UTF-8"],
)
def test_what_is_no_row_is_left_for_the_service_to_refuse(broken: bytes) -> None:
    assert fitted(broken) is broken


def test_cut_rows_fit_into_the_table(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    long_row = row(1, Summary="☃" * 30_000, Evidence={"Paths": ["/" * 70_000]}, Triage=["short"])
    assert tables.write(TABLE, [long_row, row(2)]) == []
    stored, other = logs_ingestion.rows[STREAM]
    assert stored["Truncated"] == ["Summary", "Evidence"]
    assert stored["Summary"] == "☃" * (MOST_IN_FIELD // 3)
    assert stored["Evidence"]["Truncated"].startswith('{"Paths": ["////')
    assert stored["Triage"] == ["short"]
    assert "Truncated" not in other
    assert MARK in Finding.model_fields


# Rows that are refused


def test_a_call_that_is_too_large_is_halved(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    logs_ingestion.most_in_call = 3_000
    assert tables.write(TABLE, [row(number, Summary="a" * 800) for number in range(20)]) == []
    assert sorted(taken(logs_ingestion)) == list(range(20))


def test_a_single_row_that_is_too_large_is_refused(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    columns = ("Summary", "ActorName", "ActorUpn", "TargetName", "RecipientName", "Containment")
    large = row(2, **{name: chr(97 + place) * 63_000 for place, name in enumerate(columns)})
    logs_ingestion.most_in_call = 300_000
    (refused,) = tables.write(TABLE, [row(1), large, row(3)])
    assert refused.row == large
    assert refused.reason == "Log Analytics calls it too large (413)"
    assert sorted(taken(logs_ingestion)) == [1, 3]


def test_a_refused_row_is_handed_back_whole(tables: LogAnalytics) -> None:
    long_row = row(1, Summary="a" * 70_000, NoSuchColumn=1)
    (refused,) = tables.write(TABLE, [long_row])
    assert refused.row == long_row


@settings(stable(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 60), st.sets(st.integers(0, 59), max_size=5))
def test_only_rows_at_fault_are_refused(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, count: int, at_fault: set[int]
) -> None:
    logs_ingestion.rows[STREAM].clear()
    rows = [wrong(number) if number in at_fault else row(number) for number in range(count)]
    refused = tables.write(TABLE, rows)
    assert [each.row for each in refused] == [rows[number] for number in range(count) if number in at_fault]
    assert {each.reason for each in refused} <= {"Log Analytics calls it malformed (400)"}
    assert sorted(taken(logs_ingestion)) == [number for number in range(count) if number not in at_fault]


def test_one_row_at_fault_is_found_in_few_calls(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    rows = [wrong(number) if number == 333 else row(number) for number in range(512)]
    assert [each.row for each in tables.write(TABLE, rows)] == [rows[333]]
    assert len(logs_ingestion.calls) == 1 + 2 * 9


def test_when_everything_is_at_fault_the_search_ends(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    rows = [wrong(number) for number in range(512)]
    refused = tables.write(TABLE, rows)
    assert [each.row for each in refused] == rows
    assert len(logs_ingestion.calls) <= 1 + 2 * 64
    assert {each.reason for each in refused} == {
        "Log Analytics calls it malformed (400), sent with 7 others",
        "Log Analytics calls it malformed (400), sent with 3 others",
    }


def test_a_refused_row_does_not_keep_back_later_calls(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    rows = [row(number, Summary="a" * 60_000) for number in range(40)]
    rows[0] = wrong(0)
    assert [each.row for each in tables.write(TABLE, rows)] == [rows[0]]
    assert sorted(taken(logs_ingestion)) == list(range(1, 40))


# A service that does not do its work for a while


@pytest.mark.parametrize(
    "trouble",
    [
        Status(TOO_MANY),
        Status(TOO_MANY, {"Retry-After": "0"}),
        Status(TOO_MANY, {"Retry-After": "soon"}),
        Status(HTTPStatus.REQUEST_TIMEOUT),
        Status(HTTPStatus.INTERNAL_SERVER_ERROR),
        Status(HTTPStatus.BAD_GATEWAY),
        DOWN,
        Status(HTTPStatus.GATEWAY_TIMEOUT),
        Cut(),
        Cut(b"HTTP/1.1 "),
        Cut(b'HTTP/1.1 500 Oops\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"err'),
        Hang(10),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time, trouble: Trouble
) -> None:
    logs_ingestion.misbehave(trouble)
    assert tables.write(TABLE, [row(1)]) == []
    assert taken(logs_ingestion) == [1]
    (pause,) = time.slept
    assert 0.25 <= pause <= 0.5


def test_rows_may_be_written_twice_but_not_lost(logs_ingestion: LogsIngestion, tables: LogAnalytics) -> None:
    logs_ingestion.misbehave(Cut(stored=True))
    assert tables.write(TABLE, [row(1), row(2)]) == []
    assert taken(logs_ingestion) == [1, 2, 1, 2]


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_a_pause_that_is_asked_for_is_made(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time, as_date: bool
) -> None:
    asked = format_datetime(time.now + timedelta(seconds=30), usegmt=True) if as_date else "30"
    logs_ingestion.misbehave(Status(TOO_MANY, {"Retry-After": asked}))
    assert tables.write(TABLE, [row(1)]) == []
    assert time.slept == [pytest.approx(30, abs=1)]


@pytest.mark.parametrize("status", [TOO_MANY, HTTPStatus.SERVICE_UNAVAILABLE])
def test_a_pause_that_is_too_long_is_not_made(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time, status: HTTPStatus
) -> None:
    logs_ingestion.misbehave(Status(status, {"Retry-After": "61"}), for_ever=True)
    with pytest.raises(UnavailableError, match=rf"\({status}\)"):
        tables.write(TABLE, [row(1)])
    assert time.slept == []
    assert len(logs_ingestion.calls) == 1


def test_pauses_grow_until_patience_ends(logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time) -> None:
    logs_ingestion.misbehave(DOWN, for_ever=True)
    with pytest.raises(UnavailableError, match=r"^Log Analytics cannot be used \(503\)\.$"):
        tables.write(TABLE, [row(1)])
    longest = [min(0.5 * 2**place, 16) for place in range(len(time.slept))]
    assert all(most / 2 <= pause <= most for pause, most in zip(time.slept, longest, strict=True))
    assert BUDGET - 16 <= sum(time.slept) <= BUDGET
    assert len(logs_ingestion.calls) == len(time.slept) + 1


def test_all_calls_of_a_write_share_its_patience(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time
) -> None:
    throttled = Status(TOO_MANY, {"Retry-After": "25"})
    logs_ingestion.misbehave(throttled, None, throttled, None, throttled)
    with pytest.raises(UnavailableError, match=r"^Log Analytics throttles \(429\)\.$"):
        tables.write(TABLE, [row(number, Summary="a" * 60_000) for number in range(40)])
    assert time.slept == [25, 25]
    assert taken(logs_ingestion) == list(range(28))


def test_a_service_that_is_not_there_is_unavailable(time: Time) -> None:
    with LogsIngestion() as gone:
        pass
    tables = LogAnalytics(
        lambda: ingestion_client(gone.endpoint, KnownCaller(), **gone.client_options),
        RULE,
        clock=time.clock,
        sleep=time.sleep,
    )
    with closing(tables), pytest.raises(UnavailableError, match=r"^Log Analytics does not answer\.$"):
        tables.write(TABLE, [row(1)])


@pytest.mark.parametrize("status", [HTTPStatus.CONFLICT, HTTPStatus.IM_A_TEAPOT, HTTPStatus.TEMPORARY_REDIRECT])
def test_other_answers_refuse_nothing_and_are_not_repeated(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time, status: HTTPStatus
) -> None:
    logs_ingestion.misbehave(Status(status, {"Location": "https://elsewhere.example/"}))
    with pytest.raises(UnavailableError, match=rf"\({status}\)"):
        tables.write(TABLE, [row(1)])
    assert len(logs_ingestion.calls) == 1
    assert time.slept == []


def test_a_stream_that_is_not_there_is_unavailable(tables: LogAnalytics) -> None:
    with pytest.raises(UnavailableError, match=r"^Log Analytics does not know the rule or its stream \(404\)\.$"):
        tables.write("Elsewhere_CL", [row(1)])


# Who may write


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
def test_a_role_takes_time_to_reach_a_new_rule(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, time: Time, status: HTTPStatus
) -> None:
    logs_ingestion.misbehave(Status(status), for_ever=True)
    time.now += timedelta(minutes=29)
    with pytest.raises(UnavailableError, match=rf"\({status}\): the role may not have reached the rule yet\.$"):
        tables.write(TABLE, [row(1)])
    time.now += timedelta(minutes=1)
    with pytest.raises(
        UnavailableError, match=r"may not write .* grant it Monitoring Metrics Publisher on the rule\.$"
    ):
        tables.write(TABLE, [row(1)])
    assert time.slept == []


@pytest.mark.parametrize(
    "error",
    [
        CredentialUnavailableError("no identity"),
        ClientAuthenticationError("bad request", response=SimpleNamespace(reason="Bad", status_code=400)),
    ],
    ids=repr,
)
def test_without_a_token_nothing_is_sent_and_nothing_refused(
    logs_ingestion: LogsIngestion, error: ClientAuthenticationError
) -> None:
    class Nobody:
        def get_token(self, *scopes: str, **_: object) -> Any:
            raise error

    with (
        closing(LogAnalytics(lambda: ingestion_client(logs_ingestion.endpoint, Nobody()), RULE)) as tables,
        pytest.raises(UnavailableError, match=r"^No token for Log Analytics"),
    ):
        tables.write(TABLE, [row(1)])
    assert not logs_ingestion.calls


def test_the_app_is_its_managed_identity_and_nobody_else() -> None:
    with credential(managed_identity=True, client_id="11111111-2222-3333-4444-555555555555") as app:
        assert isinstance(app, ManagedIdentityCredential)
    with credential(managed_identity=False) as person:
        assert isinstance(person, DefaultAzureCredential)


# What is told of it


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500])
def test_no_error_tells_of_rows_or_token(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    logs_ingestion.misbehave(Status(status), for_ever=True)
    with pytest.raises(UnavailableError) as caught:
        tables.write(TABLE, [row(1, Summary=SECRET)])
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET not in told
    assert TOKEN not in told
    assert "?" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 413])
def test_no_reason_tells_of_rows_or_token(
    logs_ingestion: LogsIngestion, tables: LogAnalytics, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    logs_ingestion.misbehave(Status(status), for_ever=True)
    (refused,) = tables.write(TABLE, [row(1, Summary=SECRET)])
    assert SECRET not in refused.reason + caplog.text
    assert TOKEN not in refused.reason + caplog.text


def test_the_sdk_is_loaded_when_it_is_needed() -> None:
    modules = "grantwatch.adapters.log_analytics, grantwatch.adapters.credentials"
    code = f"import sys, {modules}; sys.exit(any(name.split('.')[0] == 'azure' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
