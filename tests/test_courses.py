"""Findings made of findings, as functions of the steps that they are shown."""

from collections.abc import Sequence
from dataclasses import replace as with_fields
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.account_keys_read_in_bulk import account_keys_read_in_bulk
from detectors.catalogue import CATALOGUE
from detectors.exfiltration_campaign import exfiltration_campaign
from detectors.grant_left_open import grant_left_open
from detectors.grants_denied_in_bulk import grants_denied_in_bulk
from grantwatch.detection.detector import Detector
from grantwatch.detection.match import Match
from grantwatch.memory import facts
from grantwatch.memory.facts import Note, joined
from grantwatch.memory.notes import note_of
from grantwatch.memory.windows import Windows
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.attack import Stage
from grantwatch.model.campaign import campaign_in, is_of_one_person
from grantwatch.model.course import MOST_STEPS, WINDOWS_OF_A_COURSE, Course, Step, Window
from grantwatch.model.grant import Grant, GrantKind
from grantwatch.model.resource import resource_of
from grantwatch.model.severity import Outcome, Severity
from tests.courses import account, course_of, said_of, some_steps, standing, step
from tests.strategies import stable
from tests.world import NOON, SUBSCRIPTION

OF_COURSES = [detector for detector in CATALOGUE if detector.on is Course]
every_detector = pytest.mark.parametrize("detector", OF_COURSES, ids=lambda detector: detector.name)
TARGET = ("target", "an account")

opened = step("opened", 0, stage=Stage.WEAKENING, severity=Severity.MEDIUM, grant=None)
keys = step("keys", 60)
used = step("used", 120, stage=Stage.USE, actor=Actor(), grant=None)
deleted = step("deleted", 180, stage=Stage.DESTRUCTION, severity=Severity.INFORMATIONAL, grant=None)
THEFT = (opened, keys, used, deleted)


def names(steps: Sequence[Step]) -> list[str]:
    return [each.finding for each in steps]


@given(steps=some_steps(), more=some_steps())
@stable(300)
def test_more_steps_never_make_less_of_a_campaign(steps: list[Step], more: list[Step]) -> None:
    both = [*steps, *(replace(each, finding=f"more {each.finding}") for each in more)]
    assert set(names(campaign_in(steps))) <= set(names(campaign_in(both)))


@given(steps=some_steps(), order=st.randoms(use_true_random=False))
@stable(200)
def test_a_campaign_does_not_depend_on_the_order_in_which_its_steps_are_given(steps: list[Step], order: object) -> None:
    shuffled = list(steps)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(names(campaign_in(shuffled))) == sorted(names(campaign_in(steps)))


@given(steps=some_steps())
@stable(300)
def test_a_campaign_is_made_of_chains_of_three_stages(steps: list[Step]) -> None:
    """The clever way finds what trying all chains of three finds."""
    story = campaign_in(steps)
    assert all(each.stage and each.took_effect for each in story)
    if story:
        counting = [each for each in steps if each in story or _may_count(each)]
        assert set(names(story)) == {each.finding for three in _chains(counting) for each in three}


def _may_count(each: Step) -> bool:
    loud = each.severity > Severity.INFORMATIONAL or each.stage in (Stage.ACCESS, Stage.DESTRUCTION)
    return each.stage is not None and each.took_effect and loud


