"""The query of a shared access signature, as storage logs keep it: all but the signature."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

VERSION = "2024-11-04"


@dataclass(frozen=True)
class Delegation:
    """The user delegation key that signs a SAS: who asked for it, in which tenant, until when it holds."""

    object_id: str
    tenant_id: str
    starts: datetime
    expires: datetime


def sas_query(
    permissions: str,
    expires: datetime | date,
    *,
    starts: datetime | None = None,
    services: str | None = None,
    resource_types: str | None = None,
    resource: str | None = None,
    delegation: Delegation | None = None,
    addresses: str | None = None,
    policy: str | None = None,
    protocol: str = "https",
) -> str:
    """Return the SAS parameters, ending in `sig=XXXXX`.

    An account SAS has `services` and `resource_types` ("b", "sco"), a service SAS has `resource` ("c", "b"),
    and a delegation SAS has `resource` and `delegation`.
    """
    parameters: dict[str, str | None] = {
        "sv": VERSION,
        "ss": services,
        "srt": resource_types,
        "sp": permissions,
        "st": sas_time(starts) if starts else None,
        "se": sas_time(expires),
        "sip": addresses,
        "spr": protocol,
        "si": policy,
        "sr": resource,
        **(_delegated(delegation) if delegation else {}),
        "sig": "XXXXX",
    }
    return urlencode({name: value for name, value in parameters.items() if value is not None})


def _delegated(key: Delegation) -> dict[str, str | None]:
    return {
        "skoid": key.object_id,
        "sktid": key.tenant_id,
        "skt": sas_time(key.starts),
        "ske": sas_time(key.expires),
        "sks": "b",
        "skv": VERSION,
    }


def sas_time(at: datetime | date) -> str:
    """Return a time, or a mere date, in the notation of `st` and `se`."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(at, datetime) else at.isoformat()


def portal_sas(opened: datetime) -> str:
    """Return the account SAS that the Azure portal makes for itself when it browses by account key."""
    return sas_query("rwdlacupyx", opened + timedelta(hours=8), starts=opened, services="bqtf", resource_types="sco")
