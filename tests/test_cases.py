"""Every detector against its cases: raw records in, findings out."""

import pytest

from detectors.catalogue import CATALOGUE
from grantwatch.detection.detector import Detector
from tests.support import CASES, Case, case_id, cases, found_in, is_met, shown

SORTS = ("fires", "silent", "failed", "attempted")


@pytest.mark.parametrize("case", cases(), ids=case_id)
def test_a_case_yields_exactly_the_findings_it_expects(case: Case) -> None:
    findings = [finding for finding in found_in(case) if finding.Detector in case.detectors]
    assert is_met(case.expect, findings), f"{case.sentence}\n{shown(case.expect, findings)}"


@pytest.mark.parametrize("case", cases(), ids=case_id)
def test_a_case_expects_what_its_name_promises(case: Case) -> None:
    outcomes = [each.get("Outcome") for each in case.expect if each["Detector"] == case.detector]
    match case.name.partition("-")[0]:
        case "fires":
            assert outcomes
        case "silent":
            assert not outcomes
        case "failed":
            assert not outcomes or "Failed" in outcomes
        case sort:
            assert sort in SORTS
            assert set(outcomes) == {sort.capitalize()}


@pytest.mark.parametrize("case", cases(), ids=case_id)
def test_a_case_says_what_it_shows_and_what_it_is_modelled_on(case: Case) -> None:
    assert case.sentence.endswith(".")
    assert "https://learn.microsoft.com/" in case.provenance


@pytest.mark.parametrize("detector", CATALOGUE, ids=lambda detector: detector.name)
@pytest.mark.parametrize("sort", ["fires", "silent", "failed"])
def test_every_detector_has_a_case_of_each_sort(sort: str, detector: Detector) -> None:
    assert any(case.detector == detector.name and case.name.startswith(f"{sort}-") for case in cases())


def test_every_case_folder_is_a_detector_of_the_catalogue() -> None:
    folders = {path.name for path in CASES.iterdir()}
    assert folders == {detector.name for detector in CATALOGUE}
