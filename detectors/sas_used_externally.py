from collections.abc import Iterator
from datetime import timedelta

from detectors.tellers import account_keys_were_read, delegation_keys_revoked, keys_renewed, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Lookback, Match, Precedent
from grantwatch.detection.sas_uses import (
    LONG_LIVED,
    LONGEST_DELEGATION,
    SAS_AUTHENTICATIONS,
    containment_of,
    delegation_keys_asked,
    parameters_of,
    portal_session,
    recipient_of,
)
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.grant_in_use import grant_in_use
from grantwatch.model.network import IpClass, network_of
from grantwatch.model.sas import SasKind
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, StorageAccess

_SLOWEST_CLOCK = timedelta(hours=1)
_NAMES = {
    SasKind.ACCOUNT: "An account SAS",
    SasKind.SERVICE: "A service SAS",
    SasKind.USER_DELEGATION: "A user delegation SAS",
}


def by_signature_network_and_day(access: Access) -> tuple[str, ...] | None:
    """The uses of one SAS from one kind of network on one day are one finding.

    Refused requests, our own networks, SAS that storage signs for itself, and the copy engine are none of it. Requests
    for delegation keys are looked at for who made them.
    """
    if access.requests_delegation_key:
        return (access.account, access.actor.id, access.time.date().isoformat()) if access.actor.id else None
    if not access.succeeded or access.network is IpClass.OWN or access.by_copy_engine or access.by_storage_itself:
        return None
    return access.account, access.signature or "unknown", access.network, access.time.date().isoformat()


@detector(
    id="GW06",
    on=StorageAccess,
    authentications=SAS_AUTHENTICATIONS,
    also=("GetUserDelegationKey",),
    authorized_for="generateUserDelegationKey",
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
    private addresses alone, which may be any virtual network in Azure. Of a user delegation SAS the requests for its
    key are named.
    """
    access = storage.first
    if access.requests_delegation_key:
        yield from _requests(storage)
        return
    sas = access.sas
    name = "A portal-like SAS" if storage.in_portal else _NAMES[sas.kind] if sas else "A SAS"
    yield Match(
        summary=f"{name} of {access.account} was used from {access.actor.address or 'an unknown address'}.",
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
        preceded_by=_lookback(storage),
        containment=containment_of(storage),
    )


def _requests(storage: StorageAccess) -> Iterator[Precedent]:
    """Who asked for a delegation key can sign SAS with it."""
    for access in storage.accesses:
        yield Precedent(
            topic=delegation_keys_asked(access.account, access.actor.id or "", access.time.date()),
            at=access.time,
            actor=access.actor,
            deed="asked for a delegation key",
            holds=access.succeeded,
        )


def _lookback(storage: StorageAccess) -> Lookback | None:
    """The request for the key of a delegation SAS, which names who made it, and since when the key is valid.

    That is when it was asked for, or a little earlier, to allow for clocks that are slow.
    """
    access = storage.first
    sas = access.sas
    if sas is None or sas.delegator_id is None or sas.delegated is None:
        return None
    days = dict.fromkeys((sas.delegated + late).date() for late in (timedelta(0), _SLOWEST_CLOCK))
    return Lookback(
        topics=tuple(delegation_keys_asked(access.account, sas.delegator_id, day) for day in days),
        within=LONGEST_DELEGATION,
        origins=tuple(dict.fromkeys(network_of(address) or address for address in storage.addresses)),
        must=False,
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
