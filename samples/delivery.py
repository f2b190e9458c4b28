"""How records reach the hub: late, out of order, some twice, and now and then in a broken body."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from tools.azure_records import Layout, Record, enclose, render

_RECORDS_IN_A_BODY = (50, 200)
_DELAY_SECONDS = (180, 600)
_REPEATED_RECORDS = 0.004
_REPEATED_BODIES = 2
_GARBAGE = b'}{"correlationId":"00000000-0000-4000-8000-000000000000","pageNumber":0,"isEnd":true}}]}'


def deliver(rng: Random, records: Iterable[Record], layout: Layout) -> list[bytes]:
    """Return the bodies that carry these records, in order of arrival; some arrive a second time.

    A record takes three to ten minutes, so that the phases of a call change order and fall into different
    bodies.
    """
    arrivals: list[tuple[float, str]] = []
    for record in records:
        text = render(record, layout)
        deliveries = 1 + (rng.random() < _REPEATED_RECORDS)
        arrivals += [(_seconds(record["time"]) + rng.uniform(*_DELAY_SECONDS), text) for _ in range(deliveries)]
    bodies = list(_bodies(rng, [text for _, text in sorted(arrivals)]))
    for _ in range(_REPEATED_BODIES):
        position = rng.randrange(len(bodies))
        bodies.insert(position + 2, bodies[position])
    return bodies


def with_trailing_garbage(records: Iterable[Record]) -> bytes:
    """Return a body after whose end stands the rest of another message."""
    return enclose(map(render, records)) + _GARBAGE


def cut_off(records: Iterable[Record]) -> bytes:
    """Return a body that ends in the middle of its last record."""
    return enclose(map(render, records))[:-180]


def write_json_lines(path: Path, bodies: Iterable[bytes]) -> int:
    """Write one body a line, compressed with neither a name nor a time in the header, and return the size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 5, file, mtime=0) as lines:
        lines.write(b"".join(body + b"\n" for body in bodies))
    return path.stat().st_size


def _bodies(rng: Random, texts: list[str]) -> Iterator[bytes]:
    smallest, largest = _RECORDS_IN_A_BODY
    while texts:
        size = rng.randint(smallest, largest - smallest)
        if len(texts) - size < smallest:
            size = len(texts)
        yield enclose(texts[:size])
        texts = texts[size:]


def _seconds(time: str) -> float:
    """Return the second of the day; function logs write their time in a notation of their own."""
    clock = time[11:19]
    return int(clock[:2]) * 3600 + int(clock[3:5]) * 60 + int(clock[6:8])
