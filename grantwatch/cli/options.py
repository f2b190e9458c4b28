"""Options that more than one command has."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from grantwatch.adapters.local_store import IN_MEMORY


class PlainFormat(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


DEFAULT_STORE = "grantwatch.duckdb"


class AnswerFormat(StrEnum):
    """How query prints its answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE",
        help="Log files (JSON, JSON Lines, .gz), directories of them, or - for standard input.",
        show_default=False,
    ),
]
Store = Annotated[str, typer.Option(metavar="FILE", help=f"DuckDB file to continue in; {IN_MEMORY} keeps nothing.")]
OwnerTenant = Annotated[
    str, typer.Option(metavar="GUID", help="Tenant that owns the watched resources; storage logs name none.")
]
OwnNetworks = Annotated[
    list[str] | None,
    typer.Option("--own-network", metavar="CIDR", help="A network of ours; may be given several times."),
]
OwnSubscriptions = Annotated[
    list[str] | None,
    typer.Option("--own-subscription", metavar="GUID", help="A subscription of ours; may be given several times."),
]
ExpectedPrincipals = Annotated[
    list[str] | None,
    typer.Option(
        "--expected-principal",
        metavar="GUID",
        help="Object id of somebody who copies data as their work, from our networks; may be given several times.",
    ),
]
EventHub = Annotated[
    str,
    typer.Option(
        metavar="HUB",
        envvar="GRANTWATCH_EVENTHUB",
        help="NAMESPACE.servicebus.windows.net/HUB, entered with the identity at hand, or a connection string with "
        "EntityPath. A key is better kept in the variable than given here, where others on the machine can see it.",
        show_default=False,
    ),
]


def as_settings(
    owner_tenant: str,
    own_network: list[str] | None,
    own_subscription: list[str] | None,
    expected_principal: list[str] | None,
) -> dict[str, Any]:
    """What is ours, as settings."""
    return {
        "owner_tenant_id": owner_tenant,
        "own_networks": tuple(own_network or ()),
        "own_subscriptions": tuple(own_subscription or ()),
        "expected_principals": tuple(expected_principal or ()),
    }
