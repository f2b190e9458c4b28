from detectors.tellers import account_keys_were_read, delegation_keys_revoked, keys_renewed, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.detection.sas_uses import (
    LONG_LIVED,
    SAS_AUTHENTICATIONS,
    containment_of,
    parameters_of,
    portal_session,
    recipient_of,
)
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.grant_in_use import grant_in_use
from grantwatch.model.network import IpClass
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, StorageAccess


def by_signature_network_and_day(access: Access) -> tuple[str, ...] | None:
    """The uses of one SAS from one kind of network on one day are one finding.

    Refused requests, our own networks, SAS that storage signs for itself, and the copy engine are none of it.
    """
    if not access.succeeded or access.network is IpClass.OWN or access.by_copy_engine or access.by_storage_itself:
        return None
    return access.account, access.signature or "unknown", access.network, access.time.date().isoformat()


@detector(
    id="GW06",
    on=StorageAccess,
    authentications=SAS_AUTHENTICATIONS,
    natural_key=by_signature_network_and_day,
    notes_last_use=True,
    told_by=(account_keys_were_read, delegation_keys_revoked, keys_renewed, resource_deleted),
    metadata=Metadata(
        title="SAS used from outside",
        severity=Severity.LOW,
        stage=Stage.USE,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.DATA_FROM_CLOUD_STORAGE),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Partners and devices that were given a SAS on purpose.",
            "Own networks that are not declared in the settings.",
            "People browsing in the Azure portal, which makes itself a near-full account SAS.",
        ),
        triage=(
            "Find out who was given this SAS; the signature's hash is its name in every storage log.",
            "Read its permissions, reach and lifetime: they bound what was and can be taken.",
            "List everything that was requested with the same signature, from all addresses.",
            "Look for who read the account's keys, or asked for a delegation key, before its first use.",
            "End it with the containment command, which ends all SAS of the same key.",
        ),
        references=(
            "https://learn.microsoft.com/azure/storage/common/storage-sas-overview",
            "https://learn.microsoft.com/azure/storage/blobs/blob-storage-monitoring-scenarios",
        ),
    ),
)
def sas_used_externally(storage: StorageAccess) -> Said:
    """A SAS opened a storage account to somebody on a network that is not declared ours.

    Account-wide SAS, and those that live longer than a week and bind no address, are Medium. What looks like the
    portal's own is Low, and Informational when somebody at the same address read the account's keys; so is use from
    private addresses alone, which may be any virtual network in Azure.
    """
    access = storage.first
    sas = access.sas
    name = "portal-like SAS" if storage.in_portal else sas.kind if sas else "SAS"
    yield Match(
        summary=f"A {name} of {access.account} was used from {access.actor.address or 'an unknown address'}.",
        target=storage.resource,
        at=access.time,
        severity=_severity(storage),
        grant=grant_in_use(storage),
        recipient=recipient_of(storage),
        evidence={
            "Signature": access.signature,
            "SignedWith": access.signed_with,
            "PortalLike": storage.in_portal or None,
            "PolicyViolated": any(each.policy_violated for each in storage.accesses) or None,
            **parameters_of(sas),
            "Addresses": storage.addresses,
            "Agents": storage.agents,
            "Operations": storage.operations,
        },
        countered_by=(
            (portal_session(access.account, storage.addresses[0]),)
            if storage.in_portal and len(storage.addresses) == 1
            else ()
        ),
        containment=containment_of(storage),
    )


def _severity(storage: StorageAccess) -> Severity:
    access = storage.first
    if access.network is IpClass.AZURE_INTERNAL:
        return Severity.INFORMATIONAL
    sas = access.sas
    if storage.in_portal or sas is None:
        return Severity.LOW
    lifetime = sas.lifetime(access.time)
    unbound_for_long = lifetime is not None and lifetime > LONG_LIVED and not sas.binds_address
    return Severity.MEDIUM if sas.is_account_wide or unbound_for_long else Severity.LOW
