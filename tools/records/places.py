"""Where things are: tenants, subscriptions and storage accounts."""

from dataclasses import dataclass

from tools.records.identifiers import sha256_upper, synthetic_guid


@dataclass(frozen=True)
class Tenant:
    """An Entra tenant; its domain is a reserved name, never a live one."""

    name: str

    @property
    def id(self) -> str:
        return synthetic_guid("tenant", self.name)

    @property
    def domain(self) -> str:
        return f"{self.name}.example"

    @property
    def issuer(self) -> str:
        return f"https://sts.windows.net/{self.id}/"


@dataclass(frozen=True)
class Subscription:
    """A subscription and the management groups between it and its tenant."""

    name: str
    tenant: Tenant
    groups: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return synthetic_guid("subscription", self.tenant.name, self.name)

    @property
    def scope(self) -> str:
        return f"/subscriptions/{self.id}"

    @property
    def hierarchy(self) -> str:
        return "/".join((self.tenant.id, *self.groups, self.id))

    def resource(self, group: str, kind: str, name: str) -> str:
        """Return a resource id; `kind` is a type such as `Microsoft.Compute/disks`."""
        return f"{self.scope}/resourceGroups/{group}/providers/{kind}/{name}"


@dataclass(frozen=True)
class Account:
    """A storage account; `generation` changes when its keys are rotated."""

    name: str
    subscription: Subscription
    group: str
    region: str = "westeurope"
    generation: int = 1

    @property
    def resource_id(self) -> str:
        return self.subscription.resource(self.group, "Microsoft.Storage/storageAccounts", self.name)

    @property
    def blob_service(self) -> str:
        return f"{self.resource_id}/blobServices/default"

    @property
    def host(self) -> str:
        return f"{self.name}.blob.core.windows.net"

    def url(self, path: str, query: str = "") -> str:
        """Return the URL, with its port, under which storage logs write a request for this path."""
        return f"https://{self.host}:443{path}{'?' if query else ''}{query}"

    def key_hash(self, key: int = 1) -> str:
        """Return what a `tokenHash` says of requests signed with this key, the same for each of them."""
        return f"key{key}({sha256_upper('key', self.name, str(key), str(self.generation))})"
