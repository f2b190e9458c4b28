from collections.abc import Iterator

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.detection.sas_uses import SAS_AUTHENTICATIONS, by_signature, containment_of, identity_of
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.grant import Confidence, Recipient, RecipientKind
from grantwatch.model.network import IpClass
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, StorageAccess, by_network

_OUTSIDE = (IpClass.PUBLIC, IpClass.UNKNOWN)


def by_known_signature(access: Access) -> tuple[str, ...] | None:
    """All uses of one SAS are one finding, where its signature is known: alike parameters may be two SAS.

    The copy engine comes from elsewhere by its nature.
    """
    return by_signature(access) if access.has_signature and not access.by_copy_engine else None


@detector(
    id="GW21",
    on=StorageAccess,
    authentications=SAS_AUTHENTICATIONS,
    natural_key=by_known_signature,
    distinct_by=by_network,
    metadata=Metadata(
        title="SAS used from a new network",
        severity=Severity.LOW,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.DATA_FROM_CLOUD_STORAGE),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "A SAS that was handed to several parties, or published.",
            "Clients that move: mobile ones, those behind proxies with many addresses, those that change to a VPN.",
            "Own networks that are not declared in the settings.",
        ),
        triage=(
            "Ask who was given this SAS whether the networks behind the first one are theirs.",
            "If not, take it as stolen from there: look for how it got from the first network to the next.",
            "List what was read from the new network with the same signature.",
            "End it with the containment command, and give its rightful holder another.",
        ),
        references=(
            "https://learn.microsoft.com/azure/defender-for-cloud/alerts-azure-storage",
            "https://learn.microsoft.com/azure/storage/common/storage-sas-overview",
        ),
        stage=Stage.USE,
    ),
)
def sas_used_from_new_network(storage: StorageAccess) -> Said:
    """A SAS that was used from one network turned up in another: it was passed on, or stolen.

    The first use from outside of a SAS that stayed inside until then is Medium, for there it left our custody. From one
    outside network to the next it is Low: it may have been given to several. The portal's own SAS has no business
    anywhere but in the one browser that it was made for: from another network or by a tool it is Medium, or Low in a
    network of ours. What turns up in networks of ours or at private addresses is Informational.
    """
    for access, before in _newcomers(storage):
        yield Match(
            summary=f"A SAS of {access.account} first used from {before[0].origin} was used from {access.origin} too.",
            target=storage.resource,
            at=access.time,
            severity=_severity(access, before),
            recipient=Recipient(RecipientKind.ADDRESS, access.origin, confidence=Confidence.INFERRED),
            evidence={"PortalLike": before[0].in_portal or None, **identity_of(storage), "Networks": storage.origins},
            containment=containment_of(storage),
        )


def _newcomers(storage: StorageAccess) -> Iterator[tuple[Access, tuple[Access, ...]]]:
    """First uses from each further network, with the first ones of the networks before it.

    A SAS that was ever used in the portal is the portal's own, whether a tool used it before or after.
    """
    browsing = next((access for access in storage.accesses if access.in_portal), None)
    seen = {} if browsing is None else {browsing.origin: browsing}
    for access in storage.accesses:
        before = tuple(seen.values())
        if before and (access.origin not in seen or (browsing and not access.by_browser)):
            yield access, before
        seen.setdefault(access.origin, access)


def _severity(access: Access, before: tuple[Access, ...]) -> Severity:
    outside = access.network in _OUTSIDE
    if before[0].in_portal:
        return Severity.MEDIUM if outside else Severity.LOW
    if not outside:
        return Severity.INFORMATIONAL
    return Severity.LOW if any(each.network in _OUTSIDE for each in before) else Severity.MEDIUM
