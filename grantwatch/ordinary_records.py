"""Records of the Activity log that no detector is for: all that is kept of them is when their subscription was there.

They are nearly all there are, so what was noted of a subscription and day is remembered by how its records are spelled:
the start of the resource id, the tenant, the day. Whatever is spelled alike and has a later time is passed over after
three look-ups. Only spellings are remembered of which that is certain; all others are read each time.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct, field

from grantwatch.memory.beginnings import Subscription
from grantwatch.memory.firsts import Span
from grantwatch.model.bounded import Bounded
from grantwatch.wire.activity import Occurrence, occurrence_of
from grantwatch.wire.fields import guid

_REMEMBERED = 65_536
_Spelling = tuple[str, str, str]

_HEAD = 52  # /subscriptions/, an id and the slash behind it, if any
_LONGEST_TENANT = 36  # so that a stranger's texts fill no memory
_DAY = 11  # with the T behind it
_COLONS = slice(13, 17, 3)  # of hours, minutes and seconds; a time may also do without
_CANONICAL_HEAD = re.compile(r"/subscriptions/(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?", re.ASCII | re.I)
_CANONICAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z", re.ASCII)


class Noticed(Struct):
    """What some records told: when subscriptions were there, how that was spelled, and what need not be read any more.

    Of each spelling that is whatever has a time from ``since`` on, as texts compare.
    """

    seen: dict[Subscription, Span] = field(default_factory=dict)
    spelled: dict[_Spelling, Subscription] = field(default_factory=dict)
    since: dict[_Spelling, str] = field(default_factory=dict)


class OrdinaryRecords:
    """Notices subscriptions, and passes over what was noticed before."""

    def __init__(self, owner_tenant: str) -> None:
        self._tenant = owner_tenant
        self._since: Bounded[_Spelling, str] = Bounded(_REMEMBERED)
        """The time from which on everything that is spelled so is passed over, as a text to compare with theirs."""

    def look_at(self, records: Iterable[Mapping[str, Any]], noticed: Noticed) -> None:
        """Note when the subscriptions of some records were there. Records that do not tell are passed over."""
        since_of, since_here = self._since.get, noticed.since
        head = tenant = day = night = since = ""
        for record in records:
            try:
                resource, named, time = record["resourceId"], record["tenantId"], record["time"]
                if resource[:_HEAD] != head or named != tenant or not day <= time < night:
                    spelling = resource[:_HEAD], named, time[:_DAY]
                    since = since_of(spelling) or since_here[spelling]
                    (head, tenant, day), night = spelling, spelling[-1] + "~"
                if since <= time and (since == day or (time[-1] == "Z" and time[_COLONS] == "::")):
                    continue
            except (LookupError, TypeError, ValueError):
                pass
            self._read(record, noticed)

    def settle(self, noticed: Noticed, stored: Mapping[Subscription, Span]) -> None:
        """All that was noticed is at rest: this is what is stored of those subscriptions."""
        for spelling, subscription in noticed.spelled.items():
            self._since[spelling] = _since(spelling, stored[subscription].earliest)

    def _read(self, record: Mapping[str, Any], noticed: Noticed) -> None:
        found = occurrence_of(record, self._tenant)
        if found is None:
            return
        subscription, at = (found.tenant, found.subscription), found.time
        known = noticed.seen.get(subscription, Span(at, at))
        noticed.seen[subscription] = Span(min(known.earliest, at), max(known.latest, at))
        spelling = _spelling(record, found)
        if spelling:
            since = _since(spelling, at)
            noticed.spelled[spelling] = subscription
            noticed.since[spelling] = min(since, noticed.since.get(spelling, since))


def _spelling(record: Mapping[str, Any], found: Occurrence) -> _Spelling | None:
    """How the record spells its subscription and day; None where others that spell them so may tell of another."""
    resource, tenant, time = record.get("resourceId"), record.get("tenantId"), record.get("time")
    if not (isinstance(resource, str) and isinstance(tenant, str) and isinstance(time, str)):
        return None
    head = _CANONICAL_HEAD.fullmatch(resource[:_HEAD])
    if not head or head["id"].lower() != found.subscription:
        return None
    if len(tenant) > _LONGEST_TENANT or guid(tenant) != found.tenant:
        return None
    return (resource[:_HEAD], tenant, time[:_DAY]) if _CANONICAL_TIME.fullmatch(time) else None


def _since(spelling: _Spelling, begin: datetime) -> str:
    """The time, as a text, from which on whatever is spelled so is later than that beginning.

    The day alone where not even the offset of a time can make it earlier. What is told of the second in which a
    subscription began is still read.
    """
    day = date.fromisoformat(spelling[-1][:-1])
    if day > begin.date() + timedelta(days=1):
        return f"{day}T"
    if day > begin.date():
        return f"{day}T0"
    return f"{begin.replace(microsecond=0) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"
