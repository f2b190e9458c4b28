"""What an organisation tells GrantWatch about itself. The only module that reads the environment."""

import os
from collections.abc import Mapping
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from grantwatch.errors import SettingsError
from grantwatch.model.network import Networks

_PREFIX = "GRANTWATCH_"


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


TextList = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Settings(BaseModel):
    """Settings, each from the environment variable ``GRANTWATCH_`` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner_tenant_id: str = Field(
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

    @field_validator("owner_tenant_id")
    @classmethod
    def _is_tenant(cls, value: str) -> str:
        return str(UUID(value)) if value else ""

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

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **given: object) -> Self:
        """From the environment, where ``given`` does not say otherwise. Raises SettingsError when one is malformed."""
        environment = os.environ if environment is None else environment
        found: dict[str, object] = {
            name: environment[_PREFIX + name.upper()]
            for name in cls.model_fields
            if _PREFIX + name.upper() in environment
        }
        try:
            return cls.model_validate(found | {name: value for name, value in given.items() if value})
        except ValidationError as error:
            raise SettingsError("; ".join(cls._explained(fault["loc"]) for fault in error.errors())) from None

    @classmethod
    def _explained(cls, location: tuple[int | str, ...]) -> str:
        name = str(location[0])
        field = cls.model_fields.get(name)
        if field is None:
            return f"{name} is no setting"
        example = (field.examples or [""])[0]
        return f"{_PREFIX}{name.upper()} is malformed. {field.description} Example: {example}"
