"""What others say under a match's topics, and what it makes of the match."""

from datetime import timedelta
from itertools import permutations

import pytest

from grantwatch.detection.match import Closing, CounterFact, Match, Naming, Setting, Statement
from grantwatch.memory.resolution import Resolved, resolved
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity
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


def test_a_grant_ends_with_the_first_closing_after_it_was_opened() -> None:
    closings = [Closing(topic=TOPIC, at=NOON + minutes * MINUTE) for minutes in (-5, 9, 3)]

    assert judge(match(closed_by=(TOPIC,)), *closings).closed == NOON + 3 * MINUTE
    assert judge(match(closed_by=(TOPIC,)), closings[0]).closed is None
    assert judge(match(closed_by=(("other",),)), *closings).closed is None
    assert judge(match(), *closings).closed is None


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
    of = match(change=setting(whole=True), countered_by=(TOPIC,), closed_by=(TOPIC,))
    harmless = (CounterFact(topic=TOPIC, at=NOON, reason="ours"), setting("true", -1))
    uncertain = judge(of, *harmless, certain=False)

    assert (uncertain.severity, uncertain.void) == (Severity.MEDIUM, False)
