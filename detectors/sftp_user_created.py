from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.access_bodies import LocalUser, LocalUserProperties
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import delete_local_user
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Grant, GrantKind
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW28",
    on=Operation,
    operations=(
        "Microsoft.Storage/storageAccounts/localUsers/write",
        "Microsoft.Storage/storageAccounts/localUsers/regeneratePassword/action",
        "Microsoft.Storage/storageAccounts/localUsers/listKeys/action",
    ),
    requests=(LocalUser,),
    responses=(LocalUser,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="SFTP local user created or changed",
        severity=Severity.MEDIUM,
        stage=Stage.ACCESS,
        techniques=(Technique.ACCOUNT_MANIPULATION, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=("Partners who deliver or fetch files by SFTP, and the teams that look after them.",),
        triage=(
            "Ask the actor for whom the user is; no directory knows local users.",
            "Read which containers it reaches, and what it may do there.",
            "Search the storage logs for SFTP sessions of this user, above all from unfamiliar addresses.",
            "Delete the user with the containment command; its password and keys end at once.",
        ),
        references=(
            "https://learn.microsoft.com/azure/storage/blobs/secure-file-transfer-protocol-support",
            "https://learn.microsoft.com/rest/api/storagerp/local-users",
        ),
    ),
)
def sftp_user_created(operation: Operation) -> Said:
    """A user of a storage account's own, known to no directory, can now come in with a password or key of its own.

    Low when its keys were only read.
    """
    user = operation.resource
    account = user.storage_account or user
    properties = operation.request(LocalUser).properties or operation.response(LocalUser).properties
    properties = properties or LocalUserProperties()
    yield Match(
        summary=f"{operation.actor.label} {_DEEDS.get(operation.verb, 'changed')} local user {user.name} "
        f"of {account.name}.",
        target=account,
        at=operation.decided,
        severity=Severity.LOW if operation.verb == "listkeys" else None,
        grant=Grant(GrantKind.SFTP_USER, operation.decided, carrier=user.text),
        recipient=UNKNOWN_RECIPIENT,
        evidence={
            "LocalUser": user.name,
            "Reaches": tuple(
                f"{scope.service} {scope.resource_name}: {scope.permissions}"
                for scope in properties.permission_scopes or ()
            ),
            "HomeDirectory": properties.home_directory,
            "HasPassword": properties.has_ssh_password,
            "HasKey": properties.has_ssh_key,
            "HasSharedKey": properties.has_shared_key,
        },
        containment=delete_local_user(account, user.name),
    )


_DEEDS = {
    "write": "created or changed",
    "regeneratepassword": "got a new password for",
    "listkeys": "read the keys of",
}
