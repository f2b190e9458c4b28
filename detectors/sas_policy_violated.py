from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.detection.sas_uses import SAS_AUTHENTICATIONS, by_signature, containment_of, identity_of
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, StorageAccess, by_network


def by_signature_against_policy(access: Access) -> tuple[str, ...] | None:
    """All uses of one SAS that break the account's policy are one finding."""
    return by_signature(access) if access.policy_violated else None


@detector(
    id="GW22",
    on=StorageAccess,
    authentications=SAS_AUTHENTICATIONS,
    natural_key=by_signature_against_policy,
    distinct_by=by_network,
    metadata=Metadata(
        title="SAS outlives the account's policy",
        severity=Severity.LOW,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=("SAS that were made before the account got its expiration policy.",),
        triage=(
            "Find out who made a SAS for longer than the account's policy allows, and whether they knew of it.",
            "Replace it by one that the policy allows, then end it with the containment command.",
            "Let the policy block such SAS instead of logging them, where nothing depends on them any more.",
        ),
        references=("https://learn.microsoft.com/azure/storage/common/sas-expiration-policy",),
        stage=Stage.USE,
    ),
)
def sas_policy_violated(storage: StorageAccess) -> Said:
    """Azure let a SAS be used that lives longer than the account's expiration policy allows.

    The policy logs such SAS when they are used, and stops them only where it is set to. It is Azure's own word, from
    whatever network the use came.
    """
    access = storage.first
    yield Match(
        summary=f"A SAS of {access.account} was used that lives longer than the account's policy allows.",
        target=storage.resource,
        at=access.time,
        evidence={**identity_of(storage), "Networks": storage.origins},
        containment=containment_of(storage),
    )
