"""The day that ``make demo`` replays, against what its README says is found in it."""

import re
from pathlib import Path

from grantwatch.model.severity import Severity
from grantwatch.settings import Settings
from samples import incident
from samples.estate import CONTOSO
from tests.support import found

README = Path(incident.__file__).with_name("README.md")
ROW = re.compile(r"^\| `(?P<detector>\w+)` \| (?P<worst>\w+) \|", re.MULTILINE)


def test_the_readme_names_every_detector_that_speaks_of_the_day_and_its_worst_finding() -> None:
    told = {row["detector"]: Severity(row["worst"]) for row in ROW.finditer(README.read_text(encoding="utf-8"))}
    worst: dict[str, Severity] = {}
    settings = Settings(owner_tenant_id=CONTOSO.id)
    for finding in found([*incident.activity_log(), *incident.storage_log()], settings):
        worst[finding.Detector] = max(finding.Severity, worst.get(finding.Detector, finding.Severity))

    assert told == worst
