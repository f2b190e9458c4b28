"""Keys are read in the office, and a SAS made of them is used abroad."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from samples.estate import ENGINEER, FINANCE, MODELS, ORDERS, PRODUCTION, at
from samples.stories.scene import LIST_KEYS, Scene, download, ordinary_requests
from tools.azure_records import AZURE_CLI, Record, Sas, sas_query, storage_request

_INSIDER = replace(ENGINEER, application=AZURE_CLI)
_ABROAD = "203.0.113.90"
_MADE_OFFLINE = Sas(
    sas_query("rl", at("14:00", day=30), starts=at("14:00"), services="b", resource_types="sco"), "made offline"
)
_OF_THE_JOB = Sas(sas_query("r", at("00:00", day=1), starts=at("00:00"), resource="c"), "nightly job", key=2)
_BLOCK = 33_554_432
_TOO_LONG = "Policy violated: the SAS lasts longer than the account's SAS expiration policy allows"


def offline_sas(rng: Random) -> Iterator[Record]:
    """Yield the records of one day: workloads, a job with a SAS of its own, and 13 GB that leave in 50 minutes."""
    yield from ordinary_requests(rng, (FINANCE, ORDERS, MODELS), 80)
    yield from _nightly_job(rng)
    yield from Scene(rng, _INSIDER, PRODUCTION).call("14:02", LIST_KEYS, FINANCE.resource_id)
    every = timedelta(seconds=7)
    for request in download(rng, FINANCE, at("16:05"), _MADE_OFFLINE, _ABROAD, blocks=400, every=every, block=_BLOCK):
        yield {**request, "properties": {**request["properties"], "sasExpiryStatus": _TOO_LONG}}


def _nightly_job(rng: Random) -> Iterator[Record]:
    for number in range(24):
        moment = at("03:00") + number * timedelta(minutes=2)
        path = f"/features/day-{number:03d}.parquet"
        yield storage_request(rng, MODELS, "GetBlob", moment, _OF_THE_JOB, "10.40.2.7", path=path, size=1_400_000)
