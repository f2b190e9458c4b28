"""See the detector's own sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, Setting
from grantwatch.model.attack import Analytic, Technique
from grantwatch.model.bodies import NetworkRules, StorageAccountProperties, StorageResource
from grantwatch.model.containment import remove_network_rules, update_account
from grantwatch.model.grant import ANYONE, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
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
    account = operation.resource
    for rule in _rules(request.properties):
        topic = ("network", rule.name, account.key)
        setting = Setting(
            topic=topic,
            values=rule.values,
            at=operation.decided,
            whole=request.is_whole,
            holds=operation.took_effect,
            is_default=operation.created and request.is_whole and rule.to_everyone,
        )
        yield setting
        if not rule.opens:
            yield Closing(topic=topic, at=operation.decided, holds=operation.took_effect)
        else:
            values = ", ".join(sorted(rule.values))
            yield Match(
                summary=f"{operation.actor.label} opened the network of {account.name} to "
                + ("everyone." if rule.to_everyone else f"{values}."),
                target=account,
                at=operation.decided,
                severity=None if rule.to_everyone else Severity.LOW,
                change=setting,
                grant=Grant(GrantKind.NETWORK_OPENING, operation.decided),
                closed_by=(topic,),
                recipient=ANYONE if rule.to_everyone else Recipient(RecipientKind.ADDRESS, values),
                evidence={"Opened": (f"{rule.name}: {values}",)},
                containment=_containment(account, rule),
            )


@dataclass(frozen=True, slots=True)
class _Rule:
    """One part of the firewall as a request sets it."""

    name: str
    values: frozenset[str]

    @property
    def to_everyone(self) -> bool:
        return bool(self.values & {"allow", "enabled"})

    @property
    def opens(self) -> bool:
        return self.to_everyone or (self.name == "IpRules" and bool(self.values))


def _rules(properties: StorageAccountProperties) -> Iterator[_Rule]:
    """The parts of the firewall that a request sets. Enabled public access under a default of Deny opens nothing."""
    acls = properties.network_acls or NetworkRules()
    default = (acls.default_action or "").lower()
    if properties.public_network_access is not None:
        selected = default == "deny" and properties.public_network_access.lower() == "enabled"
        value = "selected networks" if selected else properties.public_network_access.lower()
        yield _Rule("PublicNetworkAccess", frozenset((value,)))
    if default:
        yield _Rule("DefaultAction", frozenset((default,)))
    if acls.ip_rules is not None and default != "allow":
        yield _Rule("IpRules", frozenset(rule.value.lower() for rule in acls.ip_rules if rule.value))


def _containment(account: ResourceId, rule: _Rule) -> str:
    match rule.name:
        case "IpRules":
            return remove_network_rules(account, sorted(rule.values))
        case "PublicNetworkAccess":
            return update_account(account, "--public-network-access Disabled")
        case _:
            return update_account(account, "--default-action Deny")
