"""From the body of one Event Hubs message to its records.

The shape that Azure Monitor sends, ``{"records":[…]}``, takes the fast way: one pass of simdjson and lazy views. Every
other shape, and every body that is not valid JSON as a whole, is salvaged record by record.
"""

from collections.abc import Sequence
from typing import Any

import fastsimdjson
from msgspec import Struct

from grantwatch.wire.json_views import parse
from grantwatch.wire.salvage import Rejected, salvage

# A million empty records shall not cost what a million records cost: a large body of records this short is padding.
_MANY_RECORDS = 4096
_LEAST_BYTES_A_RECORD = 16


class Decoded(Struct, frozen=True):
    """The records of one body: JSON objects (or strays), as views or dictionaries, and what could not be read.

    ``salvaged`` says that the body was broken, so that a record may be text from inside another one.
    """

    records: Sequence[Any]
    rejected: Sequence[Rejected] = ()
    salvaged: bool = False


def decode(body: bytes) -> Decoded:
    """The records of a message body of any shape. Never raises, whatever the bytes are."""
    try:
        document = parse(body)
        if isinstance(document, fastsimdjson.Array):
            if _is_crowded(len(document), body):
                return _padding(body, len(document))
        elif "operationName" not in document:
            records = document["records"]
            if isinstance(records, fastsimdjson.Array):
                return _padding(body, len(records)) if _is_crowded(len(records), body) else Decoded(records)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    found = salvage(body)
    if _is_crowded(len(found.records), body):
        return _padding(body, len(found.records))
    return Decoded(found.records, found.rejected, found.broken)


def _is_crowded(records: int, body: bytes) -> bool:
    return records > max(_MANY_RECORDS, len(body) // _LEAST_BYTES_A_RECORD)


def _padding(body: bytes, records: int) -> Decoded:
    return Decoded((), (Rejected("more records than a body of this length can hold", body, records),))
