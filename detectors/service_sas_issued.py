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
    id="GW03",
    on=Operation,
    operations=("Microsoft.Storage/storageAccounts/listServiceSas/action",),
    requests=(IssuedSas,),
    told_by=(keys_renewed, resource_deleted),
    metadata=Metadata(
        title="Service SAS issued",
        severity=Severity.LOW,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.UNSECURED_CREDENTIALS),
        analytics=(Analytic.AN1580,),
        false_positives=("Applications that hand out links to single files or containers.",),
        triage=(
            "Read what the SAS reaches, what it permits and until when.",
            "Ask the actor for whom it was made.",
            "Delete the stored access policy it is bound to, or renew the signing key, if nobody answers for it.",
        ),
        references=("https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-service-sas",),
    ),
)
def service_sas_issued(operation: Operation) -> Said:
    """A caller had Azure sign a SAS for one container, share, queue, table or object."""
    request = operation.request(IssuedSas)
    reach = request.canonicalized_resource or operation.resource.name
    yield Match(
        summary=f"{operation.actor.label} had a service SAS made for {reach}.",
        target=operation.resource,
        at=operation.decided,
        grant=Grant(
            GrantKind.SERVICE_SAS,
            operation.decided,
            time_of(request.signed_expiry),
            rests_on=signing_keys(request.key_to_sign),
        ),
        evidence={
            "Resource": request.canonicalized_resource,
            "ResourceKind": request.signed_resource,
            "Permissions": request.signed_permission,
            "Starts": request.signed_start,
            "Expires": request.signed_expiry,
            "AddressRange": request.signed_ip,
            "Protocol": request.signed_protocol,
            "StoredAccessPolicy": request.signed_identifier,
            "SigningKey": request.key_to_sign,
        },
        containment=renew_keys(operation.resource, request.key_to_sign),
    )
