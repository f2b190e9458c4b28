"""Write the sample day: 2026-03-10 at contoso, ordinary but for one theft; the README tells the story.

python -m samples.incident --out samples/build
"""

import argparse
import sys
from pathlib import Path
from random import Random

from samples import theft
from samples.delivery import cut_off, deliver, with_trailing_garbage, write_json_lines
from samples.ordinary_activity import ordinary_activity
from samples.ordinary_storage import ordinary_storage
from samples.other_families import other_families
from tools.azure_records import Layout, Record

_SEED = 20_260_310
_STORAGE_REQUESTS = 45_900
_CHURN_CALLS = 1_650
_OTHER_RECORDS = 900


def main(arguments: list[str] | None = None) -> None:
    """Write both logs of the day and say so on standard error."""
    out = _parser().parse_args(arguments).out
    _write(out / "activity-log.jsonl.gz", activity_log())
    _write(out / "storage-log.jsonl.gz", storage_log())


def activity_log() -> list[bytes]:
    """Return the bodies of the Activity log's hub, which other families share; two of them are broken."""
    rng = Random(_SEED)
    records = [
        *ordinary_activity(rng, _CHURN_CALLS),
        *theft.activity(rng),
        *other_families(rng, _OTHER_RECORDS),
    ]
    bodies = deliver(rng, records, Layout.COMPACT)
    bodies.insert(len(bodies) // 3, with_trailing_garbage(_noise(rng, 60)))
    bodies.insert(2 * len(bodies) // 3, cut_off(_noise(rng, 60)))
    return bodies


def storage_log() -> list[bytes]:
    """Return the bodies of the hub of the storage logs."""
    rng = Random(_SEED + 1)
    return deliver(rng, [*ordinary_storage(rng, _STORAGE_REQUESTS), *theft.storage(rng)], Layout.SPACED)


def _noise(rng: Random, records: int) -> list[Record]:
    return list(other_families(rng, records))


def _write(path: Path, bodies: list[bytes]) -> None:
    size = write_json_lines(path, bodies)
    records = sum(body.count(b'"time":') for body in bodies)
    sys.stderr.write(f"{path}: {records:,} records in {len(bodies):,} bodies, {size / 1e6:.1f} MB\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m samples.incident",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Write one synthetic day (2026-03-10, UTC) of Azure Activity and storage logs in which a stolen\n"
            "contractor account weakens, reads keys, exports disks, downloads and copies data, and digs in.\n"
            "Each line of the two gzipped files is one Event Hubs message body. The same bytes every time;\n"
            "samples/README.md tells the story and what is found in it."
        ),
        epilog="example:\n  python -m samples.incident --out samples/build",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("samples/build"),
        metavar="FOLDER",
        help="where to write activity-log.jsonl.gz and storage-log.jsonl.gz (default: %(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
