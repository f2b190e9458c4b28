"""What others say under a match's topics, and what it makes of the match."""

from datetime import timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantwatch.detection.match import Closing, CounterFact, Match, Naming, Setting, Statement, ending
from grantwatch.memory.resolution import Resolved, resolved
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.life import ACCESS
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity
from tests.strategies import stable
from tests.world import NOON

TOPIC = ("topic", "/r")
MINUTE = timedelta(minutes=1)
TENANT = Recipient(RecipientKind.TENANT, "one", "one")


def setting(value: str = "true", minutes: int = 0, *, whole: bool = False, is_default: bool = False) -> Setting:
    return Setting(
        topic=TOPIC, values=frozenset(value.split()), at=NOON + minutes * MINUTE, whole=whole, is_default=is_default
    )


def match(**more: object) -> Match:
    grant = Grant(GrantKind.DISK_ACCESS, NOON)
    fields = {"summary": "s", "target": ResourceId("/r"), "at": NOON, "grant": grant} | more
    return Match(**fields)  # type: ignore[arg-type]


def judge(of: Match, *statements: Statement, certain: bool = True) -> Resolved:
    results = [resolved(of, Severity.MEDIUM, order, certain=certain) for order in permutations(statements)]
    assert all(each == results[0] for each in results), "the order of statements matters"
    return results[0]


def test_a_match_of_which_nobody_speaks_has_the_detectors_severity() -> None:
    assert judge(match()).severity is Severity.MEDIUM
    assert judge(match(severity=Severity.HIGH)).severity is Severity.HIGH


def closing(minutes: int, part: str | None = None, resource: str = "/r") -> Closing:
    return Closing(topic=ending(ResourceId(resource)), at=NOON + minutes * MINUTE, part=part)


def keys_held(**more: Any) -> Match:
    return match(grant=Grant(GrantKind.ACCOUNT_KEYS, NOON, **more))


def test_a_grant_ends_with_the_first_closing_after_it_was_opened() -> None:
    assert judge(match(), closing(-5), closing(9), closing(3)).closed == NOON + 3 * MINUTE
    assert judge(match(), closing(-5)).closed is None
    assert judge(match(), closing(3, resource="/other")).closed is None
    assert judge(match(grant=None), closing(3)).closed is None


def test_a_grant_that_rests_on_one_part_ends_when_that_part_does() -> None:
    assert judge(match(), closing(3, ACCESS), closing(1, "another part")).closed == NOON + 3 * MINUTE


def test_a_grant_that_rests_on_two_parts_ends_when_both_have() -> None:
    renewals = [closing(-2, "key2"), closing(1, "key1"), closing(4, "key1"), closing(9, "key2")]

    assert judge(keys_held(), *renewals).closed == NOON + 9 * MINUTE
    assert judge(keys_held(), *renewals[:3]).closed is None
    assert judge(keys_held(), *renewals, closing(6)).closed == NOON + 6 * MINUTE
    assert judge(keys_held(rests_on=("key1",)), *renewals).closed == NOON + 1 * MINUTE


def test_a_grant_that_was_used_after_a_closing_had_not_ended() -> None:
    used = keys_held(rests_on=("key1",), last_used=NOON + 2 * MINUTE)

    assert judge(used, closing(1, "key1")).closed is None
    assert judge(used, closing(1, "key1"), closing(3, "key1")).closed == NOON + 3 * MINUTE


def test_a_grant_ends_with_what_it_is_and_with_all_that_its_resource_lies_in() -> None:
    group = "/subscriptions/s/resourceGroups/g"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/a"
    container = f"{account}/blobServices/default/containers/c"
    assignment = f"{container}/providers/Microsoft.Authorization/roleAssignments/r"
    grant = Grant(GrantKind.ROLE_ASSIGNMENT, NOON, carrier=assignment)
    of = match(target=ResourceId(container), grant=grant)

    for ended in (assignment, container, account, group):
        assert judge(of, closing(1, resource=ended.upper())).closed == NOON + MINUTE
    for other in (f"{account}x", f"{group}x", "/subscriptions/s"):
        assert judge(of, closing(1, resource=other)).closed is None


def test_a_grant_follows_every_resource_that_it_lies_in_but_no_service_that_is_always_there() -> None:
    group = "/subscriptions/s/resourceGroups/g"
    collection = f"{group}/providers/Microsoft.Compute/restorePointCollections/c"
    point = f"{collection}/restorePoints/p"
    disk = f"{point}/diskRestorePoints/d"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/a"
    container = f"{account}/blobServices/default/containers/default"

    for target, places in ((disk, (disk, point, collection, group)), (container, (container, account, group))):
        of = match(target=ResourceId(target))
        assert of.closed_by == tuple(ending(ResourceId(place)) for place in places)


