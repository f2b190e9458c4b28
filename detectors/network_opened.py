"""See the detector's own sentence."""

from collections.abc import Iterator

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match, Setting
from grantwatch.model.attack import Analytic, Technique
from grantwatch.model.bodies import StorageAccountProperties, StorageResource
from grantwatch.model.containment import update_account
from grantwatch.model.grant import ANYONE, Confidence, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.severity import Severity


@detector(
    id="GW11",
    on=Operation,
    operations=("Microsoft.Storage/storageAccounts/write",),
    requests=(StorageResource,),
    metadata=Metadata(
        title="Storage network opened",
        severity=Severity.MEDIUM,
        techniques=(Technique.DISABLE_CLOUD_FIREWALL, Technique.TRANSFER_TO_CLOUD_ACCOUNT),
        analytics=(Analytic.AN1580,),
        false_positives=("Planned migrations, and people who open an account to reach it from home.",),
        triage=(
            "Ask the actor why the account must be reachable, and from where.",
            "Search the storage logs for requests from unfamiliar addresses since.",
            "Run the containment command; requests from networks without a rule stop at once.",
        ),
        references=("https://learn.microsoft.com/azure/storage/common/storage-network-security",),
    ),
)
def network_opened(operation: Operation) -> Said:
    """A storage account's firewall now lets in everyone, or addresses that it did not let in before (Low)."""
    request = operation.request(StorageResource)
    if request.properties is None:
        return
    for name, value in _rules(request.properties):
        setting = Setting(
            topic=("network", name, operation.resource.key),
            value=value,
            at=operation.decided,
            whole=request.is_whole,
            is_default=operation.created and request.is_whole and value in ("allow", "enabled"),
        )
        if operation.took_effect:
            yield setting
        to_everyone = value in ("allow", "enabled")
        if to_everyone or (name == "IpRules" and value):
            yield Match(
                summary=f"{operation.actor.label} opened the network of {operation.resource.name} to "
                + ("everyone." if to_everyone else f"{value}."),
                target=operation.resource,
                at=operation.decided,
                severity=None if to_everyone else Severity.LOW,
                change=setting,
                grant=Grant(GrantKind.NETWORK_OPENING, operation.decided),
                recipient=ANYONE
                if to_everyone
                else Recipient(RecipientKind.ADDRESS, value, confidence=Confidence.STATED),
                evidence={"Opened": (f"{name}: {value}",)},
                containment=update_account(operation.resource, "--default-action Deny"),
            )


def _rules(properties: StorageAccountProperties) -> Iterator[tuple[str, str]]:
    """The parts of the firewall that a request sets, in lower case."""
    if properties.public_network_access is not None:
        yield "PublicNetworkAccess", properties.public_network_access.lower()
    rules = properties.network_acls
    if rules is None:
        return
    if rules.default_action is not None:
        yield "DefaultAction", rules.default_action.lower()
    if rules.ip_rules is not None and (rules.default_action or "").lower() != "allow":
        yield "IpRules", ", ".join(sorted(rule.value.lower() for rule in rules.ip_rules if rule.value))
