"""Reading untrusted fields: a value of the wrong type, or a producer's word for nothing, is absent."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from grantwatch.model.secrets import masked, printable
from grantwatch.model.time import time_of

_JSON = json.JSONDecoder(strict=False)
_ABSENT = frozenset(("", "-", "null", "<null>", "none"))
_LONGEST_ABSENT = 6
_LONGEST_TIME = 64
_FIRST_YEAR, _LAST_YEAR = 1970, 2999
_LONGEST = 2048
_LONGEST_REPEATED = 256


class UnreadableRecordError(ValueError):
    """A selected record lacks something without which nothing can be said of it."""


def text(value: Any) -> str | None:
    """A text or number as text: at most 2,048 printable characters, secrets masked; None for all that means nothing."""
    if isinstance(value, str):
        stripped = value.strip()
        return None if len(stripped) <= _LONGEST_ABSENT and stripped.lower() in _ABSENT else safe(stripped)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def word(value: Any) -> str:
    """A text that is only looked at and never kept: as it came, empty where it is none."""
    return value.strip() if isinstance(value, str) else ""


def safe(value: str) -> str:
    """What may be kept of a text that a stranger chose: cut, printable, secrets masked."""
    return _safe_again(value) if len(value) <= _LONGEST_REPEATED else _safe(value)


def _safe(value: str) -> str:
    return masked(printable(value[: 4 * _LONGEST]))[:_LONGEST]


# Cached for short texts, because the records of one call repeat them.
_safe_again = lru_cache(maxsize=4096)(_safe)


def number(value: Any) -> int | None:
    """A whole number, also where it came as text."""
    if isinstance(value, int):
        return int(value)
    try:
        return int(value) if isinstance(value, str) and len(value) < 20 else None
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """A time in any of Azure's forms, of an age in which records are written."""
    found = time_of(value) if isinstance(value, str) and len(value) <= _LONGEST_TIME else None
    return found if found and _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, also where it came as JSON text; empty where it is neither."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = _JSON.decode(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def guid(value: Any) -> str | None:
    """An id in lower case, with the dashes that evidence leaves out."""
    found = text(value)
    if found is None:
        return None
    found = found.lower()
    if len(found) == 32 and all(each in "0123456789abcdef" for each in found):
        return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"
    return found
