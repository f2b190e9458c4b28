"""Measure the engine: ``make bench``, or ``python -m tools.bench --help``."""

import argparse
import sys
from random import Random

from rich.console import Console

from tools.bench.cold_start import cold_start
from tools.bench.measure import DisagreementError, pin_to_one_core, timings
from tools.bench.memory import peak_memory
from tools.bench.report import Report, as_json, show
from tools.bench.state import cost_of, memory_of_signatures
from tools.bench.targets import results
from tools.bench.workload import Family, load_of

_RECORDS, _SMOKE_RECORDS = 200_000, 8_000
_MEGABYTES, _SMOKE_MEGABYTES = 1_000, 20
_REPEATS = 7


def main() -> int:
    """Run the benchmark; 0 when all agree and no floor is missed, else 1."""
    arguments = _parser().parse_args()
    smoke = arguments.smoke
    records = arguments.records or (_SMOKE_RECORDS if smoke else _RECORDS)
    repeats = arguments.repeats or (1 if smoke else _REPEATS)
    memory = peak_memory(_SMOKE_MEGABYTES if smoke else _MEGABYTES)
    started = cold_start(repeats)
    pin_to_one_core()
    try:
        measured = [timings(load_of(family, records), repeats) for family in Family]
    except DisagreementError as error:
        Console(stderr=True, soft_wrap=True).print(f"The variants disagree. {error}.")
        return 1
    mixed = [*load_of(Family.STORAGE, records).bodies, *load_of(Family.ACTIVITY, records).bodies]
    Random(0).shuffle(mixed)
    costs = [cost_of("storage and activity", mixed), cost_of(Family.SIGNED, load_of(Family.SIGNED, records).bodies)]
    signatures = memory_of_signatures()
    judged = () if smoke else tuple(results(measured, memory, started, costs, signatures))
    report = Report(repeats, measured, memory, started, costs, signatures, judged)
    if arguments.json:
        sys.stdout.buffer.write(as_json(report) + b"\n")
    else:
        show(report, Console())
    return 0 if report.passed else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description="Compare the whole engine with merely decoding the same bodies and with a hand-written function.",
        epilog="Exits with 1 when the variants disagree or a floor is missed.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, not tables")
    parser.add_argument("--smoke", action="store_true", help="a small load once: compare answers, judge no speed")
    parser.add_argument("--repeats", type=_positive, metavar="N", help=f"rounds of all variants (default: {_REPEATS})")
    parser.add_argument(
        "--records",
        type=_positive,
        metavar="N",
        help=f"storage records, and a quarter as many of Activity (default: {_RECORDS:,})",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
