"""Commands that take access away again, as one line of shell each.

Every name in them was chosen by whoever made the resource, so all of them are quoted.
"""

import shlex

from grantwatch.model.resource import ResourceId

_KEYS = ("key1", "key2")


def renew_keys(account: ResourceId, key: str | None = None) -> str:
    """Renew one account key, or both where it is not known which one signed."""
    chosen = [each for each in _KEYS if key and key.lower().startswith(each)] or _KEYS
    return " && ".join(f"az storage account keys renew {_located(account)} --key {each}" for each in chosen)


def revoke_delegation_keys(account: ResourceId) -> str:
    """End every user delegation SAS of the account at once."""
    return f"az storage account revoke-delegation-keys {_located(account, name='--name')}"


def update_account(account: ResourceId, *options: str) -> str:
    """Change settings of the account; the options are literals, never taken from a log."""
    return f"az storage account update {_located(account, name='--name')} {' '.join(options)}"


def _located(account: ResourceId, name: str = "--account-name") -> str:
    parts = [
        (name, account.name),
        ("--resource-group", account.resource_group),
        ("--subscription", account.subscription),
    ]
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in parts if value)
