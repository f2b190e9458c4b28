from collections.abc import Iterable

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Fact, Match
from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import post
from grantwatch.model.lineage import Lineage
from grantwatch.model.paths import Path
from grantwatch.model.provenance import OPERATIONS, REQUESTS, RESPONSES, traces_of
from grantwatch.model.quantity import quantity
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.severity import Severity
from grantwatch.model.touches import MENTIONING
from grantwatch.model.traces import Deed, Edge, Link, Touch

_STEPS = {
    Link.SNAPSHOT: "snapshot {target} of {source}",
    Link.DISK_COPY: "copy {target} of {source}",
    Link.RESTORE_SOURCE: "restore points {target} for {source}",
    Link.RESTORE_POINT: "restore point {target} of {source}",
    Link.RESTORE: "restore of {source} to {target}",
    Link.VAULT_RESTORE: "restore of {source} from a vault to {target}",
    Link.IMAGE: "image {target} of {source}",
    Link.CAPTURE: "capture of {source} to {target}",
    Link.GALLERY_VERSION: "image version {target} of {source}",
    Link.LATEST_VERSION: "version {source} of image {target}",
    Link.FROM_IMAGE: "{target} from image {source}",
    Link.IMPORT: "import of {source} to {target}",
    Link.ATTACH: "{source} attached to {target}",
    Link.OS_DISK: "{source} made the OS disk of {target}",
    Link.NETWORK: "{source} made an interface of {target}",
}


@detector(
    id="GW18",
    on=Lineage,
    operations=OPERATIONS,
    requests=REQUESTS,
    responses=RESPONSES,
    traces=traces_of,
    mentioning=MENTIONING,
    metadata=Metadata(
        title="Copy of a volume mounted on another machine",
        severity=Severity.MEDIUM,
        techniques=(Technique.CREATE_SNAPSHOT, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1187,),
        stage=Stage.USE,
        false_positives=(
            "Tests of backups and of disaster recovery, which restore to a machine of their own.",
            "Pipelines that build images and deploy machines from them.",
            "Kubernetes, which restores volumes from snapshots onto any node of a cluster.",
            "Forensic work on copies of a disk.",
            "A machine's own volume comes back, and no log shows that it was on this machine before.",
        ),
        triage=(
            "Read the path in the evidence: who copied which volume, and who mounted it where.",
            "Ask the owner of the source volume, over another channel, whether this copy was wanted.",
            "See who can sign in to the machine: its owner, its network, its run commands.",
            "Stop the machine with the containment command, keep its disks as evidence, and delete the copies later.",
            "Rotate the credentials that were stored on the source volume.",
        ),
        references=(
            "https://attack.mitre.org/techniques/T1578/001/",
            "https://learn.microsoft.com/rest/api/compute/disks/create-or-update",
            "https://learn.microsoft.com/rest/api/compute/virtual-machines/attach-detach-data-disks",
        ),
    ),
)
def snapshot_to_instance(lineage: Lineage) -> Said:
    """A volume was copied, and a machine that it did not belong to got the copy.

    The copy may be a snapshot, a disk, a restore point, an image or several of these after each other. High if it went
    to another subscription or tenant, if several took part and one of them is a person, if the machine was opened or
    commanded or the copy cleaned away by a person afterwards, by itself or with its resource group, or any of that was
    done around a machine that was made for it. Low if no such way is seen, but more leads to the machine than is kept.
    """
    machine = lineage.resource
    for path in lineage.paths:
        source = resource_of(path.source)
        yield Match(
            summary=f"Data of {source.label} reached {machine.label}{' in another tenant' if _is_abroad(path) else ''} "
            f"in {quantity(len(path.edges), 'step')}, the last by {path.completing.actor.label}.",
            target=machine,
            at=path.completed,
            severity=_severity(path),
            evidence=_evidence(path),
            containment=_containment(machine),
        )
    if lineage.is_crowded and not lineage.paths:
        yield Match(
            summary=f"More was attached to {machine.label} or led to it than is kept; look at its disks by hand.",
            target=machine,
            at=lineage.decisive.at,
            severity=Severity.LOW,
        )


