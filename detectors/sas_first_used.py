from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import lru_cache

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.detection.sas_uses import LONG_LIVED, SAS_AUTHENTICATIONS, by_signature, containment_of, identity_of
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.network import IpClass
from grantwatch.model.sas import Sas
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, StorageAccess, by_network


def by_remarkable_signature(access: Access) -> tuple[str, ...] | None:
    """All uses of one SAS that is worth a word are one finding; the portal's own SAS, in the portal, is not."""
    if access.sas is None or access.in_portal or not _is_remarkable(access.sas, access.time.date()):
        return None
    return by_signature(access)


@detector(
    id="GW20",
    on=StorageAccess,
    authentications=SAS_AUTHENTICATIONS,
    natural_key=by_remarkable_signature,
    distinct_by=by_network,
    metadata=Metadata(
        title="Far-reaching SAS used for the first time",
        severity=Severity.LOW,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.DATA_FROM_CLOUD_STORAGE),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "New SAS that applications and partners were given on purpose.",
            "Old SAS that were not used in the weeks before, or not while GrantWatch was running.",
        ),
        triage=(
            "Find out who made this SAS: look for who read the account's keys, or asked for a delegation key, before.",
            "Ask whether its work needs the reach and the lifetime that the reasons name.",
            "Look at where else it was used from since.",
            "Replace it by a narrower one, or end it with the containment command.",
        ),
        references=(
            "https://learn.microsoft.com/azure/storage/common/storage-sas-overview#best-practices-when-using-sas",
            "https://learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas",
        ),
        stage=Stage.USE,
    ),
)
def sas_first_used(storage: StorageAccess) -> Said:
    """A SAS that reaches far, lives long, binds nobody or is a stranger's was seen for the first time.

    SAS are signed offline, so that no log shows them made: the first use is the first that can be known. One that names
    no expiry lives as long as its stored access policy, which no log tells. Two reasons or more make it Medium. From
    private addresses it is at most Low, from networks of ours Informational.
    """
    for access in storage.accesses:
        reasons = tuple(_reasons(access.sas, access.time, storage.tenant)) if access.sas else ()
        if reasons:
            yield _first_use(storage, access, reasons)
            return


def _first_use(storage: StorageAccess, access: Access, reasons: tuple[str, ...]) -> Match:
    return Match(
        summary=f"A SAS of {access.account} was seen for the first time; it {_listed(reasons)}.",
        target=storage.resource,
        at=access.time,
        severity=min(Severity.MEDIUM if len(reasons) > 1 else Severity.LOW, _most(access.network)),
        evidence={"Reasons": reasons, **identity_of(storage), "Networks": storage.origins},
        containment=containment_of(storage),
    )


@lru_cache(maxsize=4096)
def _is_remarkable(sas: Sas, day: date) -> bool:
    """Whether there may be a reason to report a SAS that is used on that day, whoever owns the account."""
    return any(_reasons(sas, datetime.combine(day, time.min, UTC), owner=None))


def _reasons(sas: Sas, used: datetime, owner: str | None) -> Iterator[str]:
    """What is remarkable about a SAS. Without ``owner``, whoever asked for its delegation key may be a stranger."""
    if sas.is_account_wide:
        yield "reaches the whole account"
    lifetime = sas.lifetime(used)
    if lifetime is None:
        yield "has no expiry of its own"
    elif lifetime > LONG_LIVED:
        yield f"lives longer than {LONG_LIVED.days} days"
    if _is_unrestricted(sas):
        yield "lets anyone write and list, from any address"
        if "http" in (sas.protocol or "https,http").lower().split(","):
            yield "works without encryption"
    for tenant, of_whom in ((sas.delegator_tenant, "was made"), (sas.recipient_tenant, "was made for somebody")):
        if tenant and owner != "" and tenant.lower() != owner:
            yield f"{of_whom} in the foreign tenant {tenant}"


def _is_unrestricted(sas: Sas) -> bool:
    return not sas.binds_address and {"w", "l"} <= set(sas.permissions)


def _most(network: IpClass) -> Severity:
    return {IpClass.OWN: Severity.INFORMATIONAL, IpClass.AZURE_INTERNAL: Severity.LOW}.get(network, Severity.MEDIUM)


def _listed(reasons: tuple[str, ...]) -> str:
    return ", ".join(reasons[:-1]) + " and " + reasons[-1] if len(reasons) > 1 else reasons[0]
