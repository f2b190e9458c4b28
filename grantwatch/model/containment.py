"""Commands that take access away again, as one line of shell each.

Every name in them was chosen by whoever made the resource, so all of them are quoted.
"""

import shlex
from functools import lru_cache

from grantwatch.model.life import signing_keys
from grantwatch.model.resource import ResourceId, resource_of

_HOLDERS = {"file": "share", "queue": "queue", "table": "table"}
"""What has stored access policies, by the service that it is in; in all others these are containers."""


def renew_keys(account: ResourceId, key: str | None = None) -> str:
    """Renew one account key, or both where it is not known which one signed."""
    return _renewal(account.text, key)


@lru_cache(maxsize=1024)
def _renewal(account: str, key: str | None) -> str:
    return " && ".join(
        f"az storage account keys renew {_located(resource_of(account))} --key {each}" for each in signing_keys(key)
    )


def revoke_delegation_keys(account: ResourceId) -> str:
    """End every user delegation SAS of the account at once."""
    return f"az storage account revoke-delegation-keys {_located(account, name='--name')}"


def update_account(account: ResourceId, *options: str) -> str:
    """Change settings of the account; the options are literals, never taken from a log."""
    return f"az storage account update {_located(account, name='--name')} {' '.join(options)}"


def close_container(account: ResourceId, container: str) -> str:
    """Take anonymous access away from one container."""
    where = _located(account, name="--storage-account")
    return f"az storage container-rm update {where} --name {shlex.quote(container)} --public-access off"


def delete_access_policy(account: ResourceId, service: str, name: str, policy: str) -> str:
    """End all SAS of a container, share, queue or table that refer to one of its stored access policies.

    ``service`` is the word in the host: blob, dfs, web, file, queue or table.
    """
    holder = _HOLDERS.get(service, "container")
    where = f"--{holder}-name {shlex.quote(name)} --account-name {shlex.quote(account.name)}"
    return f"az storage {holder} policy delete {where} --name {shlex.quote(policy)}"


def remove_network_rule(account: ResourceId, *rule: str) -> str:
    """Take somebody off the account's firewall again; ``rule`` is options and their values."""
    words = " ".join(shlex.quote(word) for word in rule)
    return f"az storage account network-rule remove {_located(account)} {words}"


def delete_replication_policy(account: ResourceId, policy: str | None) -> str:
    """End object replication by one policy; list those of the account where it is not known which it is."""
    if policy is None:
        return f"az storage account or-policy list {_located(account)}"
    return f"az storage account or-policy delete {_located(account)} --policy-id {shlex.quote(policy)}"


def delete_local_user(account: ResourceId, user: str) -> str:
    """End what a local user's password and keys open."""
    return f"az storage account local-user delete {_located(account)} --user-name {shlex.quote(user)}"


def reject_endpoint(target: ResourceId, connection: ResourceId | None) -> str:
    """Let a private endpoint in no more; list those of the target where it is not known which it is."""
    if connection is None:
        return f"az network private-endpoint-connection list --id {target.quoted}"
    return f"az network private-endpoint-connection reject --id {connection.quoted}"


def post(resource: ResourceId, action: str, api_version: str, body: str = "") -> str:
    """Call an action of a resource that the command line has no word for; ``body`` is a JSON literal."""
    call = f"az rest --method post --uri {shlex.quote(f'{resource.text}/{action}?api-version={api_version}')}"
    return f"{call} --body {shlex.quote(body)}" if body else call


def _located(account: ResourceId, name: str = "--account-name") -> str:
    parts = [
        (name, account.name),
        ("--resource-group", account.resource_group),
        ("--subscription", account.subscription),
    ]
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in parts if value)
