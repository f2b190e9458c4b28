from datetime import timedelta

from detectors.tellers import delegation_keys_revoked, keys_renewed, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import CounterFact, Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import renew_keys, revoke_delegation_keys
from grantwatch.model.grant import UNKNOWN_RECIPIENT
from grantwatch.model.grant_in_use import grant_in_use
from grantwatch.model.sas import SasKind
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import COPY_ENGINE_READS, Access, Authentication, StorageAccess, by_object

SAME_COPY = timedelta(minutes=5)
"""Between a read by the copy engine and the record of the copy that it was made for."""


def by_signature_or_source(access: Access) -> tuple[str, ...] | None:
    """Storage's own reads with one SAS on one day are one finding; each copy's source stands for itself."""
    if not access.succeeded:
        return None
    day = access.time.date().isoformat()
    if access.source_path is not None:
        return "source", access.source_path.lower(), day
    if not access.by_copy_engine:
        return None
    return "read", access.account, access.signature or "unknown", day


@detector(
    id="GW07",
    on=StorageAccess,
    operations=COPY_ENGINE_READS,
    authentications=frozenset((Authentication.SAS, Authentication.DELEGATION_SAS)),
    also=(
        "CopyBlob",
        "CopyBlobSource",
        "CopyBlobFromURL",
        "PutBlobFromURL",
        "PutBlockFromURL",
        "AppendBlockFromURL",
        "CopyFile",
        "PutRangeFromURL",
    ),
    natural_key=by_signature_or_source,
    distinct_by=by_object,
    notes_last_use=True,
    told_by=(delegation_keys_revoked, keys_renewed, resource_deleted),
    metadata=Metadata(
        title="Data copied out by the storage service",
        severity=Severity.MEDIUM,
        stage=Stage.USE,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Copies into own accounts whose logs do not reach GrantWatch.",
            "Migration tools that copy between accounts of one organisation.",
        ),
        triage=(
            "Find out who holds this SAS; the destination account is not in the log, only its owner sees the copy.",
            "Compare the objects with what is copied on purpose: migrations, data products, backups.",
            "List what else was read with the same signature.",
            "End the SAS with the containment command.",
        ),
        references=(
            "https://learn.microsoft.com/rest/api/storageservices/copy-blob",
            "https://learn.microsoft.com/azure/azure-monitor/reference/tables/storagebloblogs",
        ),
    ),
)
def server_side_copy_out(storage: StorageAccess) -> Said:
    """Azure Storage itself read data with a SAS, as it does to copy it into another account.

    The other account's owner sees the copy; the victim sees only these reads. When the same object shows up as the
    source of a copy in an account of ours, before or after, the copy stayed at home.
    """
    access = storage.first
    if access.source_path is not None:
        for each in storage.accesses:
            yield CounterFact(
                topic=("copy", access.source_path.lower()),
                at=each.time,
                within=SAME_COPY,
                reason=f"the copy went into our account {each.account}",
            )
        return
    sas, path = access.sas, access.object_path or access.account
    delegated = sas is not None and sas.kind is SasKind.USER_DELEGATION
    yield Match(
        summary=f"Storage itself read {path} with a SAS, as for a copy into another account.",
        target=storage.resource,
        at=access.time,
        grant=grant_in_use(storage),
        recipient=UNKNOWN_RECIPIENT,
        evidence={
            "Signature": access.signature,
            "SignedWith": access.signed_with,
            "Objects": (path,),
            "Addresses": storage.addresses,
        },
        countered_by=(("copy", path.lower()),),
        containment=(
            revoke_delegation_keys(storage.resource) if delegated else renew_keys(storage.resource, access.signed_with)
        ),
    )
