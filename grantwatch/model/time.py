"""Moments, always aware and in UTC."""

import re
from datetime import UTC, datetime
from functools import lru_cache

# The American form that some producers write, with or without AM/PM and offset: 3/10/2026 8:05:07 PM +00:00
_AMERICAN = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\s+(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?:\.\d+)?\s*(?P<half>[AaPp][Mm])?\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?"
)
_ISO_TAIL = re.compile(r"(\.\d{1,9})?\s*(Z|[+-]\d{2}:?\d{2})?$")


@lru_cache(maxsize=8192)
def time_of(text: str | None) -> datetime | None:
    """A moment in any form that Azure's logs and SAS parameters use; None when the text is none of them.

    Up to nine fractional digits (cut to microseconds), ``Z``, an offset or none at all (UTC), a date alone, a
    lower-case ``t``, blanks that a producer slipped in, and ``M/D/YYYY HH:MM:SS`` with or without AM/PM.
    """
    if text is None:
        return None
    text = text.strip()
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return _american(text) or _tolerant_iso(text)
    except (ValueError, OverflowError):
        return None


def _in_utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _american(text: str) -> datetime | None:
    found = _AMERICAN.fullmatch(text)
    if not found:
        return None
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    iso = (
        f"{found['year']}-{int(found['month']):02}-{int(found['day']):02}"
        f"T{hour:02}:{found['minute']}:{found['second']}{found['offset'] or 'Z'}"
    )
    return _in_utc(datetime.fromisoformat(iso))


def _tolerant_iso(text: str) -> datetime | None:
    joined = re.sub(r"\s*:\s*", ":", text.replace("t", "T").replace("z", "Z"))
    tail = _ISO_TAIL.search(joined)
    if not tail or len(joined) > 64:
        return None
    fraction = (tail[1] or "")[:7]
    return _in_utc(datetime.fromisoformat(joined[: tail.start()] + fraction + (tail[2] or "")))
