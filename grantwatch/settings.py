"""What an organisation tells GrantWatch about itself, and where it runs. The only module that reads the environment."""

import os
from collections.abc import Mapping
from typing import Annotated, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from grantwatch.errors import SettingsError
from grantwatch.model.network import Networks

_PREFIX = "GRANTWATCH_"
_IDENTITY_OF_THE_HOST = "IDENTITY_ENDPOINT"
_LOOPBACK = ("127.0.0.1", "localhost")


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _guid(value: str) -> str:
    return str(UUID(value)) if value else ""


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise ValueError("not an address to which a token may be sent")
    return value.rstrip("/")


def _address_or_connection(value: str) -> str:
    return value if is_connection(value) else _address(value)


TextList = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Guid = Annotated[str, AfterValidator(_guid)]
Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, AfterValidator(_address)]
AddressOrConnection = Annotated[str, AfterValidator(_address_or_connection)]


class _FromEnvironment(BaseModel):
    """Settings, each from the environment variable ``GRANTWATCH_`` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **given: object) -> Self:
        """From the environment, where ``given`` does not say otherwise.

        Raises SettingsError, which names every setting that is missing or malformed, with its meaning and an example.
        """
        environment = os.environ if environment is None else environment
        found: dict[str, object] = {
            name: value
            for name in cls.model_fields
            if (value := environment.get(cls.variable_of(name)) or environment.get(_variable(name)))
        }
        try:
            return cls.model_validate(found | {name: value for name, value in given.items() if value})
        except ValidationError as error:
            faults = {str(fault["loc"][0]): fault["type"] for fault in error.errors()}
            raise SettingsError("; ".join(cls._explained(name, kind) for name, kind in faults.items())) from None

    @classmethod
    def variable_of(cls, name: str) -> str:
        """The environment variable of a setting; the host has names of its own for some."""
        extra = cls.model_fields[name].json_schema_extra
        return str(extra["variable"]) if isinstance(extra, dict) and "variable" in extra else _variable(name)

    @classmethod
    def _explained(cls, name: str, kind: str) -> str:
        field = cls.model_fields.get(name)
        if field is None:
            return f"{name} is no setting"
        fault = "is missing" if kind == "missing" else "is malformed"
        return f"{cls.variable_of(name)} {fault}. {field.description} Example: {(field.examples or [''])[0]}"


class Settings(_FromEnvironment):
    """What is ours. Nothing here has to be set."""

    owner_tenant_id: Guid = Field(
        default="",
        description="Tenant that owns the watched resources, for records that do not name it (storage logs never do).",
        examples=["aaaabbbb-0000-cccc-1111-dddd2222eeee"],
    )
    own_networks: TextList = Field(
        default=(),
        description="Address ranges in CIDR form from which use is ordinary; a SAS used from them is not reported.",
        examples=["198.51.100.0/24,10.20.0.0/16"],
    )
    own_subscriptions: TextList = Field(
        default=(),
        description="Further subscriptions of this organisation: data sent to accounts in them stays in its custody.",
        examples=["aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e"],
    )

    @field_validator("own_subscriptions")
    @classmethod
    def _are_subscriptions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(UUID(each)) for each in value)

    @field_validator("own_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        Networks.of(value)
        return value

    @property
    def networks(self) -> Networks:
        return Networks.of(self.own_networks)


class CloudSettings(Settings):
    """What is ours, and the services that GrantWatch uses in Azure."""

    ingestion_endpoint: Address = Field(
        description="Where rows for Log Analytics go: the logs ingestion endpoint of the data collection rule.",
        examples=["https://grantwatch-abcd.westeurope-1.ingest.monitor.azure.com"],
    )
    ingestion_rule_id: Text = Field(
        description="Immutable id of that data collection rule.",
        examples=["dcr-00000000000000000000000000000000"],
    )
    state: AddressOrConnection = Field(
        description="Table service for state: its address, or a connection string where there is no managed identity.",
        examples=["https://contosograntwatch.table.core.windows.net"],
    )
    parking: AddressOrConnection = Field(
        description="Blob service for what cannot be processed or delivered now: its address, or a connection string.",
        examples=["https://contosograntwatch.blob.core.windows.net"],
    )
    client_id: Guid = Field(
        default="",
        description="Client id of the user-assigned managed identity; empty for the system-assigned one.",
        examples=["00001111-aaaa-2222-bbbb-3333cccc4444"],
    )


class FunctionAppSettings(CloudSettings):
    """Those, and what the host needs for the triggers: it reads these itself, here they are only looked at."""

    activity_hub: Text = Field(
        description="Event hub to which the Activity log is streamed.", examples=["activity-log"]
    )
    storage_hub: Text = Field(
        description="Event hub to which the Storage resource logs are streamed.", examples=["storage-log"]
    )
    entra_hub: str = Field(
        default="",
        description="Event hub to which Entra sign-in and audit logs are streamed; the function is off without it.",
        examples=["entra-log"],
    )
    eventhub: Text = Field(
        description="Event Hubs namespace of these hubs, for the triggers' managed identity.",
        examples=["contosologs.servicebus.windows.net"],
        json_schema_extra={"variable": "GRANTWATCH_EVENTHUB__fullyQualifiedNamespace"},
    )


def is_connection(text: str) -> bool:
    """Whether a text is a connection string, and no address."""
    return ";" in text or text == "UseDevelopmentStorage=true"


def is_set(name: str) -> bool:
    """Whether the environment says anything for a setting, right or wrong."""
    return bool(os.environ.get(_variable(name)))


def has_managed_identity() -> bool:
    """Whether the host offers a managed identity to this process."""
    return _IDENTITY_OF_THE_HOST in os.environ


def _variable(name: str) -> str:
    return _PREFIX + name.upper()
