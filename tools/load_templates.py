"""Templates of the benchmark load: rendered records whose varying parts are placeholders such as `@time@`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tools.azure_records import (
    Account,
    AccountKey,
    Credential,
    Layout,
    OAuth,
    Record,
    Sas,
    activity_call,
    copy_engine_read,
    render,
    sas_query,
    signature_hash,
    storage_request,
)
from tools.load_calls import INTERESTING, ORDINARY, PIPELINE, SUBSCRIPTION, WORKLOAD, ArmCall

Call = tuple[str, ...]
"""The records of one call, in phase order; a storage request is a call of one record."""

_AT = datetime(2026, 3, 10, tzinfo=UTC)
_ACCOUNT = Account("contosoload@account@", SUBSCRIPTION, "rg-load")
_ORDINARY_REQUESTS = ("GetBlob",) * 6 + ("PutBlob",) * 3 + ("GetBlobProperties", "ListBlobs", "DeleteBlob")
_AGENTS = (
    "azsdk-net-Storage.Blobs/12.24.0 (.NET 8.0.13; Ubuntu 22.04.5 LTS)",
    "azsdk-java-azure-storage-blob/12.29.0 (17.0.14; Linux; 5.15.0-1081-azure)",
    "azsdk-python-storage-blob/12.25.1 Python/3.12.9 (Linux-5.15.0-1081-azure-x86_64-with-glibc2.35)",
)
_SAS = Sas(sas_query("rl", _AT + timedelta(days=7), starts=_AT, services="b", resource_types="sco"), "@signature@")


@dataclass(frozen=True)
class Templates:
    """What to choose from with equal chance; what should be frequent occurs more than once."""

    ordinary: tuple[Call, ...]
    interesting: tuple[Call, ...]


def storage_templates(seed: int) -> Templates:
    """Return templates of storage records, in the white space of storage logs."""
    rng = Random(seed)
    interesting = [_sas_read(rng) for _ in range(94)]
    interesting += [_delegation_key(rng) for _ in range(4)]
    interesting += [_copy_engine_read(rng) for _ in range(2)]
    return Templates(
        tuple(_request_template(_ordinary_request(rng)) for _ in range(240)),
        tuple(map(_request_template, interesting)),
    )


def activity_templates(seed: int) -> Templates:
    """Return templates of whole Activity calls."""
    rng = Random(seed)
    return Templates(
        tuple(_call_template(rng, call) for call in ORDINARY * 4),
        tuple(_call_template(rng, call) for call in INTERESTING),
    )


def _call_template(rng: Random, call: ArmCall) -> Call:
    records = activity_call(
        rng,
        call.caller,
        SUBSCRIPTION,
        call.operation,
        SUBSCRIPTION.resource("rg-load", call.kind, call.name),
        _AT,
        request=call.request,
        response=call.response,
        accepted=call.accepted,
        correlation_id="@call@",
    )
    return tuple(render({**record, "time": "@time@"}) for record in records)


def _request_template(record: Record) -> Call:
    """Return the template of a storage record; an account's key hashes end in the number of the account."""
    address = record["callerIpAddress"].rpartition(":")[0]
    properties = {**record["properties"], "clientRequestId": "@call@"}
    varying = {
        "time": "@time@",
        "correlationId": "@request@",
        "callerIpAddress": f"{address}:@port@",
        "properties": properties,
    }
    text = render({**record, **varying}, Layout.SPACED).replace(signature_hash("@signature@"), "@signature@")
    return (re.sub(r"(key\d\(\w{62})\w\w\)", r"\1@account@)", text),)


def _ordinary_request(rng: Random) -> Record:
    credential: Credential = OAuth(WORKLOAD) if rng.random() < 0.25 else AccountKey(rng.choice((1, 1, 2)))
    return storage_request(
        rng,
        _ACCOUNT,
        rng.choice(_ORDINARY_REQUESTS),
        _AT,
        credential,
        f"10.{rng.randrange(20, 40)}.{rng.randrange(256)}.@host@",
        path=_path(rng),
        agent=rng.choice(_AGENTS),
        size=rng.randrange(200, 4_000_000),
    )


def _sas_read(rng: Random) -> Record:
    size = rng.randrange(100_000, 8_388_608)
    return storage_request(
        rng,
        _ACCOUNT,
        "GetBlob",
        _AT,
        _SAS,
        "203.0.113.@host@",
        path=_path(rng),
        agent="AzCopy/10.28.0 azsdk-go-azblob/v1.4.0 (go1.22.5; linux)",
        status=206,
        size=size,
        download_range=f"bytes=0-{size - 1}",
    )


def _delegation_key(rng: Random) -> Record:
    return storage_request(rng, _ACCOUNT, "GetUserDelegationKey", _AT, OAuth(PIPELINE), "198.51.100.@host@")


def _copy_engine_read(rng: Random) -> Record:
    return copy_engine_read(rng, _ACCOUNT, _AT, _SAS, path=_path(rng), offset=0, size=8_388_608)


def _path(rng: Random) -> str:
    folders = "".join(f"/department-{rng.randrange(100):02d}" for _ in range(rng.randrange(5)))
    return f"/container-{rng.randrange(10)}{folders}/2026-03-10/part-@name@.parquet"
