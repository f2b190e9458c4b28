"""The incident stories of samples/stories, each against the findings in which it is to end."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from detectors.catalogue import CATALOGUE
from grantwatch.model.finding import Finding
from grantwatch.model.severity import Severity
from grantwatch.settings import Settings
from samples import stories as stories_package
from samples.stories.__main__ import main
from samples.stories.catalogue import STORIES
from samples.stories.story import Story
from tests.support import Expectation, content, encoded, found, is_met, shown
from tools.azure_records import Record

README = Path(stories_package.__file__).with_name("README.md")
RUNNING = {detector.name for detector in CATALOGUE}

# What is said too loudly of what is ordinary, and why.
TOO_LOUD = {
    # The analyst at home: whoever reads keys from a network that is not ours is told of.
    ("portal_day", "account_keys_read"),
}

stories = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)


def told(story: Story, records: Sequence[Record]) -> list[Finding]:
    """What is known when these records of a story were read, in bodies of twenty."""
    bodies = [encoded(records[start : start + 20]) for start in range(0, len(records), 20)]
    return found(bodies, Settings(**story.ending.settings))


def unlisted(story: Story, findings: Sequence[Finding]) -> list[Finding]:
    """Findings of detectors that the ending does not name, and that are worse than it allows."""
    named = {expected["Detector"] for expected in story.ending.expect}
    most = Severity(story.ending.others_at_most)
    return [each for each in findings if each.Detector not in named and each.Severity > most]


@stories
def test_a_story_ends_in_the_findings_beside_it(story: Story) -> None:
    findings = told(story, story.records)
    expected: list[Expectation] = [each for each in story.ending.expect if each["Detector"] in RUNNING]
    named = {each["Detector"] for each in expected}

    assert findings
    for detector in named:
        of_it = [each for each in findings if each.Detector == detector]
        wanted = [each for each in expected if each["Detector"] == detector]
        assert is_met(wanted, of_it), f"{story.name}: {shown(wanted, of_it)}"
    excess = [each for each in unlisted(story, findings) if (story.name, each.Detector) not in TOO_LOUD]
    assert not excess, shown((), excess)


@stories
def test_a_story_ends_the_same_in_any_order_and_told_twice(story: Story) -> None:
    records = story.records
    ending = content(told(story, records))
    random = Random(story.name)
    shuffled, doubled = random.sample(records, len(records)), [each for each in records for _ in range(2)]

    assert content(told(story, shuffled)) == ending
    assert content(told(story, [*records, *records])) == ending
    assert content(told(story, random.sample(doubled, len(doubled)))) == ending


@pytest.mark.parametrize(("name", "detector"), sorted(TOO_LOUD))
def test_what_is_too_loud_is_so_still(name: str, detector: str) -> None:
    story = next(each for each in STORIES if each.name == name)
    assert detector in {each.Detector for each in unlisted(story, told(story, story.records))}


def test_every_detector_that_a_story_names_runs() -> None:
    named = {expected["Detector"] for story in STORIES for expected in story.ending.expect}
    assert named <= RUNNING


@stories
def test_an_ending_lists_nothing_above_what_a_benign_story_allows(story: Story) -> None:
    ending = story.ending
    assert ending.sentence.endswith(".")
    assert ending.others_at_most in ("Low", "Informational")
    if ending.others_at_most == "Informational":
        assert all(expected["Severity"] == "Informational" for expected in ending.expect)


@stories
def test_every_story_is_told_in_the_readme(story: Story) -> None:
    assert f"\n**{story.name}**, " in README.read_text(encoding="utf-8")


def test_written_logs_are_the_same_bytes_each_time_and_tell_the_same(tmp_path: Path) -> None:
    main(["--out", str(tmp_path / "once")])
    command = (sys.executable, "-m", "samples.stories", "--out", str(tmp_path / "again"))
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True)

    assert digests(tmp_path / "once") == digests(tmp_path / "again")
    for story in STORIES:
        bodies = [
            body for path in (tmp_path / "once" / story.name).iterdir() for body in path.read_bytes().splitlines()
        ]
        findings = found(bodies, Settings(**story.ending.settings))
        assert content(findings) == content(told(story, story.records))


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_command_refuses_a_story_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fairy_tale"])
    assert "disk_export" in capsys.readouterr().err
