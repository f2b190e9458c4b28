"""Moments in every form that Azure's logs use."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.model.time import time_of
from tests.strategies import stable

MOMENT = datetime(2026, 3, 10, 20, 5, 7, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-10T20:05:07Z",
        "2026-03-10T20:05:07",
        "2026-03-10 20:05:07",
        "2026-03-10T20:05:07+00:00",
        "2026-03-10T20:05:07+0000",
        "2026-03-10T22:05:07+02:00",
        "2026-03-10T14:35:07-05:30",
        "2026-03-10t20:05:07z",
        "2026-03-10T20:05:07.0Z",
        "2026-03-10T20:05:07.000000000Z",
        "2026-03-10T20:05:07.0000000+00:00",
        " 2026-03-10T20:05:07Z ",
        "2026-03-10T20: 05: 07Z",
        "3/10/2026 20:05:07",
        "03/10/2026 20:05:07",
        "3/10/2026 8:05:07 PM",
        "3/10/2026 8:05:07 pm",
        "3/10/2026 8:05:07 PM +00:00",
        "3/10/2026 20:05:07 +00:00",
        "3/10/2026 20:05:07Z",
        "3/10/2026 10:05:07 PM +02:00",
    ],
)
def test_every_listed_form_is_the_same_moment(text: str) -> None:
    assert time_of(text) == MOMENT


@stable(300)
@given(moments, st.integers(0, 9), st.sampled_from(("Z", "+00:00", "")))
def test_any_number_of_fractional_digits_is_read_to_the_microsecond(moment: datetime, digits: int, zone: str) -> None:
    fraction = f"{moment.microsecond:06}789"[:digits]
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + zone

    assert time_of(text) == moment.replace(microsecond=int(f"{fraction[:6]:0<6}"))


@stable(200)
@given(moments, st.integers(-14 * 60, 14 * 60))
def test_an_offset_changes_the_spelling_and_not_the_moment(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))

    assert time_of(elsewhere.isoformat()) == moment


@stable(200)
@given(moments)
def test_the_american_form_is_read_with_and_without_halves_of_the_day(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    date = f"{moment.month}/{moment.day}/{moment.year}"

    assert time_of(f"{date} {moment:%H:%M:%S}") == moment
    assert time_of(f"{date} {moment:%I:%M:%S} {'AM' if moment.hour < 12 else 'PM'}") == moment


def test_a_date_alone_is_its_midnight() -> None:
    assert time_of("2026-03-10") == datetime(2026, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "<null>",
        "soon",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30T00:00:00Z",
        "13/13/2026 1:00:00",
        "3/10/2026 13:00:00 PM",
        "3/10/2026 0:00:00 AM",
        "2026-03-10T25:00:00Z",
        "1773172800",
        "2026-03-10T20:05:07Z" * 50,
        "٣/١٠/٢٠٢٦ 8:05:07",
    ],
)
def test_what_is_no_moment_is_none(text: str | None) -> None:
    found = time_of(text)
    assert found is None or (text and text.isdigit() is False and found.tzinfo is UTC and not text.isascii())


@stable(500)
@given(st.text(max_size=40) | st.text(alphabet="0123456789-/:.TtZz+ APMapm", max_size=40))
def test_any_text_gives_an_aware_moment_or_none(text: str) -> None:
    found = time_of(text)

    assert found is None or found.utcoffset() == timedelta(0)
