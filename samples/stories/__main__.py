"""Write the logs of incident stories as files: python -m samples.stories --out samples/build/stories."""

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from samples.stories.catalogue import STORIES
from samples.stories.story import Ending, Story

_NAMES = {story.name: story for story in STORIES}
_OPTIONS = {
    "owner_tenant_id": "--owner-tenant",
    "own_networks": "--own-network",
    "own_subscriptions": "--own-subscription",
    "expected_principals": "--expected-principal",
}


def main(arguments: list[str] | None = None) -> None:
    """Write the stories asked for, and say on standard error how to replay each."""
    given = _parser().parse_args(arguments)
    for story in given.stories or STORIES:
        _write(story, given.out / story.name)


def _write(story: Story, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, bodies in story.logs.items():
        (folder / name).write_bytes(b"".join(body + b"\n" for body in bodies))
    ending = story.ending
    program = (sys.orig_argv[0], "-m", "grantwatch")
    replay = shlex.join((*program, "replay", str(folder), "--store", ":memory:", *_told(ending)))
    sys.stderr.write(f"{story.name}: {len(story.records):,} records. {ending.sentence}\n  {replay}\n")


def _told(ending: Ending) -> Iterator[str]:
    """Yield what the organisation told of itself, as options of the replay."""
    for name, value in ending.settings.items():
        for each in [value] if isinstance(value, str) else value:
            yield from (_OPTIONS[name], each)


def _named(name: str) -> Story:
    if name not in _NAMES:
        raise argparse.ArgumentTypeError(f"there is no story {name!r}, but there are {', '.join(_NAMES)}")
    return _NAMES[name]


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, _NAMES))
    parser = argparse.ArgumentParser(
        prog="python -m samples.stories",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Write the logs of incident stories, a folder for each: activity-log.jsonl and storage-log.jsonl, one\n"
            "Event Hubs message body a line, in order of time, the same bytes every time. The findings in which a\n"
            "story ends are in samples/stories/NAME.json. For each story the command that replays it is printed.\n\n"
            "stories:\n" + "\n".join(f"  {story.name:{width}}  {story.ending.sentence}" for story in STORIES)
        ),
        epilog="example:\n  python -m samples.stories --out samples/build/stories storm portal_day",
    )
    parser.add_argument("stories", nargs="*", type=_named, metavar="NAME", help="stories to write (default: all)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("samples/build/stories"),
        metavar="DIR",
        help="where to write the folders (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
