from detectors.tellers import keys_renewed, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import IssuedSas
from grantwatch.model.containment import renew_keys
from grantwatch.model.grant import Grant, GrantKind
from grantwatch.model.life import signing_keys
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity
from grantwatch.model.time import time_of


@detector(
    id="GW02",
    on=Operation,
    operations=("Microsoft.Storage/storageAccounts/listAccountSas/action",),
    requests=(IssuedSas,),
    told_by=(keys_renewed, resource_deleted),
    metadata=Metadata(
        title="Account SAS issued",
        severity=Severity.MEDIUM,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.UNSECURED_CREDENTIALS),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "Platform services fetch a SAS to write diagnostics; their role and application show it.",
            "Deployment templates that call listAccountSas in their outputs.",
        ),
        triage=(
            "Read the permissions and the expiry: this is what its holder can do, from anywhere, until then.",
            "Ask the actor for whom the SAS was made.",
            "Search the storage logs for uses of SAS on the account from unfamiliar addresses since.",
            "Renew the signing key if the SAS is not accounted for; that is the only way to end it early.",
        ),
        references=("https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-account-sas",),
    ),
)
def account_sas_issued(operation: Operation) -> Said:
    """A caller had Azure sign a SAS that reaches the services of a whole storage account."""
    request = operation.request(IssuedSas)
    yield Match(
        summary=f"{operation.actor.label} had an account SAS made for {operation.resource.name}.",
        target=operation.resource,
        at=operation.decided,
        grant=Grant(
            GrantKind.ACCOUNT_SAS,
            operation.decided,
            time_of(request.signed_expiry),
            rests_on=signing_keys(request.key_to_sign),
        ),
        evidence={
            "Services": request.signed_services,
            "ResourceTypes": request.signed_resource_types,
            "Permissions": request.signed_permission,
            "Starts": request.signed_start,
            "Expires": request.signed_expiry,
            "AddressRange": request.signed_ip,
            "Protocol": request.signed_protocol,
            "SigningKey": request.key_to_sign,
        },
        containment=renew_keys(operation.resource, request.key_to_sign),
    )
