from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, Setting, ending
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import StorageAccountProperties, StorageResource
from grantwatch.model.containment import close_container, update_account
from grantwatch.model.grant import ANYONE, Grant, GrantKind
from grantwatch.model.life import ANONYMOUS_ACCESS
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW10",
    on=Operation,
    operations=(
        "Microsoft.Storage/storageAccounts/write",
        "Microsoft.Storage/storageAccounts/delete",
        "Microsoft.Storage/storageAccounts/blobServices/containers/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
    ),
    requests=(StorageResource,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Anonymous access enabled",
        severity=Severity.MEDIUM,
        stage=Stage.WEAKENING,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.DATA_FROM_CLOUD_STORAGE),
        analytics=(Analytic.AN1580,),
        false_positives=("Accounts that serve public web content.",),
        triage=(
            "List the containers of the account that allow anonymous reading, and what lies in them.",
            "Search the storage logs for Anonymous requests since.",
            "Run the containment command, unless the content is meant for everyone.",
        ),
        references=("https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure",),
    ),
)
def public_access_enabled(operation: Operation) -> Said:
    """Anyone on the internet may now read blobs of an account or container, or containers may now be made so."""
    request = operation.request(StorageResource)
    properties = request.properties or StorageAccountProperties()
    of_container = operation.resource.kind.endswith("/containers")
    deleted = operation.verb == "delete"
    asked = properties.public_access if of_container else properties.allow_blob_public_access
    if asked is None and not deleted:
        return
    value = str(asked).lower()
    account = operation.resource.storage_account or operation.resource
    setting = Setting(
        topic=("anonymous access", operation.resource.key),
        values=frozenset() if deleted else frozenset((value,)),
        at=operation.decided,
        whole=request.is_whole and not operation.created,
        holds=operation.took_effect,
    )
    yield setting
    if value in ("none", "false"):
        yield Closing(
            topic=ending(operation.resource), at=operation.decided, holds=operation.took_effect, part=ANONYMOUS_ACCESS
        )
    if deleted or value in ("none", "false"):
        return
    yield Match(
        summary=f"{operation.actor.label} "
        + (
            f"opened container {operation.resource.name}"
            if of_container
            else f"let containers of {account.name} be opened"
        )
        + " to anonymous reading.",
        target=operation.resource,
        at=operation.decided,
        change=setting,
        grant=Grant(GrantKind.PUBLIC_ACCESS, operation.decided, name=(operation.resource.key,)),
        recipient=ANYONE,
        evidence={"PublicAccess": value},
        containment=(
            close_container(account, operation.resource.name)
            if of_container
            else update_account(account, "--allow-blob-public-access false")
        ),
    )