def _evidence(path: Path) -> dict[str, Fact]:
    subscriptions = _subscriptions(path)
    regions = _distinct(edge.region for edge in path.edges)
    return {
        "Path": tuple(map(_step, path.edges)),
        "Source": resource_of(path.source).text,
        "Hops": len(path.edges),
        "Variants": _distinct(str(edge.how) for edge in path.edges),
        "Tenants": _tenants(path),
        "TenantChanged": _is_abroad(path),
        "Subscriptions": subscriptions,
        "SubscriptionChanged": len(subscriptions) > 1,
        "Regions": regions,
        "RegionChanged": len(regions) > 1,
        "Actors": _distinct(edge.actor.label for edge in path.edges),
        "ActorTenants": _distinct(edge.actor.tenant for edge in path.edges),
        "InstanceCreatedForIt": path.for_it,
        "Meanwhile": tuple(map(_deed, path.touches)),
    }


def _severity(path: Path) -> Severity:
    actors = [edge.actor for edge in path.edges if not _is_platform(edge.actor)]
    if not actors:
        return Severity.INFORMATIONAL
    known = {name for actor in actors if (name := actor.id or actor.upn or actor.app_id)}
    # One identity builds images and another deploys them all day.
    several = len(known) > 1 and any(map(_is_person, actors))
    moved = len(_subscriptions(path)) > 1 or _is_abroad(path)
    suspect = moved or several or any(_is_suspect(each, path) for each in path.touches)
    return Severity.HIGH if suspect else Severity.MEDIUM


def _is_suspect(touch: Touch, path: Path) -> bool:
    """Whether somebody opened, commanded or cleaned away what was made for the copy, or did so once it had arrived."""
    # Policies put extensions on every new machine.
    if touch.what is Deed.EXTENSION or _is_platform(touch.actor):
        return False
    if path.for_it or touch.at < path.completed:
        return path.for_it
    copies = {resource_of(node).key for node in path.nodes[1:]} | path.groups
    return touch.what is not Deed.DELETED or (touch.node_key in copies and _is_person(touch.actor))


def _is_person(actor: Actor) -> bool:
    """Or nobody knows what."""
    return actor.kind in (ActorKind.USER, ActorKind.GUEST, ActorKind.UNKNOWN)


def _is_platform(actor: Actor) -> bool:
    return actor.kind is ActorKind.PLATFORM_SERVICE


def _subscriptions(path: Path) -> tuple[str, ...]:
    return _distinct(resource_of(node).subscription for node in path.nodes)


def _tenants(path: Path) -> tuple[str, ...]:
    """As far as records named them."""
    return _distinct(edge.tenant for edge in path.edges)


def _is_abroad(path: Path) -> bool:
    """Whether the tenant changed on the way, if only because the subscription was moved to another."""
    return len(_tenants(path)) > 1


def _step(edge: Edge) -> str:
    source, target = resource_of(edge.source).label, resource_of(edge.target).label
    return f"{edge.at:%Y-%m-%dT%H:%MZ} {_STEPS[edge.how].format(source=source, target=target)} {_by(edge.actor)}"


def _deed(touch: Touch) -> str:
    return f"{touch.at:%Y-%m-%dT%H:%MZ} {touch.what} on {resource_of(touch.node).label} {_by(touch.actor)}"


def _by(actor: Actor) -> str:
    return f"by {actor.label}" + (f" from {actor.address}" if actor.address else "")


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _containment(machine: ResourceId) -> str:
    """The command that stops the machine, and so whatever reads the copy on it."""
    match machine.kind:
        case "microsoft.compute/virtualmachines":
            return f"az vm deallocate --ids {machine.quoted}"
        case "microsoft.compute/virtualmachinescalesets":
            return f"az vmss deallocate --ids {machine.quoted}"
        case _:
            return post(machine, "deallocate", "2024-07-01")
