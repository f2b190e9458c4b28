from collections.abc import Iterable, Iterator

from msgspec import Struct

from detectors.tellers import resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Closing, Match, Setting, ending
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.bodies import NetworkRules, StorageAccountProperties, StorageResource
from grantwatch.model.containment import remove_network_rule, update_account
from grantwatch.model.grant import ANYONE, Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.life import EVERY_NETWORK, PUBLIC_NETWORKS
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Severity


@detector(
    id="GW11",
    on=Operation,
    operations=("Microsoft.Storage/storageAccounts/write", "Microsoft.Storage/storageAccounts/delete"),
    requests=(StorageResource,),
    told_by=(resource_deleted,),
    metadata=Metadata(
        title="Storage network opened",
        severity=Severity.MEDIUM,
        stage=Stage.WEAKENING,
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
    """A storage account's firewall now lets in everyone, or somebody whom it did not let in before (Low)."""
    account = operation.resource
    request = operation.request(StorageResource)
    deleted = operation.verb == "delete"
    rules = tuple(_nothing() if deleted else _rules(request.properties or StorageAccountProperties()))
    for part in _shut_out(rules):
        yield Closing(topic=ending(account), at=operation.decided, holds=operation.took_effect, part=part)
    for rule in rules:
        setting = Setting(
            topic=("network", rule.name, account.key),
            values=frozenset(rule.values),
            at=operation.decided,
            whole=request.is_whole and not operation.created,
            is_default=operation.created and request.is_whole and rule.to_everyone,
            holds=operation.took_effect,
        )
        yield setting
        for value in rule.openings:
            everyone = value in _TO_EVERYONE or _is_vast(value)
            yield Match(
                summary=f"{operation.actor.label} opened the network of {account.name} to "
                + ("everyone." if everyone else f"{value}."),
                target=account,
                at=operation.decided,
                severity=None if everyone else Severity.LOW,
                change=setting.of(value),
                grant=Grant(
                    GrantKind.NETWORK_OPENING,
                    operation.decided,
                    name=(account.key, rule.name, value),
                    rests_on=(rule.rests_on,),
                ),
                recipient=ANYONE if everyone else rule.recipient(value),
                evidence={"Opened": (f"{rule.name}: {value}",)},
                containment=_containment(account, rule, value),
            )


class _Rule(Struct, frozen=True):
    """One part of the firewall as a request sets it: a switch, or a list of those who are let in."""

    name: str
    values: tuple[str, ...]

    @property
    def to_everyone(self) -> bool:
        return any(value in _TO_EVERYONE for value in self.values)

    @property
    def openings(self) -> tuple[str, ...]:
        return self.values if self.name in _LISTS else tuple(value for value in self.values if value in _TO_EVERYONE)

    @property
    def rests_on(self) -> str:
        """What must be shut out to end what it lets in. Rules for resources of Azure outlive public access."""
        if self.name == "ResourceAccessRules":
            return self.name
        return PUBLIC_NETWORKS if self.name in _LISTS else EVERY_NETWORK

    def recipient(self, value: str) -> Recipient:
        """Who is let in. Rules for resources of Azure name them by tenant and id."""
        if self.name == "ResourceAccessRules":
            tenant, _, resource = value.partition(" ")
            return Recipient(RecipientKind.TENANT, tenant, tenant, resource)
        return Recipient(RecipientKind.ADDRESS, value)


_TO_EVERYONE = frozenset(("allow", "enabled"))
_LISTS = frozenset(("IpRules", "VirtualNetworkRules", "ResourceAccessRules"))
_SWITCHES = ("PublicNetworkAccess", "DefaultAction")
_SHORTEST_PREFIX = 8


def _nothing() -> Iterator[_Rule]:
    """What holds of an account that is gone."""
    yield from (_Rule(name, ()) for name in (*_SWITCHES, *sorted(_LISTS)))


def _rules(properties: StorageAccountProperties) -> Iterator[_Rule]:
    """The parts of the firewall that a request sets. Enabled public access under a default of Deny opens nothing."""
    acls = properties.network_acls or NetworkRules()
    default = (acls.default_action or "").lower()
    if properties.public_network_access is not None:
        selected = default == "deny" and properties.public_network_access.lower() == "enabled"
        value = "selected networks" if selected else properties.public_network_access.lower()
        yield _Rule("PublicNetworkAccess", (value,))
    if default:
        yield _Rule("DefaultAction", (default,))
    if acls.ip_rules is not None:
        yield _Rule("IpRules", tuple(sorted({rule.value.lower() for rule in acls.ip_rules if rule.value})))
    if acls.virtual_network_rules is not None:
        networks = {rule.id.lower() for rule in acls.virtual_network_rules if rule.id}
        yield _Rule("VirtualNetworkRules", tuple(sorted(networks)))
    if acls.resource_access_rules is not None:
        resources = {f"{rule.tenant_id} {rule.resource_id}".lower() for rule in acls.resource_access_rules}
        yield _Rule("ResourceAccessRules", tuple(sorted(resources)))


def _shut_out(rules: Iterable[_Rule]) -> Iterator[str]:
    """Which of those who were let in have no access any more, whatever other rules say."""
    shut = {value for rule in rules if rule.name in _SWITCHES for value in rule.values}
    if shut & {"disabled", "securedbyperimeter"}:
        yield PUBLIC_NETWORKS
        yield EVERY_NETWORK
    elif "deny" in shut:
        yield EVERY_NETWORK


def _is_vast(value: str) -> bool:
    """A range so wide that it is as good as everyone."""
    _, _, prefix = value.partition("/")
    return prefix.isdigit() and int(prefix) < _SHORTEST_PREFIX


def _containment(account: ResourceId, rule: _Rule, value: str) -> str:
    match rule.name:
        case "IpRules":
            return remove_network_rule(account, "--ip-address", value)
        case "VirtualNetworkRules":
            return remove_network_rule(account, "--subnet", value)
        case "ResourceAccessRules":
            tenant, _, resource = value.partition(" ")
            return remove_network_rule(account, "--tenant-id", tenant, "--resource-id", resource)
        case "PublicNetworkAccess":
            return update_account(account, "--public-network-access Disabled")
        case _:
            return update_account(account, "--default-action Deny")
