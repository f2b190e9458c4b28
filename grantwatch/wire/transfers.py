"""What a storage request read, and which one it is, for counting.

Read from a dictionary or from a lazy view, since a request that repeats another is counted without becoming an access.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from grantwatch.model.transfer import MOST_BYTES, Transfer
from grantwatch.wire.fields import mapping, number, word
from grantwatch.wire.json_views import nested
from grantwatch.wire.storage import url_of


def transfer_of(record: Mapping[str, Any], *, reads: bool = True) -> Transfer:
    """What a request read, if it ``reads``, by the record's own identity: the same whenever the record is delivered.

    One request may write several records, as a copy does, which ``operationCount`` tells apart, or else their size.
    Sizes that are zero are left out of records. Raises ValueError where a number is longer than Python reads.
    """
    properties = nested(record, "properties") or mapping(record.get("properties"))
    path = word(properties.get("objectKey")) or url_of(record).partition("?")[0]
    number_of_record = number(properties.get("operationCount")) or 0
    identity = f"{word(record.get('time'))}\0{word(record.get('correlationId')).lower()}\0{number_of_record}\0{path}"
    if not reads:
        return Transfer(_digest(identity, 8), 0, None)
    size = min(max(number(properties.get("responseBodySize")) or 0, 0), MOST_BYTES)
    return Transfer(_digest(f"{identity}\0{size}", 8), size, _digest(path, 6))


def _digest(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest())
