"""The ordinary storage requests of the day: workloads, account keys, an analyst's portal, copies at home."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from samples.estate import ACCOUNTS, ANALYST, DAY, LAKE, MODELS, PAYROLL, STAGING, WORKLOADS, at
from tools.azure_records import (
    PORTAL,
    Account,
    AccountKey,
    Credential,
    OAuth,
    Record,
    Sas,
    copy_engine_read,
    copy_triple,
    portal_sas,
    sas_query,
    storage_request,
)

_OPERATIONS = ("GetBlob",) * 6 + ("PutBlob",) * 3 + ("GetBlobProperties",) * 2 + ("ListBlobs", "DeleteBlob")
_AGENTS = (
    "azsdk-net-Storage.Blobs/12.24.0 (.NET 8.0.13; Ubuntu 22.04.5 LTS)",
    "azsdk-java-azure-storage-blob/12.29.0 (17.0.14; Linux; 5.15.0-1081-azure)",
    "Azure-Storage/11.2.3 (.NET CLR 4.0.30319.42000; Win32NT 10.0.20348.0)",
)
_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/134.0.0.0 Safari/537.36"
_BLOCK = 8_388_608
_SECONDS = 86_400


def ordinary_storage(rng: Random, requests: int) -> Iterator[Record]:
    """Yield about `requests` records of ordinary use, most of them by token or account key."""
    for _ in range(requests):
        moment = DAY + timedelta(seconds=rng.random() * _SECONDS)
        account = rng.choice(ACCOUNTS)
        if account is not PAYROLL or _is_logged(moment):
            yield _workload_request(rng, account, moment)
    yield from _analyst_at_the_portal(rng)
    yield from _internal_sas(rng)
    yield from _copies_at_home(rng)


def _is_logged(moment: datetime) -> bool:
    """Tell whether payroll's requests are still logged: its diagnostic setting is deleted during the day."""
    return moment < at("09:04")


def _workload_request(rng: Random, account: Account, moment: datetime) -> Record:
    by_token = rng.random() < 0.6
    workload = rng.choice(WORKLOADS)
    credential: Credential = OAuth(workload) if by_token else AccountKey(1)
    return storage_request(
        rng,
        account,
        rng.choice(_OPERATIONS),
        moment,
        credential,
        workload.address if by_token else f"10.30.{rng.randrange(8)}.{rng.randrange(4, 250)}",
        path=f"/documents/{rng.randrange(40):02d}/file-{rng.randrange(100_000):05d}.json",
        agent=rng.choice(_AGENTS),
        size=rng.randrange(200, 900_000),
    )


def _analyst_at_the_portal(rng: Random) -> Iterator[Record]:
    """Yield a browsing session by account key: the portal makes its own, nearly all-powerful SAS for it."""
    session = Sas(portal_sas(at("10:30")), "portal session of the analyst")
    for index in range(90):
        moment = at("10:31") + index * timedelta(seconds=25)
        yield storage_request(
            rng,
            LAKE,
            "ListBlobs" if index % 3 else "GetBlob",
            moment,
            session,
            ANALYST.address,
            path=f"/curated/{index % 12}",
            agent=_BROWSER,
            size=rng.randrange(2_000, 40_000),
            referrer=PORTAL,
        )


def _internal_sas(rng: Random) -> Iterator[Record]:
    """Yield reads with a service SAS from the company's own virtual network."""
    job = Sas(
        sas_query("r", DAY + timedelta(days=30), starts=DAY - timedelta(days=2), resource="c"),
        "nightly job",
        key=2,
    )
    for _ in range(900):
        moment = DAY + timedelta(seconds=rng.random() * _SECONDS)
        yield storage_request(
            rng,
            MODELS,
            "GetBlob",
            moment,
            job,
            f"10.40.2.{rng.randrange(4, 20)}",
            path=f"/features/day-{rng.randrange(300):03d}.parquet",
            agent=_AGENTS[1],
            size=rng.randrange(10_000, 4_000_000),
        )


def _copies_at_home(rng: Random) -> Iterator[Record]:
    """Yield copies between own accounts: ranged reads at the source, a triple at the destination."""
    query = sas_query("r", at("06:00") + timedelta(days=1), starts=at("02:00"), resource="c")
    grant = Sas(query, "copy between own accounts")
    for number in range(12):
        moment = at("02:15") + number * timedelta(minutes=4)
        path = f"/curated/partition-{number:02d}.parquet"
        yield from copy_triple(
            rng,
            STAGING,
            moment,
            AccountKey(1),
            "10.40.2.9",
            path=f"/incoming{path}",
            source_url=LAKE.url(path, query),
        )
        for part in range(6):
            delay = timedelta(milliseconds=180 * (part + 1))
            yield copy_engine_read(rng, LAKE, moment + delay, grant, path=path, offset=part * _BLOCK, size=_BLOCK)
