from detectors.tellers import account_keys_were_read, keys_renewed
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Lookback, Match
from grantwatch.detection.sas_uses import KEYS_ARE_RECENT, by_signature, containment_of, identity_of, keys_read
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Confidence, Recipient, RecipientKind
from grantwatch.model.life import signing_keys
from grantwatch.model.network import IpClass
from grantwatch.model.sas import SasKind
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, Authentication, StorageAccess, by_network

_OUTSIDE = (IpClass.PUBLIC, IpClass.UNKNOWN)


def by_key_signature(access: Access) -> tuple[str, ...] | None:
    """All uses of one SAS that an account key signed are one finding; those in the portal are a person browsing."""
    if access.sas is None or access.sas.kind is SasKind.USER_DELEGATION or access.in_portal:
        return None
    return by_signature(access)


@detector(
    id="GW24",
    on=StorageAccess,
    authentications=frozenset((Authentication.SAS,)),
    natural_key=by_key_signature,
    distinct_by=by_network,
    told_by=(account_keys_were_read, keys_renewed),
    metadata=Metadata(
        title="New SAS used after the keys were read",
        severity=Severity.INFORMATIONAL,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.UNSECURED_CREDENTIALS),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Pipelines that read the keys to make SAS for others, as their work is.",
            "A SAS that is older than its first use, where somebody happened to read the keys meanwhile.",
        ),
        triage=(
            "Ask the first of the candidates whether they made this SAS, and for whom.",
            "If they did not, look at what else their account did around that time: it may not have been them.",
            "Look for other SAS that were first used since then: whoever has the key can make any number.",
            "Renew the key that signed it with the containment command.",
        ),
        references=(
            "https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-keys",
            "https://learn.microsoft.com/rest/api/storagerp/storage-accounts/regenerate-key",
            "https://learn.microsoft.com/azure/storage/common/storage-sas-overview#sas-token",
        ),
        stage=Stage.USE,
    ),
)
def sas_used_after_key_read(storage: StorageAccess) -> Said:
    """A SAS was used from outside for the first time, within three days after the account's keys were read.

    Storage's own reads for a copy count as well, for nobody can tell from them where the data went.

    No log shows who signs a SAS. It takes the key, so that those who read it or renewed one before are the candidates,
    ranked by time, network and whether they are people. Azure's own services are none, nor is whoever read the keys
    before the one that signed it was renewed. Where the likeliest of them was in another network than those who use it,
    it is Medium: the SAS was passed on, or the key.
    """
    first = storage.first
    copied = any(each.by_copy_engine for each in storage.accesses)
    outside = tuple(each.origin for each in storage.accesses if each.network in _OUTSIDE and not each.by_copy_engine)
    if not (copied or outside):
        return
    signers = signing_keys(first.signed_with)
    yield Match(
        summary=f"A SAS of {first.account} was first used shortly after the account's keys were read.",
        target=storage.resource,
        at=first.time,
        recipient=Recipient(RecipientKind.ADDRESS, outside[0], confidence=Confidence.INFERRED)
        if outside
        else UNKNOWN_RECIPIENT,
        evidence={**identity_of(storage), "Networks": storage.origins},
        containment=containment_of(storage),
        preceded_by=Lookback(
            topics=tuple(keys_read(first.account, at) for at in (first.time, first.time - KEYS_ARE_RECENT)),
            within=KEYS_ARE_RECENT,
            origins=outside,
            severity_if_elsewhere=Severity.MEDIUM,
            key=signers[0] if len(signers) == 1 else None,
        ),
    )
