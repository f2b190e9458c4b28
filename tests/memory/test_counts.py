"""Counting is a set union with a bound: order, grouping and repetition do not matter, and errors are small."""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.errors import StateUnavailableError
from grantwatch.memory.counts import (
    MOST_EXACT,
    amount_of,
    bucket_of,
    packed,
    sample_of,
    unpacked,
)
from grantwatch.model.transfer import MOST_BYTES, Transfer
from grantwatch.model.volume import BUCKET, MOST_OBJECTS, distinct
from grantwatch.wire.transfers import transfer_of
from tests.strategies import stable
from tests.world import NOON, sas_read

transfers = st.lists(st.builds(Transfer, st.integers(0, 30), st.integers(0, 9), st.integers(0, 5)), max_size=20)
seeds = st.integers(0, 2**32)
sizes = st.sampled_from((0, 1, 700, MOST_EXACT - 1, MOST_EXACT, MOST_EXACT + 1, 1500, 3000))


def many(number: int, seed: int, objects: int = 2**48) -> list[Transfer]:
    """Requests of ten bytes each, as even as digests are."""
    random = Random(seed)
    return [Transfer(random.getrandbits(64), 10, random.randrange(objects)) for _ in range(number)]


def parts(found: Sequence[Transfer], number: int, random: Random) -> list[list[Transfer]]:
    groups: list[list[Transfer]] = [[] for _ in range(number)]
    for each in found:
        random.choice(groups).append(each)
    return groups


@stable(300)
@given(transfers, transfers, transfers)
def test_adding_is_commutative_associative_and_idempotent(
    first: list[Transfer], second: list[Transfer], third: list[Transfer]
) -> None:
    one = sample_of(first)

    assert sample_of(second, one) == sample_of(first, sample_of(second))
    assert sample_of(third, sample_of(second, one)) == sample_of([*third, *second], one)
    assert sample_of(first, one) == one == sample_of([], one)


@stable(30)
@given(sizes, seeds, st.integers(1, 5))
def test_the_same_is_kept_however_requests_are_grouped_ordered_and_delivered_again(
    number: int, seed: int, groups: int
) -> None:
    found, random = many(number, seed), Random(seed)
    again = [*found, *random.sample(found, number // 2)]
    random.shuffle(again)

    assert reduce(
        lambda sample, part: sample_of(part, sample), parts(again, groups, random), sample_of([])
    ) == sample_of(found)


@stable(30)
@given(sizes, seeds)
def test_counts_are_exact_up_to_the_bound_and_say_so_above_it(number: int, seed: int) -> None:
    found = many(number, seed, objects=MOST_OBJECTS - 1)
    amount = amount_of(NOON, sample_of(found))

    assert amount.estimated == (number > MOST_EXACT)
    assert distinct(amount.objects) == len({each.object for each in found})
    if not amount.estimated:
        assert (amount.at, amount.requests, amount.size) == (NOON, number, 10 * number)


@stable(25)
@given(st.integers(MOST_EXACT + 1, 40_000), seeds)
def test_estimates_are_within_five_standard_errors(number: int, seed: int) -> None:
    amount = amount_of(NOON, sample_of(many(number, seed)))
    error = 5 / sqrt(MOST_EXACT - 1) * number  # 16 % at the very most; 3 % is usual

    assert abs(amount.requests - number) <= error
    assert abs(amount.size - 10 * number) <= 10 * error + 10
    assert number / 2 <= distinct(amount.objects) <= number * 2  # 12 % is usual


@pytest.mark.parametrize("objects", [1, 10, 60])
def test_a_few_objects_that_are_read_all_the_time_stay_a_few(objects: int) -> None:
    random = Random(7)
    names = [random.getrandbits(48) for _ in range(objects)]
    found = [sample_of([Transfer(random.getrandbits(64), 10, each) for each in names * 30]) for _ in range(12)]

    assert distinct(*(amount_of(NOON, each).objects for each in found)) == objects


@stable(60)
@given(st.lists(st.integers(1, 400), min_size=2, max_size=12), seeds)
def test_what_is_known_grows_with_whatever_is_learnt(numbers: list[int], seed: int) -> None:
    sample = sample_of([])
    for place, number in enumerate(numbers):
        more = sample_of(many(number, seed + place), sample)
        assert more.known > sample.known or more == sample
        sample = more


@stable(100)
@given(transfers)
def test_what_is_packed_is_unpacked_the_same(found: list[Transfer]) -> None:
    assert unpacked(packed(sample_of(found))) == sample_of(found)


def test_the_largest_values_are_packed_and_a_full_sample_takes_seventeen_kilobytes() -> None:
    largest = sample_of([Transfer(2**64 - 1, MOST_BYTES, 2**48 - 1)])
    full = sample_of(many(5000, 1))

    assert unpacked(packed(largest)) == largest
    assert unpacked(packed(full)) == full
    assert len(packed(full)) == 3 + 16 * (MOST_EXACT + 1) + 8 * MOST_OBJECTS


def test_a_later_version_waits_for_a_later_program_and_garbage_is_told() -> None:
    with pytest.raises(StateUnavailableError):
        unpacked(b"\x03anything")
    for garbage in (b"", b"\x00", b"\x01", b"\x02\x00\x02too short", b"\x02\x00\x00?", b"\x01\x02\x00too short"):
        with pytest.raises(ValueError, match="no sample"):
            unpacked(garbage)


def test_what_the_first_version_stored_is_read() -> None:
    first = struct.pack("<BHQHIQHIHI", 1, 2, 5, 0, 700, 9, 1, 0, 0, 3)

    assert unpacked(first) == sample_of([Transfer(5, 700, 3), Transfer(9, 2**32, 3)])


@stable(200)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)))
def test_a_moment_lies_in_one_bucket(moment: datetime) -> None:
    begin = bucket_of(moment)

    assert begin <= moment < begin + BUCKET
    assert bucket_of(begin) == begin
    assert (begin.minute % 5, begin.second, begin.microsecond) == (0, 0, 0)


def test_a_record_is_one_request_however_often_it_is_delivered() -> None:
    record = sas_read(1, size=4096)
    request = transfer_of(record)

    assert transfer_of(dict(record)) == request
    assert transfer_of({**record, "correlationId": record["correlationId"].upper()}) == request
    assert request.size == 4096
    assert transfer_of(sas_read(2, size=4096)).digest != request.digest


def test_a_request_that_is_told_with_another_size_is_another_one() -> None:
    """Else one size would take the place of the other in a bucket of which no more is known than before."""
    record = sas_read(1, size=500)
    assert transfer_of(sas_read(1, size=700)).digest != transfer_of(record).digest
    assert transfer_of(record, reads=False).digest != transfer_of(record).digest


def test_records_of_one_copy_are_told_apart_and_absurd_sizes_are_none() -> None:
    record = sas_read(1)
    digests = {
        transfer_of({**record, "properties": {**record["properties"], "operationCount": number}}).digest
        for number in range(3)
    }

    assert len(digests) == 3
    for size, read in (("700", 700), (-5, 0), ("many", 0), (2**70, MOST_BYTES), (None, 0), ([], 0)):
        assert transfer_of({**record, "properties": {"responseBodySize": size}}).size == read
    assert transfer_of({}) == transfer_of({"properties": "{"})
