from collections.abc import Iterator

from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, ending
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import GallerySharing
from grantwatch.model.containment import post
from grantwatch.model.grant import ANYONE, UNKNOWN_RECIPIENT, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW13",
    on=Operation,
    operations=("Microsoft.Compute/galleries/share/action",),
    requests=(GallerySharing,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Image gallery shared",
        severity=Severity.HIGH,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT,),
        analytics=(Analytic.AN1580,),
        false_positives=("Vendors that publish images, and organisations of several tenants.",),
        triage=(
            "Compare the recipients with the tenants and subscriptions of this organisation.",
            "List the image versions in the gallery: each holds the disks of the machine it was made from.",
            "End the sharing with the containment command; copies made meanwhile stay with the recipient.",
        ),
        references=("https://learn.microsoft.com/rest/api/compute/gallery-sharing-profile/update",),
    ),
)
def image_shared(operation: Operation) -> Said:
    """The images of a gallery, and so the disks in them, can now be used by others.

    High to another tenant or to everyone, Medium to single subscriptions.
    """
    request = operation.request(GallerySharing)
    kind = (request.operation_type or "add").lower()
    recipients = tuple(_recipients(request)) or (UNKNOWN_RECIPIENT,)
    gallery = operation.resource
    if kind in ("remove", "reset"):
        parts = (None,) if kind == "reset" else map(_name, recipients)
        yield from (
            Closing(topic=ending(gallery), at=operation.decided, holds=operation.took_effect, part=part)
            for part in parts
        )
        yield Match(
            title="Image gallery sharing ended",
            summary=f"{operation.actor.label} ended sharing of gallery {gallery.name}.",
            target=gallery,
            at=operation.decided,
            severity=Severity.INFORMATIONAL,
        )
        return
    for recipient in recipients:
        yield Match(
            summary=f"{operation.actor.label} shared gallery {gallery.name} with {recipient.id or recipient.kind}.",
            target=gallery,
            at=operation.decided,
            severity=Severity.MEDIUM if recipient.kind is RecipientKind.SUBSCRIPTION else None,
            grant=Grant(
                GrantKind.IMAGE_SHARE,
                operation.decided,
                name=(gallery.key, _name(recipient)),
                rests_on=(_name(recipient),),
            ),
            recipient=recipient,
            evidence={"SharedWith": (_name(recipient),)},
            containment=post(gallery, "share", "2024-03-03", '{"operationType": "Reset"}'),
        )


def _name(recipient: Recipient) -> str:
    return f"{recipient.kind}: {recipient.id}" if recipient.id else str(recipient.kind)


def _recipients(request: GallerySharing) -> Iterator[Recipient]:
    if (request.operation_type or "").lower() == "enablecommunity":
        yield ANYONE
    for group in request.groups or ():
        match (group.type or "").lower():
            case "community":
                yield ANYONE
            case "aadtenants":
                yield from (Recipient(RecipientKind.TENANT, each.lower(), each.lower()) for each in group.ids or ())
            case "subscriptions":
                yield from (Recipient(RecipientKind.SUBSCRIPTION, each.lower()) for each in group.ids or ())
