"""Storage resource-log records of the blob service."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from tools.records.credentials import Credential
from tools.records.identifiers import random_guid, storage_request_id, timestamp
from tools.records.places import Account

Record = dict[str, Any]

COPY_ENGINE = "services_xstore_transport_HTTP2/1.0"
PORTAL = "https://portal.azure.com/"
_SERVICE = "Microsoft.Storage/storageAccounts/blobServices"
_MODIFIED_BEFORE = timedelta(days=9)


@dataclass(frozen=True)
class _Verb:
    category: str
    action: str
    query: str = ""
    writes: bool = False


_READ = _Verb("StorageRead", f"{_SERVICE}/containers/blobs/read")
_WRITE = _Verb("StorageWrite", f"{_SERVICE}/containers/blobs/write", writes=True)
_VERBS = {
    "GetBlob": _READ,
    "GetBlobProperties": _READ,
    "ListBlobs": _Verb("StorageRead", _READ.action, "restype=container&comp=list"),
    "ListContainers": _Verb("StorageRead", f"{_SERVICE}/containers/read", "comp=list"),
    "GetUserDelegationKey": _Verb(
        "StorageRead",
        f"{_SERVICE}/generateUserDelegationKey/action",
        "restype=service&comp=userdelegationkey",
    ),
    "PutBlob": _WRITE,
    "PutBlock": _Verb("StorageWrite", _WRITE.action, "comp=block&blockid=QkxPQ0s", writes=True),
    "PutBlockList": _Verb("StorageWrite", _WRITE.action, "comp=blocklist", writes=True),
    "CopyBlob": _WRITE,
    "CopyBlobSource": _WRITE,
    "CopyBlobDestination": _WRITE,
    "DeleteBlob": _Verb("StorageDelete", f"{_SERVICE}/containers/blobs/delete"),
}


def storage_request(
    rng: Random,
    account: Account,
    operation: str,
    at: datetime,
    credential: Credential,
    address: str,
    *,
    path: str = "/",
    agent: str = "azsdk-net-Storage.Blobs/12.24.0 (.NET 8.0.13; Ubuntu 22.04)",
    status: int = 200,
    status_text: str = "Success",
    size: int = 0,
    download_range: str | None = None,
    referrer: str | None = None,
) -> Record:
    """Return the record of one request to the blob service.

    `path` is "/container/blob", `size` the bytes that travelled in the direction of the operation. Azure
    omits properties that are zero or empty, and so does this. There is no `tenantId`: storage records never
    name their owner.
    """
    verb = _VERBS[operation]
    return {
        "time": timestamp(at),
        "resourceId": account.blob_service,
        "category": verb.category,
        "operationName": operation,
        "operationVersion": "2024-11-04",
        "schemaVersion": "1.0",
        "statusCode": status,
        "statusText": status_text,
        "durationMs": rng.randrange(2, 180),
        "callerIpAddress": endpoint(address, rng.randrange(1_024, 65_535)),
        "correlationId": storage_request_id(rng),
        "identity": credential.identity(account, verb.action),
        "location": account.region,
        "properties": _properties(rng, account, verb, at, path, agent, size, download_range, referrer, status_text),
        "uri": account.url(path, "&".join(filter(None, (verb.query, credential.query)))),
        "protocol": "HTTPS",
        "resourceType": _SERVICE,
    }


def copy_triple(
    rng: Random,
    account: Account,
    at: datetime,
    credential: Credential,
    address: str,
    *,
    path: str,
    source_url: str,
    agent: str = "AzCopy/10.28.0",
) -> list[Record]:
    """Return the three records that one Copy Blob leaves in the account that receives the copy."""
    copy = storage_request(rng, account, "CopyBlob", at, credential, address, path=path, agent=agent, status=202)
    source = {"objectKey": source_url, "operationCount": 1}
    return [
        copy,
        {
            **copy,
            "operationName": "CopyBlobSource",
            "uri": source_url,
            "properties": {**copy["properties"], **source},
        },
        {
            **copy,
            "operationName": "CopyBlobDestination",
            "properties": {**copy["properties"], "operationCount": 2},
        },
    ]


def copy_engine_read(
    rng: Random, account: Account, at: datetime, credential: Credential, *, path: str, offset: int, size: int
) -> Record:
    """Return what the source of a server-side copy sees: a ranged read by the storage service itself."""
    return storage_request(
        rng,
        account,
        "GetBlob",
        at,
        credential,
        f"52.239.{rng.randrange(128, 255)}.{rng.randrange(1, 255)}",
        path=path,
        agent=COPY_ENGINE,
        status=206,
        size=size,
        download_range=f"bytes={offset}-{offset + size - 1}",
    )


def endpoint(address: str, port: int) -> str:
    """Return an address with its port, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _properties(
    rng: Random,
    account: Account,
    verb: _Verb,
    at: datetime,
    path: str,
    agent: str,
    size: int,
    download_range: str | None,
    referrer: str | None,
    status_text: str,
) -> Record:
    etag = f'"0x8DE{rng.getrandbits(48):012X}"'
    present: Record = {
        "accountName": account.name,
        "userAgentHeader": agent,
        "referrerHeader": referrer,
        "clientRequestId": random_guid(rng),
        "etag": etag,
        "serviceType": "blob",
        "objectKey": f"/{account.name}{path.rstrip('/')}",
        "lastModifiedTime": format_datetime(at - _MODIFIED_BEFORE, usegmt=True),
        "conditionsUsed": f"If-Match={etag}" if download_range else None,
        "metricResponseType": status_text,
        "serverLatencyMs": rng.randrange(1, 60),
        "requestHeaderSize": rng.randrange(380, 900),
        "requestBodySize": size if verb.writes else 0,
        "responseHeaderSize": rng.randrange(220, 520),
        "responseBodySize": 0 if verb.writes else size,
        "contentLengthHeader": size if verb.writes else 0,
        "tlsVersion": "TLS 1.3",
        "downloadRange": download_range,
        "accessTier": "Hot" if path.count("/") > 1 else None,
    }
    return {name: value for name, value in present.items() if value not in (None, 0, "")} | {"operationCount": 0}