def _chains(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    ordered = sorted(steps, key=lambda each: each.stage.rank if each.stage else 0)
    return [
        three
        for three in combinations(ordered, 3)
        if all(
            one.stage and other.stage and one.stage < other.stage and one.at <= other.at + timedelta(minutes=30)
            for one, other in pairwise(three)
        )
    ]


@given(steps=some_steps())
@stable(100)
@every_detector
def test_a_void_step_never_counts(detector: Detector, steps: list[Step]) -> None:
    valid = [each for each in steps if not each.void]
    told = [match.related for match in standing(detector, steps)]
    assert all(set(related) <= set(names(valid)) for related in told)
    if all(each.void for each in steps):
        assert not told


@given(steps=some_steps())
@stable(100)
@every_detector
def test_a_course_has_one_match_at_most(detector: Detector, steps: list[Step]) -> None:
    assert len(said_of(detector, steps)) <= 1


@given(steps=some_steps())
@stable(100)
@every_detector
def test_what_was_reported_is_withdrawn_once_all_of_it_is_void(detector: Detector, steps: list[Step]) -> None:
    if standing(detector, steps):
        matches = said_of(detector, [replace(each, void=True) for each in steps])
        assert [match.void for match in matches] == [True]


@pytest.mark.parametrize("stages", [three for three in combinations(THEFT, 3) if keys in three])
def test_any_three_stages_in_their_order_are_a_campaign(stages: tuple[Step, ...]) -> None:
    medium = [replace(each, severity=max(each.severity, Severity.MEDIUM)) for each in stages]
    assert campaign_in(medium) == tuple(medium)


@pytest.mark.parametrize("stages", [*combinations(THEFT, 2), *combinations(THEFT, 1)])
def test_two_stages_never_are_one(stages: tuple[Step, ...]) -> None:
    assert not campaign_in([replace(each, severity=Severity.HIGH) for each in stages])


def test_stages_in_the_opposite_order_are_no_campaign() -> None:
    assert not campaign_in([replace(each, at=NOON + timedelta(hours=9 - n)) for n, each in enumerate(THEFT)])


@pytest.mark.parametrize(("minutes", "is_campaign"), [(30, True), (31, False)])
def test_half_an_hour_of_disorder_is_tolerated(minutes: int, is_campaign: bool) -> None:
    early = replace(keys, at=opened.at - timedelta(minutes=minutes))
    assert bool(campaign_in([opened, early, deleted])) is is_campaign


def test_what_is_nowhere_medium_is_no_campaign() -> None:
    assert not campaign_in([replace(each, severity=min(each.severity, Severity.LOW)) for each in THEFT])


def test_a_weakening_that_was_explained_does_not_count() -> None:
    assert not campaign_in(
        [replace(opened, severity=Severity.INFORMATIONAL), replace(keys, severity=Severity.MEDIUM), deleted]
    )


def test_a_deletion_elsewhere_is_not_the_end_of_a_theft() -> None:
    assert not campaign_in([opened, keys, replace(deleted, target=account("another"))])


def test_what_lies_in_a_weakened_vault_is_a_place_of_the_theft() -> None:
    vault = SUBSCRIPTION.resource("backup", "Microsoft.RecoveryServices/vaults", "safe")
    inside = replace(deleted, target=f"{vault}/backupFabrics/Azure/protectionContainers/one")
    assert campaign_in([replace(opened, target=vault), keys, inside])


def test_keys_read_all_over_a_subscription_make_no_place_of_it() -> None:
    lock = replace(opened, target=account("locked"))
    bulk = replace(keys, target=f"/subscriptions/{SUBSCRIPTION.id}", severity=Severity.MEDIUM, grant=None)
    assert not campaign_in([lock, bulk, deleted])


def test_a_disk_that_is_opened_and_deleted_is_housekeeping_beside_a_weakening_elsewhere() -> None:
    disk = SUBSCRIPTION.resource("servers", "Microsoft.Compute/snapshots", "nightly")
    access = replace(keys, target=disk, severity=Severity.MEDIUM, grant=Grant(GrantKind.DISK_ACCESS, keys.at))
    assert not campaign_in([opened, access, replace(deleted, target=disk)])


def test_the_course_of_a_target_leaves_to_an_actor_what_that_actor_did_alone() -> None:
    alone = [opened, keys, deleted]
    assert is_of_one_person(alone)
    assert standing(exfiltration_campaign, alone)
    assert not standing(exfiltration_campaign, alone, TARGET)


def test_a_sas_that_nobody_is_known_to_have_used_stays_part_of_the_story_of_its_account() -> None:
    (of_three,) = standing(exfiltration_campaign, [opened, keys, used], TARGET)
    (of_four,) = standing(exfiltration_campaign, [opened, keys, used, deleted], TARGET)
    assert of_three.severity is None
    assert of_four.severity is Severity.MEDIUM
    assert of_four.related == (*of_three.related, "deleted")


def test_one_campaign_is_told_once_though_it_lies_in_two_courses() -> None:
    """Windows begin with every step, also behind the end of a course; what they tell is told already."""
    length = Windows().campaign * WINDOWS_OF_A_COURSE
    late = [replace(each, finding=f"{each.finding} again", at=each.at + timedelta(hours=5)) for each in THEFT]
    course = course_of([*THEFT, *late])
    assert course.begins is not None
    shift = course.begins + length - timedelta(hours=4) - NOON
    steps = [replace(each, at=each.at + shift) for each in (*THEFT, *late)]
    courses: dict[tuple[str, ...], list[Step]] = {}
    for each in steps:
        for natural in Windows().keys(("actor", "ada"), Window.CAMPAIGN, each.at):
            courses.setdefault(natural, []).append(each)
    told = [
        match.related
        for natural, its in courses.items()
        for match in exfiltration_campaign(with_fields(course_of(its), begins=datetime.fromisoformat(natural[-1])))
        if isinstance(match, Match) and not match.void
    ]
    assert [len(related) for related in told] == [len(steps)]


def test_the_course_of_a_target_tells_what_several_did() -> None:
    several = [opened, replace(keys, actor=Actor(id="gus"), severity=Severity.HIGH), used]
    (match,) = standing(exfiltration_campaign, several, TARGET)
    assert match.related == ("opened", "keys", "used")
    assert match.target == resource_of(opened.target)
    assert match.evidence["Stages"] == ("Weakening", "Access", "Use")
    assert match.evidence["Actors"] == ("gus", "ada")  # Gus did the worst, and comes first
    assert match.summary.startswith("gus and ada: ")


@pytest.mark.parametrize("named", [0, 1])
def test_one_person_is_named_once_though_some_logs_know_no_name(named: int) -> None:
    known, unknown = Actor(id="ada", upn="ada@contoso.example"), Actor(id="ada")
    actors = (known, unknown) if named == 0 else (unknown, known)
    several = [replace(opened, actor=actors[0]), replace(keys, actor=actors[1]), used, deleted]
    (match,) = standing(exfiltration_campaign, several)

    assert match.evidence["Actors"] == ("ada@contoso.example",)
    assert match.summary.startswith("ada@contoso.example: ")


def test_a_platform_service_is_nobody_s_course() -> None:
    service = replace(keys, actor=Actor(id="backup", kind=ActorKind.PLATFORM_SERVICE))
    for detector in (account_keys_read_in_bulk, grants_denied_in_bulk, exfiltration_campaign):
        assert detector.subjects is not None
        assert not list(detector.subjects(service))


@pytest.mark.parametrize(
    ("detector", "changed", "counts"),
    [
        (account_keys_read_in_bulk, replace(keys, outcome=Outcome.FAILED), False),
        (account_keys_read_in_bulk, replace(keys, severity=Severity.HIGH), True),
        (grants_denied_in_bulk, keys, False),
        (grants_denied_in_bulk, replace(keys, outcome=Outcome.FAILED), True),
        (exfiltration_campaign, replace(keys, void=True), False),
        (exfiltration_campaign, replace(opened, severity=Severity.INFORMATIONAL), False),
        (exfiltration_campaign, replace(deleted, severity=Severity.INFORMATIONAL), True),
    ],
)
def test_only_what_may_count_is_gathered(detector: Detector, changed: Step, counts: bool) -> None:
    assert detector.subjects is not None
    assert bool(list(detector.subjects(changed))) is counts


def _of_accounts(number: int, every: float = 1, **more: object) -> list[Step]:
    return [step(str(place), place * every, target=account(f"account{place}"), **more) for place in range(number)]


@pytest.mark.parametrize(
    ("accounts", "severity"), [(4, None), (5, Severity.MEDIUM), (19, Severity.MEDIUM), (20, Severity.HIGH)]
)
def test_keys_of_five_accounts_are_many_and_of_twenty_too_many(accounts: int, severity: Severity | None) -> None:
    found = [match.severity or Severity.MEDIUM for match in standing(account_keys_read_in_bulk, _of_accounts(accounts))]
    assert found == ([severity] if severity else [])


@pytest.mark.parametrize(("accounts", "told"), [(MOST_STEPS, 256), (MOST_STEPS + 1, "256 or more")])
def test_accounts_are_counted_to_256(accounts: int, told: object) -> None:
    (match,) = standing(account_keys_read_in_bulk, _of_accounts(accounts, every=0.1))
    assert match.evidence["Accounts"] == told


@pytest.mark.parametrize(("targets", "is_told"), [(9, False), (10, True)])
def test_ten_refusals_are_many(targets: int, is_told: bool) -> None:
    refused = _of_accounts(targets, outcome=Outcome.FAILED)
    assert bool(standing(grants_denied_in_bulk, refused)) is is_told
    assert not standing(grants_denied_in_bulk, _of_accounts(targets))


def _left_open(**more: object) -> Match | None:
    overdue = NOON + timedelta(days=1)
    left = replace(keys, overdue=overdue, severity=Severity.MEDIUM, containment="az close", **more)
    return next(iter(standing(grant_left_open, [left])), None)


def test_a_grant_left_open_is_the_grant_of_its_finding() -> None:
    match = _left_open()
    assert match is not None
    assert match.grant is not None
    assert match.grant.of == keys.finding
    assert (match.severity, match.containment) == (Severity.MEDIUM, "az close")
    assert match.at == NOON + timedelta(days=1)


@pytest.mark.parametrize(("hours", "is_told"), [(24, False), (25, True)])
def test_a_grant_that_was_ended_in_time_is_not_reported(hours: int, is_told: bool) -> None:
    match = _left_open(closed=NOON + timedelta(hours=hours))
    assert bool(match) is is_told
    assert match is None or (match.containment is None and match.summary.endswith("ended 1 hour later."))


@given(steps=some_steps())
@stable(100)
def test_windows_hold_whatever_belongs_together_and_none_lies_in_another(steps: list[Step]) -> None:
    course = course_of(steps, length=timedelta(hours=1))
    windows = [set(names(window)) for window in course.windows]
    assert all(not one <= other for one in windows for other in windows if one is not other)
    begin = [each for each in course.steps if course.begins and each.at < course.begins + course.window]
    for first in begin:
        within = {each.finding for each in course.steps if first.at <= each.at < first.at + course.window}
        assert any(within <= window for window in windows)


def test_a_course_of_some_findings_tells_of_them_alone() -> None:
    course = with_fields(course_of(THEFT), steps=THEFT)
    assert course.of(["used"]).actor == used.actor
    assert course.of([]) == course


def test_the_worst_that_somebody_known_did_speaks_for_a_course() -> None:
    pipeline, thief = Actor(id="terraform"), Actor(id="gus")
    ordinary = replace(opened, severity=Severity.INFORMATIONAL, actor=pipeline)
    for steps in ((ordinary, replace(keys, actor=thief), used), (used, replace(keys, actor=thief), ordinary)):
        course = with_fields(course_of(steps), steps=steps)
        assert used.severity is keys.severity > ordinary.severity
        assert (course.actor, course.resource, course.name) == (thief, keys.resource, keys.operation)
    assert with_fields(course_of((ordinary, used)), steps=(ordinary, used)).actor == used.actor


def test_of_two_notes_that_rest_on_as_much_the_earlier_holds() -> None:
    late, early = (Note(known=2, step=replace(used, at=NOON + timedelta(minutes=n))) for n in (9, 3))
    assert joined({"a": late}, {"a": early}) == joined({"a": early}, {"a": late}) == {"a": early}


@given(steps=some_steps(), random=st.randoms(use_true_random=False))
@stable(200)
def test_of_too_many_steps_the_same_remain_in_whatever_order_they_are_told(steps: list[Step], random: Random) -> None:
    notes = {each.finding: note_of(each, exfiltration_campaign, Windows(), 1) for each in steps}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts, "MOST_STEPS", 5)
        at_once, one_by_one = joined({}, notes), dict[str, Note]()
        for name in random.sample(list(notes), len(notes)):
            one_by_one = joined(one_by_one, {name: notes[name]})
        kept = [note.step for note in at_once.values() if note.step]

    assert at_once == one_by_one
    assert len(kept) == min(6, len(steps))
    distinct = {each.likeness(Windows().campaign) for each in steps if not each.void}
    assert len({each.likeness(Windows().campaign) for each in kept if not each.void}) >= min(6, len(distinct))
