"""Of records that nobody is for none is passed over that is news of its subscription, however it is spelled."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.catalogue import CATALOGUE
from grantwatch.detection.index import Index
from grantwatch.memory.beginnings import Subscription
from grantwatch.memory.firsts import Span
from grantwatch.ordinary_records import Noticed, OrdinaryRecords
from grantwatch.wire.activity import occurrence_of
from grantwatch.wire.json_views import parse
from tests.strategies import stable
from tests.world import NOON, OWNER, STRANGER, SUBSCRIPTION, body_of
from tools.azure_records import Record, timestamp

_PLACES = [
    *[(f"{SUBSCRIPTION.scope}/resourceGroups/rg", OWNER.id)] * 8,
    *[(SUBSCRIPTION.scope.upper(), OWNER.id)] * 2,
    (f"{SUBSCRIPTION.scope}/resourceGroups/rg", STRANGER.id),
    (f"{SUBSCRIPTION.scope}/resourceGroups/rg", OWNER.id.upper()),
    (f"{SUBSCRIPTION.scope}/resourceGroups/rg", "null"),
    (f"{SUBSCRIPTION.scope}/resourceGroups/rg", None),
    (f"{SUBSCRIPTION.scope}/", OWNER.id),
    (SUBSCRIPTION.scope, OWNER.id),
    (f"{SUBSCRIPTION.scope}x/y", OWNER.id),
    (f"{SUBSCRIPTION.scope}y/y", OWNER.id),
    (f"{SUBSCRIPTION.scope[:-1]}/y", OWNER.id),
    (f"/x{SUBSCRIPTION.scope}", OWNER.id),
    ("/providers/x", OWNER.id),
]
_times = st.sampled_from(
    [
        *(timestamp(NOON + timedelta(seconds=seconds)) for seconds in (-1, 0, 0.5, 0.7, 1, 59, 60, 3600)),
        *(timestamp(NOON + timedelta(hours=hours)) for hours in (-13, -12, -11, 11, 12, 13, 35, 36, 37, 60, 99)),
        "2026-03-10T12:00:00Z",
        "2026-03-10T12:00:00.5Z",
        "2026-03-10T12:00Z",
        "2026-03-10T12Z",
        "2026-03-10T11Z",
        "2026-03-10t11:59:00Z",
        "2026-03-10T11:59:00z",
        "2026-03-10 11:59:00Z",
        "2026-03-10T115900Z",
        "20260310T115900Z",
        "2026-W11-2T11:59:00Z",
        "2026-03-10T23:00:00+14:00",
        "2026-03-11T01:00:00+23:59",
        "2026-03-12T01:00:00+23:59",
        "2026-03-10T23:00:00.00000+14:00",
        "2026-03-10T12\u3000:\u300001\u3000:\u300000Z",
        "2026-03-10T12\u3000\u3000\u3000\u3000\u3000Z",
        "2026-03-10T12:01\u3000\u3000\u3000\u3000Z",
        "3/10/2026 11:58:00 AM",
        "2026-03-10",
        "2026-03-10T24:00:00Z",
        "2026-03-10T99:00:00Z",
        "2026-03-10TZ",
        "Z",
        "",
    ]
)


def _told(place: tuple[str, str | None], time: str, tenant: str = OWNER.id) -> Record:
    resource, named = place
    return {
        "operationName": "Microsoft.Compute/virtualMachines/start/action",
        "resourceId": resource,
        "properties": {"hierarchy": f"{tenant}/x"},
        "time": time,
        **({"tenantId": named} if named else {}),
    }


_records = st.builds(_told, st.sampled_from(_PLACES), _times, st.sampled_from((OWNER.id, OWNER.id, STRANGER.id)))
_NEXT_DAY = [_told(_PLACES[0], "2026-03-10T12:00:00Z")], [_told(_PLACES[0], "2026-03-11T12:00:00Z")]
_OF_NOBODY = _PLACES[0][0], "null"
_TWO_TENANTS = ("2026-03-10T12:00:00Z", OWNER.id), ("2026-03-10T13:00:00Z", STRANGER.id)


@stable(600)
@given(batches=st.lists(st.lists(_records, min_size=1, max_size=6), min_size=2, max_size=9), as_views=st.booleans())
@example(batches=[*_NEXT_DAY, [_told(_PLACES[0], "2026-03-11T01:00:00+23:59")]], as_views=False)
@example(batches=[[_told(_OF_NOBODY, each, tenant)] for each, tenant in _TWO_TENANTS], as_views=False)
def test_nothing_is_passed_over_that_is_earlier_or_of_a_later_day(batches: list[list[Record]], as_views: bool) -> None:
    known: dict[Subscription, Span] = {}
    expected: dict[Subscription, Span] = {}
    ordinary_records, index = OrdinaryRecords(OWNER.id), Index(CATALOGUE)
    for batch in batches:
        noticed = Noticed()
        views = parse(body_of(batch))["records"] if as_views else batch
        ordinary_records.look_at(index.select(views).ordinary, noticed)
        for subscription, span in noticed.seen.items():
            known[subscription] = _both(known.get(subscription, span), span)
        ordinary_records.settle(noticed, known)
        for found in filter(None, (occurrence_of(record, OWNER.id) for record in batch)):
            subscription, span = (found.tenant, found.subscription), Span(found.time, found.time)
            expected[subscription] = _both(expected.get(subscription, span), span)

    assert _rows(known) == _rows(expected)


def _both(one: Span, other: Span) -> Span:
    return Span(min(one.earliest, other.earliest), max(one.latest, other.latest))


def _rows(spans: dict[Subscription, Span]) -> dict[Subscription, Any]:
    """A row has to be told of the beginning, and of each later day."""
    return {each: (span.earliest, span.latest.date()) for each, span in spans.items()}


@pytest.mark.parametrize(
    ("later", "is_read"),
    [
        ("2026-03-10T12:00:01Z", False),
        ("2026-03-10T23:59:59.1234567Z", False),
        ("2026-03-10T12:00:00Z", True),
        ("2026-03-10T11:59:59Z", True),
        ("2026-03-11T12:00:00Z", True),
        ("2026-03-10T13:00:00+14:00", True),
    ],
)
def test_what_is_spelled_alike_and_comes_later_on_the_day_is_not_read_again(later: str, *, is_read: bool) -> None:
    ordinary_records, noticed, at_rest = OrdinaryRecords(OWNER.id), Noticed(), Noticed()
    ordinary_records.look_at([_told(_PLACES[0], "2026-03-10T12:00:00Z")], noticed)
    ordinary_records.settle(noticed, noticed.seen)
    ordinary_records.look_at([_told(_PLACES[0], later)], at_rest)

    assert bool(at_rest.seen) == is_read


def test_nor_is_it_in_the_same_batch() -> None:
    ordinary_records, noticed = OrdinaryRecords(OWNER.id), Noticed()
    ordinary_records.look_at([_told(_PLACES[0], f"2026-03-10T12:00:0{second}Z") for second in (0, 1)], noticed)

    assert [*noticed.seen.values()] == [Span(NOON, NOON)]


@pytest.mark.parametrize("padding", [" ", "\n", " " * 10**6])
def test_no_spelling_is_remembered_that_is_longer_than_it_has_to_be(padding: str) -> None:
    """Tens of thousands are, and a stranger may send any."""
    ordinary_records, noticed = OrdinaryRecords(OWNER.id), Noticed()
    record = _told(_PLACES[0], "2026-03-10T12:00:00Z")
    ordinary_records.look_at([{**record, "tenantId": record["tenantId"] + padding}], noticed)

    assert noticed.seen
    assert not noticed.spelled
