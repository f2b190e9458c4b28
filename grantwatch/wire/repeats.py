"""What a storage request still tells that repeats another: which one, and how much it moved.

Read from a dictionary or from a lazy view, since most of these requests need never become anything else.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from grantwatch.model.network import without_port
from grantwatch.model.transfer import MOST_BYTES, Transfer
from grantwatch.wire.fields import mapping, number, text, word
from grantwatch.wire.json_views import materialise, nested
from grantwatch.wire.storage import source_path, succeeded, url_of


def shape_of(record: Mapping[str, Any]) -> int | None:
    """A number for what a record tells but for its time, object and size, made more cheaply than its access.

    Records of one shape have accesses that differ in time and object alone. None where a record is unlike Azure's own.
    It holds for one process, which seeds its hashes by chance, so that nobody can make two records of one shape.
    """
    properties, identity = nested(record, "properties"), nested(record, "identity")
    if properties is None or identity is None:
        return None
    operation, url, address = record.get("operationName"), record.get("uri"), record.get("callerIpAddress")
    if not (isinstance(operation, str) and isinstance(url, str) and isinstance(address, str)):
        return None
    account = text(properties.get("accountName"))
    if account is None:  # then the host of the URL says it
        return None
    kind, token = identity.get("type"), identity.get("tokenHash")
    says_more = len(identity) > (kind is not None) + (token is not None)
    try:
        return hash(
            (
                operation,
                record.get("category"),
                succeeded(record),
                record.get("resourceId"),
                record.get("location"),
                without_port(address),
                kind,
                token,
                repr(materialise(identity)) if says_more else None,
                url.partition("?")[2],
                account,
                properties.get("userAgentHeader"),
                properties.get("referrerHeader"),
                properties.get("sasExpiryStatus"),
                source_path(operation, url, properties),
            )
        )
    except (TypeError, ValueError):
        return None


def transfer_of(record: Mapping[str, Any], *, reads: bool = True) -> Transfer:
    """What a request read, if it ``reads``, by the record's own identity: the same whenever the record is delivered.

    One request may write several records, as a copy does, which ``operationCount`` tells apart. Sizes that are zero
    are left out of records. Raises ValueError where a number is longer than Python reads.
    """
    properties = nested(record, "properties") or mapping(record.get("properties"))
    path = word(properties.get("objectKey")) or url_of(record).partition("?")[0]
    number_of_record = number(properties.get("operationCount")) or 0
    identity = f"{word(record.get('time'))}\0{word(record.get('correlationId')).lower()}\0{number_of_record}\0{path}"
    if not reads:
        return Transfer(_digest(identity, 8), 0, None)
    size = min(max(number(properties.get("responseBodySize")) or 0, 0), MOST_BYTES)
    return Transfer(_digest(identity, 8), size, _digest(path, 6))


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest())
