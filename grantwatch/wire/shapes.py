"""What requests to storage have in common that repeat each other: all that they tell but time, object and size.

Read from lazy views, since a request that only repeats another need never become anything else.
"""

from collections.abc import Mapping
from typing import Any

from grantwatch.model.network import without_port
from grantwatch.wire.fields import text
from grantwatch.wire.json_views import materialise, nested
from grantwatch.wire.storage import source_path, succeeded, url_of

_TEXTS = frozenset((str, type(None)))


def shape_of(record: Mapping[str, Any]) -> int | None:
    """A number for all of that, which is made more cheaply than the access.

    Records of one shape have accesses that differ in time and object alone. None where a record is unlike Azure's own.
    It holds for one process, which seeds its hashes by chance, so that nobody can make two records of one shape.
    """
    properties, identity = nested(record, "properties"), nested(record, "identity")
    if properties is None or identity is None:
        return None
    operation, url, address = record.get("operationName"), url_of(record), record.get("callerIpAddress")
    if not (isinstance(operation, str) and url and isinstance(address, str)):
        return None
    account = text(properties.get("accountName"))
    if account is None:  # then the host of the URL says it
        return None
    kind, token = identity.get("type"), identity.get("tokenHash")
    texts = (
        record.get("category"),
        record.get("resourceId"),
        record.get("location"),
        kind,
        token,
        properties.get("userAgentHeader"),
        properties.get("referrerHeader"),
        properties.get("sasExpiryStatus"),
    )
    if not _TEXTS.issuperset(map(type, texts)):  # 1, 1.0 and True have one hash
        return None
    says_more = len(identity) > (kind is not None) + (token is not None)
    try:
        return hash(
            (
                operation,
                succeeded(record),
                texts,
                without_port(address),
                repr(materialise(identity)) if says_more else None,
                url.partition("?")[2],
                account,
                source_path(operation, url, properties),
            )
        )
    except (TypeError, ValueError):
        return None
