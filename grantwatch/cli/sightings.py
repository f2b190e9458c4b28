"""What the local store knows of a SAS: how it was used, and who may have made it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct

from grantwatch.detection.match import Lookback, Precedent
from grantwatch.detection.sas_uses import stated_issuers
from grantwatch.judgement.granted import grant_id
from grantwatch.memory.precedence import ranked
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.grant import Grant, GrantKind
from grantwatch.model.network import IpClass, Networks, network_of
from grantwatch.model.quantity import quantity
from grantwatch.model.resource import resource_of
from grantwatch.model.sas import Sas, SasKind
from grantwatch.wire.leak import Leak

_CURRENT = "GrantWatchFindings_CL | summarize arg_max(Revision, *) by FindingId | where not(Withdrawn)"
_OF_SIGHTINGS = "EventTime, Severity, FindingTitle, TargetResourceId, Evidence"
_USE = 'GrantWatchGrants_CL | where RowKind == "Use"'
_OF_USE = "TargetResourceId, FirstUsedAt, LastUsedAt, Requests, BytesRead, ObjectsRead, Estimated, Networks, Agents"
_OF_DEEDS = "EventTime, Detector, TargetName, ActorId, ActorUpn, ActorName, ActorAppId, ActorKind, ActorIpAddress"
_KEYS_READ = {"account_keys_read": "read the keys"}
_SIGNED = {"account_sas_issued": "had an account SAS made", "service_sas_issued": "had a service SAS made"}
_DELEGATED = {"user_delegation_key_issued": "asked for a delegation key"}
_MOST = 20
_EVER = timedelta(days=36_500)
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_PUBLIC = Networks()
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Answering(Protocol):
    """A store that answers KQL."""

    def query(self, kql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows."""


class Sightings(Struct, frozen=True):
    """The use of one SAS by days and its findings, a sentence each.

    Beside them who may have made it, its account's resource id, and what signed it.
    """

    days: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    account: str | None = None
    signed_with: str | None = None


class _Sighting(Struct, frozen=True):
    row: Mapping[str, Any]
    evidence: Mapping[str, Any]

    @property
    def places(self) -> Sequence[str]:
        return self.evidence.get("Addresses") or self.evidence.get("Networks") or ()

    def __str__(self) -> str:
        row, evidence = self.row, self.evidence
        parts = [f"from {', '.join(self.places) or 'unknown addresses'}", *_taken(evidence)]
        parts += [f"by {', '.join(evidence['Agents'])}"] if evidence.get("Agents") else []
        parts += [f"operations {', '.join(evidence['Operations'])}"] if evidence.get("Operations") else []
        return f"{_minute(row['EventTime'])}: {row['FindingTitle']} ({row['Severity']}), {'; '.join(parts)}"


class _Day(Struct, frozen=True):
    row: Mapping[str, Any]

    @property
    def places(self) -> Sequence[str]:
        return _listed(self.row["Networks"])

    def __str__(self) -> str:
        row = self.row
        first, last = _minute(row["FirstUsedAt"]), f"{row['LastUsedAt'].astimezone(UTC):%H:%M}"
        about = "about " if row["Estimated"] else ""
        requests, objects = quantity(row["Requests"], "request"), quantity(row["ObjectsRead"], "object")
        whence = f"from {', '.join(self.places) or 'unknown addresses'}"
        agents = f"; by {', '.join(_listed(row['Agents']))}" if _listed(row["Agents"]) else ""
        return f"{first} to {last}: {about}{requests}, {_size(row['BytesRead'])}, {objects}, {whence}{agents}"


def sightings_in(store: Answering, leak: Leak) -> Sightings:
    """What a store knows of a SAS and of those who could have signed it. Raises QueryError."""
    condition = f'tostring(Evidence.Signature) == "{leak.hash}"'
    seen = [_Sighting(row, json.loads(row["Evidence"] or "{}")) for row in _rows(store, condition, _OF_SIGHTINGS)]
    days = [_Day(row) for row in _use(store, leak.hash)]
    used: list[_Sighting | _Day] = [*seen, *days]
    account = next((each.row["TargetResourceId"] for each in used), None)
    name = resource_of(account).name if account else leak.account
    return Sightings(
        days=tuple(map(str, days)),
        findings=tuple(map(str, seen)),
        issuers=tuple(_issuers(store, leak.sas, name, seen, days)),
        account=account,
        signed_with=next((each.evidence["SignedWith"] for each in seen if each.evidence.get("SignedWith")), None),
    )


def _rows(store: Answering, condition: str, columns: str) -> Iterator[dict[str, Any]]:
    return _asked(store, f"{_CURRENT} | where {condition} | project {columns} | order by EventTime asc")


