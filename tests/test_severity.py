"""The order of severities and outcomes, and the revisions that follow from it."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from grantwatch.judgement.revision import ANNOUNCED_FOR, revised
from grantwatch.memory.entities import Published
from grantwatch.model.severity import Outcome, Severity, severity_of
from tests.strategies import stable
from tests.world import NOON

severities, outcomes = st.sampled_from(Severity), st.sampled_from(Outcome)


def test_severities_and_outcomes_rise_in_the_order_of_their_definition() -> None:
    for members in (list(Severity), list(Outcome)):
        assert all(less < more and more > less and less <= more and less != more for less, more in pairwise(members))
        assert sorted(sorted(members, key=str)) == members
        assert max(members) is members[-1]
    assert [str(each) for each in Outcome] == ["Attempted", "Accepted", "Failed", "Succeeded"]
    assert [str(each) for each in Severity] == ["Informational", "Low", "Medium", "High"]


@given(severities, st.integers(0, 9))
def test_lowering_stops_at_the_least(severity: Severity, steps: int) -> None:
    assert severity.lowered(steps).rank == max(0, severity.rank - steps)


@given(severities)
def test_a_failed_call_is_two_lower_and_never_above_low(severity: Severity) -> None:
    failed = severity_of(severity, Outcome.FAILED)

    assert failed == min(severity.lowered(2), Severity.LOW)
    assert severity_of(severity, Outcome.ATTEMPTED) is Severity.INFORMATIONAL
    assert severity_of(severity, Outcome.ACCEPTED) is severity_of(severity, Outcome.SUCCEEDED) is severity


_COLUMNS = ("Severity", "Outcome", "GrantStatus", "RecipientId", "Withdrawn", "Evidence")
contents = st.tuples(
    severities,
    outcomes,
    st.sampled_from((None, "Open", "Revoked")),
    st.sampled_from((None, "a", "b")),
    st.booleans(),
    st.integers(0, 1),
).map(lambda values: {**dict(zip(_COLUMNS, values, strict=True)), "GrantId": None, "Grants": []})


@stable(300)
@given(st.lists(contents, min_size=1, max_size=8))
def test_a_revision_counts_up_only_when_the_content_changes(history: list[dict[str, Any]]) -> None:
    published: Published | None = None
    previous: dict[str, Any] | None = None
    highest: Severity | None = None
    for told in history:
        after = revised(published, told, NOON, is_published=True)
        if told == previous:
            assert after is published
        else:
            assert after.revision == (published.revision + 1 if published else 1)
            assert after.reason
            raised = highest is None or told["Severity"] > highest
            assert after.raised_to == (told["Severity"] if raised else None)
            highest = told["Severity"] if highest is None else max(highest, told["Severity"])
            assert after.highest == highest
        published, previous = after, told


def content(number: int, severity: Severity = Severity.HIGH) -> dict[str, Any]:
    columns = dict(zip(_COLUMNS, (severity, Outcome.SUCCEEDED, None, None, False, number), strict=True))
    return {**columns, "GrantId": None, "Grants": []}


def test_a_severity_that_nobody_heard_of_is_announced_when_it_comes_back() -> None:
    """Whoever stored it died, and the next who stored something published a lesser one."""
    unheard = revised(None, content(1), NOON, is_published=False)
    lesser = revised(unheard, content(2, Severity.LOW), NOON, is_published=False)
    again = revised(lesser, content(3), NOON, is_published=True)
    later = revised(again, content(4), NOON, is_published=True)

    assert [each.raised_to for each in (lesser, again, later)] == [Severity.LOW, Severity.HIGH, None]


def test_a_severity_is_announced_until_somebody_has_heard_of_it() -> None:
    first = revised(None, content(1), NOON, is_published=False)
    unheard = revised(first, content(2), NOON, is_published=False)
    heard = revised(unheard, content(3), NOON, is_published=True)
    later = revised(first, content(2), NOON + ANNOUNCED_FOR, is_published=False)

    assert [each.raised_to for each in (first, unheard, heard, later)] == [Severity.HIGH, Severity.HIGH, None, None]