@stable(200)
@given(st.lists(st.tuples(st.integers(-9, 9), st.sampled_from((None, "key1", "key2", "other"))), max_size=6))
def test_no_grant_ends_before_it_was_opened_and_more_closings_never_end_it_later(
    told: list[tuple[int, str | None]],
) -> None:
    closings = [closing(minutes, part) for minutes, part in told]
    ends = [resolved(keys_held(), Severity.LOW, closings[:count]).closed for count in range(len(closings) + 1)]

    assert all(end is None or end >= NOON for end in ends)
    assert all(later is not None and later <= sooner for sooner, later in pairwise(ends) if sooner is not None)


def test_a_counter_fact_near_in_time_lowers_the_match_and_gives_its_reason() -> None:
    near = CounterFact(topic=TOPIC, at=NOON - 30 * MINUTE, reason="ours")
    far = CounterFact(topic=TOPIC, at=NOON + 31 * MINUTE, reason="far")

    countered = judge(match(countered_by=(TOPIC,)), near, far)
    assert (countered.severity, countered.reason, countered.void) == (Severity.INFORMATIONAL, "ours", False)
    assert judge(match(countered_by=(TOPIC,)), far).severity is Severity.MEDIUM
    assert judge(match(countered_by=(("other",),)), near).severity is Severity.MEDIUM


def test_a_value_that_was_the_same_before_is_void() -> None:
    assert judge(match(change=setting()), setting("true", -1), setting("false", -2)).void


def test_a_value_that_was_another_before_counts_in_full_even_in_a_whole_put() -> None:
    changed = judge(match(change=setting(whole=True)), setting("false", -1), setting("true", -2))

    assert (changed.void, changed.severity) == (False, Severity.MEDIUM)


def test_a_list_that_only_shrank_is_void_and_one_that_grew_is_not() -> None:
    assert judge(match(change=setting("a")), setting("a b", -1)).void
    assert not judge(match(change=setting("a b c")), setting("a b", -1)).void


def test_later_values_do_not_matter() -> None:
    assert not judge(match(change=setting()), setting("true", 1), setting("true", 0)).void


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        (setting(), Severity.MEDIUM),
        (setting(whole=True), Severity.LOW),
        (setting(whole=True, is_default=True), Severity.INFORMATIONAL),
    ],
)
def test_an_unknown_value_before_weighs_by_what_the_call_carried(change: Setting, severity: Severity) -> None:
    assert judge(match(change=change)).severity is severity


def test_a_whole_put_never_raises_a_severity() -> None:
    of = match(change=setting(whole=True), severity=Severity.INFORMATIONAL)

    assert judge(of).severity is Severity.INFORMATIONAL


def test_another_record_names_the_recipient() -> None:
    named = judge(
        match(named_by=TOPIC), Naming(topic=TOPIC, at=NOON, recipient=TENANT, evidence={"Offer": "care"})
    ).match

    assert named.recipient == TENANT
    assert named.evidence["Offer"] == "care"


def test_records_that_disagree_about_the_recipient_name_nobody_and_are_shown() -> None:
    other = Recipient(RecipientKind.TENANT, "two", "two")
    named = judge(
        match(named_by=TOPIC), *(Naming(topic=TOPIC, at=NOON, recipient=each) for each in (TENANT, other))
    ).match

    assert named.recipient == UNKNOWN_RECIPIENT
    assert named.evidence["ClaimedRecipients"] == ("one", "two")


def test_when_facts_were_dropped_nothing_speaks_in_favour_of_a_match() -> None:
    of = match(change=setting(whole=True), countered_by=(TOPIC,))
    harmless = (CounterFact(topic=TOPIC, at=NOON, reason="ours"), setting("true", -1))
    uncertain = judge(of, *harmless, certain=False)

    assert (uncertain.severity, uncertain.void) == (Severity.MEDIUM, False)


def test_what_held_before_its_resource_went_does_not_make_the_same_value_void() -> None:
    again = match(change=setting())

    assert not judge(again, setting("true", -9), closing(-5)).void
    assert judge(again, setting("true", -9), closing(-5), setting("true", -1)).void
    assert judge(again, setting("true", -1), closing(-5)).void
    assert judge(again, setting("true", -9), closing(5)).void


def test_what_held_before_its_part_was_shut_out_does_not_make_the_same_value_void() -> None:
    again = match(change=setting())

    assert not judge(again, setting("true", -9), closing(-5, ACCESS)).void
    assert judge(again, setting("true", -9), closing(-5, "another part")).void