def _asked(store: Answering, kql: str) -> Iterator[dict[str, Any]]:
    names, rows = store.query(kql)
    return (dict(zip(names, row, strict=True)) for row in rows)


def _use(store: Answering, signature: str) -> Iterator[dict[str, Any]]:
    """The days on which a SAS was used, in order. Their rows name it by its grant alone."""
    accounts = list(_asked(store, f"{_USE} | summarize Days = count() by OwnerTenantId, TargetName"))
    names = [(each["OwnerTenantId"] or "", (each["TargetName"].lower(), signature)) for each in accounts]
    grants = [grant_id(Grant(GrantKind.SAS_IN_USE, _ANY_TIME, name=name), "", tenant) for tenant, name in names]
    if not grants:
        return iter(())
    listed = ", ".join(f'"{each}"' for each in grants)
    latest = f"{_USE} and GrantId in ({listed}) | summarize arg_max(TimeGenerated, *) by GrantId, Day"
    return _asked(store, f"{latest} | project {_OF_USE} | order by FirstUsedAt asc")


def _issuers(
    store: Answering, sas: Sas, account: str | None, seen: Sequence[_Sighting], days: Sequence[_Day]
) -> list[str]:
    """Those whom findings name, then those who did what it takes before the first use that is known.

    Findings that name anybody have looked at everyone who read the keys in time, and left out whoever read a key that
    was renewed since.
    """
    stated = stated_issuers(sas)
    named = [each for one in seen for each in one.evidence.get("IssuerCandidates", ()) if each not in stated]
    if account is None:
        return list(dict.fromkeys(named))
    if sas.kind is SasKind.USER_DELEGATION:
        did = {} if named else _DELEGATED
    else:
        did = _SIGNED if named else _KEYS_READ | _SIGNED | (_DELEGATED if sas.is_bare else {})
    precedents = list(_precedents(store, sas, account, did)) if did else []
    # Windows of bulk begin on their five minutes, and so before the first read in them.
    used = [each.row["EventTime"] for each in seen if "WindowStart" not in each.evidence]
    used += [each.row["FirstUsedAt"] for each in days]
    lookback = Lookback(topics=(), within=_EVER, origins=tuple(_outside((*seen, *days))))
    if used:
        told = [str(each) for each in ranked(min(used), lookback, precedents)]
    else:
        told = [f"{each.actor.label} {each.deed} on {_minute(each.at)}" for each in reversed(precedents)]
    return list(dict.fromkeys((*named, *told)))[:_MOST]


def _precedents(store: Answering, sas: Sas, account: str, did: Mapping[str, str]) -> Iterator[Precedent]:
    """What people did that it takes to make such a SAS, in order."""
    detectors = ", ".join(f'"{each}"' for each in did)
    condition = (
        f'Detector in ({detectors}) and Outcome in ("Succeeded", "Accepted") '
        f'and ActorKind != "{ActorKind.PLATFORM_SERVICE}"'
    )
    delegator = (sas.delegator_id or "").lower()
    for row in _rows(store, condition, _OF_DEEDS):
        if row["TargetName"].lower() == account.lower() and delegator in ("", row["ActorId"]):
            actor = Actor(
                id=row["ActorId"],
                upn=row["ActorUpn"],
                name=row["ActorName"],
                app_id=row["ActorAppId"],
                kind=ActorKind(row["ActorKind"]),
                address=row["ActorIpAddress"],
            )
            yield Precedent(topic=(), at=row["EventTime"], actor=actor, deed=did[row["Detector"]])


def _outside(seen: Iterable[_Sighting | _Day]) -> dict[str, None]:
    """The public networks that it was used from."""
    places = (place for each in seen for place in each.places)
    return dict.fromkeys(network_of(each) or each for each in places if _PUBLIC.classify(each) is IpClass.PUBLIC)


def _taken(evidence: Mapping[str, Any]) -> Iterator[str]:
    """How much, where it was counted, and until when."""
    if "BytesAtLeast" in evidence:
        yield (
            f"at least {_size(evidence['BytesAtLeast'])}, {quantity(evidence['ObjectsAtLeast'], 'object')} and "
            f"{quantity(evidence['RequestsAtLeast'], 'request')} until {evidence['WindowEnd'][:16].replace('T', ' ')}"
        )


def _listed(entries: Any) -> Sequence[str]:
    """A column of texts, which the store answers with as JSON."""
    return json.loads(entries) if isinstance(entries, str) else entries or ()


def _size(number: int) -> str:
    """In the largest unit of which it has one."""
    power = min((len(str(number)) - 1) // 3, len(_UNITS) - 1)
    return f"{number / 1000**power:,.4g} {_UNITS[power]}"


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
