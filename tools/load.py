"""The benchmark load: bodies of storage and Activity records, mostly ordinary, a known share interesting.

Records are stamped from templates that `tools.azure_records` built, so that hundreds of thousands of them
cost seconds, and streamed, so that a gigabyte need not be held. The same arguments give the same bytes.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from tools.azure_records import enclose, signature_hash, timestamp
from tools.load_templates import Call, Templates, activity_templates, storage_templates

SEED = 20_260_310
STORAGE_SHARE = 0.005
ACTIVITY_SHARE = 0.01
SIGNATURES = 40

_START = datetime(2026, 3, 10, tzinfo=UTC)
_STORAGE_RATE = 1_000
_ACTIVITY_RATE = 10
_MAXIMUM_BODY = 1_000_000
_RECORDS_IN_A_BODY = (50, 200)
_ACCOUNTS = 20
_PLACEHOLDER = re.compile(r"@(\w+)@")


def interesting_records(count: int, share: float) -> int:
    """Return how many of `count` generated records are interesting: exactly, not on average."""
    return round(count * share)


def storage_bodies(
    count: int, *, seed: int = SEED, share: float = STORAGE_SHARE, signatures: int = SIGNATURES
) -> list[bytes]:
    """Return message bodies with `count` storage records in all; see `storage_stream`."""
    return list(storage_stream(count, seed=seed, share=share, signatures=signatures))


def activity_bodies(count: int, *, seed: int = SEED, share: float = ACTIVITY_SHARE) -> list[bytes]:
    """Return message bodies with `count` Activity records in all; see `activity_stream`."""
    return list(activity_stream(count, seed=seed, share=share))


def storage_stream(
    count: int, *, seed: int = SEED, share: float = STORAGE_SHARE, signatures: int = SIGNATURES
) -> Iterator[bytes]:
    """Yield bodies of storage records, a thousand records to the second of event time.

    Ordinary ones are reads and writes by OAuth and account key. Of the interesting `share`, 94 % are SAS used
    from public addresses, of `signatures` distinct SAS; the rest are delegation key requests and reads by the
    copy engine with one of the same SAS. The last body may be short.
    """
    return _bodies(_records(count, share, seed, storage_templates(seed), signatures, _STORAGE_RATE), seed)


def activity_stream(count: int, *, seed: int = SEED, share: float = ACTIVITY_SHARE) -> Iterator[bytes]:
    """Yield bodies of Activity records, ten records to the second of event time.

    The records of a call follow each other in phase order, with records of other calls in between. When the
    number of interesting records is used up, the last interesting call may lack its end.
    """
    return _bodies(_records(count, share, seed, activity_templates(seed), 1, _ACTIVITY_RATE), seed)


def _bodies(records: Iterator[str], seed: int) -> Iterator[bytes]:
    rng = Random(seed)
    body: list[str] = []
    size, limit = 0, rng.randint(*_RECORDS_IN_A_BODY)
    for record in records:
        if len(body) == limit or size + len(record) > _MAXIMUM_BODY:
            yield enclose(body)
            body, size, limit = [], 0, rng.randint(*_RECORDS_IN_A_BODY)
        body.append(record)
        size += len(record) + 1
    if body:
        yield enclose(body)


def _records(count: int, share: float, seed: int, templates: Templates, signatures: int, rate: int) -> Iterator[str]:
    """Yield rendered records; selection sampling places exactly the promised number of interesting ones."""
    rng = Random(seed)
    hashes = tuple(signature_hash(f"load {number}") for number in range(signatures))
    interesting = _phases(rng, templates.interesting, hashes)
    ordinary = _phases(rng, templates.ordinary, hashes)
    wanted = interesting_records(count, share)
    step = timedelta(seconds=1) / rate
    for position in range(count):
        chosen = rng.random() * (count - position) < wanted
        wanted -= chosen
        template, values = next(interesting if chosen else ordinary)
        values["time"] = timestamp(_START + position * step)
        yield template % values


def _phases(rng: Random, calls: tuple[Call, ...], hashes: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield, for ever, the phases of one call after those of another, each with the values it shares."""
    compiled = [tuple(map(_compiled, call)) for call in calls]
    while True:
        values = _values(rng, hashes)
        for template in rng.choice(compiled):
            yield template, values


def _values(rng: Random, hashes: tuple[str, ...]) -> dict[str, str]:
    """Return what replaces the placeholders of one call.

    A SAS belongs to one account and is used from three addresses; few of them are used much, most of them little.
    """
    number = rng.getrandbits(72)
    digits = f"{number:018x}"
    sas = int(len(hashes) * rng.random() ** 2)
    return {
        "request": f"{digits[:8]}-101e-0006-{digits[8:12]}-{digits[12:]}000000",
        "call": f"00000000-{digits[:4]}-4{digits[4:7]}-8{digits[7:10]}-0000{digits[10:]}",
        "name": f"{number % 100_000_000:08d}",
        "host": str((sas * 7 + number % 3) % 254 + 1),
        "port": str(number % 64_511 + 1_024),
        "signature": hashes[sas],
        "account": f"{sas % _ACCOUNTS:02d}",
    }


def _compiled(template: str) -> str:
    """Return a template for the `%` operator; resource ids have put some placeholders in capitals."""
    return _PLACEHOLDER.sub(lambda match: f"%({match[1].lower()})s", template.replace("%", "%%"))
