"""Commands that people are told to type work as they stand, on a checkout on which nothing is installed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grantwatch.cli.app import app
from tests.world import body_of, disk_access

ROOT = Path(__file__).parents[1]
# Where commands are named for their own sake: what was changed, decided and assumed.
OF_RECORD = {"CHANGELOG.md", "docs/design.md", "docs/assumptions.md"}
PAGES = [
    str(path.relative_to(ROOT))
    for folder in ("", "docs", "samples", "samples/stories")
    for path in sorted((ROOT / folder).glob("*.md"))
    if str(path.relative_to(ROOT)) not in OF_RECORD
]
COMMANDS = sorted(str(each.name) for each in app.registered_commands)
BARE = re.compile(rf"(?<!python -m )\bgrantwatch (?:{'|'.join(COMMANDS)})\b")
ON_SOME_PYTHON = re.compile(r"(?<!\.venv/bin/)\bpython3? -m \S+")


def typed(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_the_python_that_has_what_is_needed(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    assert not BARE.findall(text) + ON_SOME_PYTHON.findall(text)


@pytest.mark.parametrize("command", [[], *([each] for each in COMMANDS)], ids=str)
def test_help_names_no_program_that_is_not_installed(command: list[str]) -> None:
    said = " ".join(CliRunner().invoke(app, [*command, "--help"], prog_name="python -m grantwatch").stdout.split())

    assert f"Usage: {' '.join(['python -m grantwatch', *command])} [OPTIONS]" in said
    assert not BARE.findall(said)


def test_what_replay_and_errors_say_to_type_next_works_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "my log.json").write_bytes(body_of(disk_access()))
    python = f"PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -m grantwatch"
    replayed = typed(f"{python} replay 'my log.json' --store 'my store.duckdb'", tmp_path)
    refused = typed(f"{python} replay", tmp_path)
    advised = [line for line in replayed.stderr.splitlines() if line.startswith("  ")]
    advised += re.findall("Try '(.*)' for help", refused.stderr)

    assert len(advised) == 3
    for command in advised:
        answer = typed(f"export PYTHONPATH={shlex.quote(str(ROOT))}; {command}", tmp_path)
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout


def test_the_replay_of_a_story_works_as_it_is_told(tmp_path: Path) -> None:
    told = typed(f"{shlex.quote(sys.executable)} -m samples.stories --out '{tmp_path}/of mine' disk_export", ROOT)
    (command,) = [line for line in told.stderr.splitlines() if line.startswith("  ")]

    assert "Disk access granted" in typed(command, ROOT).stdout
