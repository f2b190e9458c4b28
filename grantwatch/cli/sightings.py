"""What the local store knows of a SAS."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any, Protocol

from msgspec import Struct

_CURRENT = "GrantWatchFindings_CL | summarize arg_max(Revision, *) by FindingId | where not(Withdrawn)"
_COLUMNS = "EventTime, Severity, FindingTitle, Summary, TargetResourceId, Evidence"
_ISSUING = '("account_keys_read", "account_sas_issued", "service_sas_issued")'
_MOST = 20


class Answering(Protocol):
    """A store that answers KQL."""

    def query(self, kql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows."""


class Sightings(Struct, frozen=True):
    """Findings of one SAS, one sentence each, who may have made it, its account's resource id, and what signed it."""

    findings: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    account: str | None = None
    signed_with: str | None = None


def sightings_in(store: Answering, signature: str, account: str | None) -> Sightings:
    """What a store knows of a SAS and of those who could have signed it. Raises QueryError."""
    seen = list(_rows(store, f'where tostring(Evidence.Signature) == "{signature}"'))
    issuing = f'where Detector in {_ISSUING} and tolower(TargetName) == "{account}"' if account else None
    issued = list(_rows(store, issuing)) if issuing else []
    evidence = [json.loads(row["Evidence"] or "{}") for row in seen]
    named = (each for found in evidence for each in found.get("IssuerCandidates", ()))
    return Sightings(
        findings=tuple(_told(seen, evidence)),
        issuers=tuple(dict.fromkeys((*named, *(f"{_at(row)}: {row['Summary']}" for row in issued[-_MOST:])))),
        account=next((row["TargetResourceId"] for row in seen), None),
        signed_with=next((found["SignedWith"] for found in evidence if found.get("SignedWith")), None),
    )


def _rows(store: Answering, condition: str) -> Iterator[dict[str, Any]]:
    names, rows = store.query(f"{_CURRENT} | {condition} | project {_COLUMNS} | order by EventTime asc")
    return (dict(zip(names, row, strict=True)) for row in rows)


def _told(seen: Iterable[dict[str, Any]], evidence: Iterable[dict[str, Any]]) -> Iterator[str]:
    for row, found in zip(seen, evidence, strict=True):
        places = found.get("Addresses") or found.get("Networks") or ()
        yield f"{_at(row)}: {row['FindingTitle']} ({row['Severity']}), from {', '.join(places) or 'unknown addresses'}"


def _at(row: dict[str, Any]) -> str:
    return f"{row['EventTime'].astimezone(UTC):%Y-%m-%d %H:%M}"
