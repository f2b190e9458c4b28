"""What an organisation tells GrantWatch about itself, and where it runs. The only module that reads the environment.

Settings are needed before the first record, so they are msgspec structs: pydantic would be a third of a cold start.
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any, Self, get_args, get_type_hints
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from grantwatch.errors import SettingsError
from grantwatch.model.network import Networks

_PREFIX = "GRANTWATCH_"
_IDENTITY_OF_THE_HOST = "IDENTITY_ENDPOINT"
_LOOPBACK = ("127.0.0.1", "localhost")
_DURATION = re.compile(r"\s*([0-9]{1,6})\s*([mhdMHD])\s*")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=30)


def is_connection(text: str) -> bool:
    """Whether a text is a connection string, and no address."""
    return ";" in text or text == "UseDevelopmentStorage=true"


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("empty")
    return value.strip()


def _listed(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    return tuple(part.strip() for part in parts if part.strip())


def _guid(value: str) -> str:
    return str(UUID(value.strip())) if value else ""


def _guids(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_guid, _listed(value)))


def _networks(value: str | tuple[str, ...]) -> tuple[str, ...]:
    listed = _listed(value)
    Networks.of(listed)
    return listed


def _duration(value: str | timedelta) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    length = timedelta(**{_UNITS[found[2].lower()]: int(found[1])}) if found else value
    if not isinstance(length, timedelta) or not _SHORTEST <= length <= _LONGEST:
        raise ValueError("not a duration, or one beyond what state is kept for")
    return length


def _size(value: str | int) -> int:
    size = int(value)
    if size <= 0:
        raise ValueError("not a size")
    return size


def _address(value: str) -> str:
    parts = urlsplit(value.strip())
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise ValueError("not an address to which a token may be sent")
    return value.strip().rstrip("/")


def _address_or_connection(value: str) -> str:
    return value if is_connection(value) else _address(value)


def _setting(description: str, example: str, parse: Callable[[Any], Any], variable: str | None = None) -> Meta:
    """What a setting means, and how its text is read; ``variable`` where the host has a name of its own for it."""
    return Meta(description=description, examples=[example], extra={"parse": parse, "variable": variable})


class _FromEnvironment(Struct, frozen=True, kw_only=True):
    """Settings, each from the environment variable ``GRANTWATCH_`` and its name in capitals."""

    def __post_init__(self) -> None:
        """Settings are what their texts mean, however they were made. Raises ValueError on a malformed one."""
        for name, about in self.described().items():
            msgspec.structs.force_setattr(self, name, _parse(about, getattr(self, name)))

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **given: object) -> Self:
        """From the environment, where ``given`` does not say otherwise.

        Raises SettingsError, which names every setting that is missing or malformed, with its meaning and an example.
        """
        environment = os.environ if environment is None else environment
        found: dict[str, Any] = {}
        faults: list[str] = []
        required = {field.name for field in msgspec.structs.fields(cls) if field.required}
        for name, about in cls.described().items():
            value = given.get(name) or environment.get(cls.variable_of(name)) or environment.get(_variable(name))
            if not value:
                faults += [cls._explained(name, "is missing")] if name in required else []
                continue
            try:
                found[name] = _parse(about, value)
            except ValueError:
                fault = "(given as an option) is malformed" if given.get(name) else "is malformed"
                faults.append(cls._explained(name, fault))
        if faults:
            raise SettingsError(*faults)
        return cls(**found)

    @classmethod
    def described(cls) -> dict[str, Meta]:
        """What each setting is about, in order."""
        hints = get_type_hints(cls, include_extras=True)
        return {name: get_args(hints[name])[1] for name in cls.__struct_fields__}

    @classmethod
    def variable_of(cls, name: str) -> str:
        """The environment variable of a setting; the host has names of its own for some."""
        return str((cls.described()[name].extra or {}).get("variable") or _variable(name))

    @classmethod
    def _explained(cls, name: str, fault: str) -> str:
        about = cls.described()[name]
        return f"{cls.variable_of(name)} {fault}. {about.description} Example: {(about.examples or [''])[0]}"


class Settings(_FromEnvironment, frozen=True, kw_only=True):
    """What is ours. Nothing here has to be set."""

    owner_tenant_id: Annotated[
        str,
        _setting(
            "Tenant that owns the watched resources, for records that do not name it (storage logs never do).",
            "aaaabbbb-0000-cccc-1111-dddd2222eeee",
            _guid,
        ),
    ] = ""
    own_networks: Annotated[
        tuple[str, ...],
        _setting(
            "Address ranges in CIDR form from which use is ordinary; a SAS used from them is not reported.",
            "198.51.100.0/24,10.20.0.0/16",
            _networks,
        ),
    ] = ()
    own_subscriptions: Annotated[
        tuple[str, ...],
        _setting(
            "Further subscriptions of this organisation: data sent to accounts in them stays in its custody.",
            "aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e",
            _guids,
        ),
    ] = ()

    expected_principals: Annotated[
        tuple[str, ...],
        _setting(
            "Object ids of whoever copies and shares data as their work, such as backup products (`UserContext`): "
            "what they do from own networks is told of as Informational.",
            "bbbb1b1b-cc2c-dd3d-ee4e-ffffff5f5f5f",
            _guids,
        ),
    ] = ()
    transfer_time_window: Annotated[
        timedelta,
        _setting(
            "Within how long reads, keys and refusals add up to one transfer (`TransferTimeWindow`): m, h or d.",
            "1h",
            _duration,
        ),
    ] = timedelta(hours=1)
    snapshot_time_window: Annotated[
        timedelta,
        _setting(
            "How long after a copy of a volume a machine that mounts it belongs to it (`SnapshotTimeWindow`).",
            "72h",
            _duration,
        ),
    ] = timedelta(hours=72)
    campaign_window: Annotated[
        timedelta,
        _setting("Within how long findings make up one campaign (`CampaignWindow`).", "72h", _duration),
    ] = timedelta(hours=72)
    training_period: Annotated[
        timedelta,
        _setting(
            "How long after the first event of a subscription what is new is told of and raises nothing "
            "(`TrainingPeriod`).",
            "14d",
            _duration,
        ),
    ] = timedelta(days=14)
    volume_size_threshold_gb: Annotated[
        int,
        _setting("From how many GB in a window reading is a transfer in bulk (`VolumeSizeThresholdGB`).", "10", _size),
    ] = 10

    transfer_object_threshold: Annotated[
        int,
        _setting("From how many objects in a window reading is a transfer in bulk, however small.", "10000", _size),
    ] = 10_000

    @property
    def networks(self) -> Networks:
        return Networks.of(self.own_networks)


class CloudSettings(Settings, frozen=True, kw_only=True):
    """What is ours, and the services that GrantWatch uses in Azure."""

    ingestion_endpoint: Annotated[
        str,
        _setting(
            "Where rows for Log Analytics go: the logs ingestion endpoint of the data collection rule.",
            "https://grantwatch-abcd.westeurope-1.ingest.monitor.azure.com",
            _address,
        ),
    ]
    ingestion_rule_id: Annotated[
        str, _setting("Immutable id of that data collection rule.", "dcr-00000000000000000000000000000000", _text)
    ]
    state: Annotated[
        str,
        _setting(
            "Table service for state: its address, or a connection string where there is no managed identity.",
            "https://contosograntwatch.table.core.windows.net",
            _address_or_connection,
        ),
    ]
    parking: Annotated[
        str,
        _setting(
            "Blob service for what cannot be processed or delivered now: its address, or a connection string.",
            "https://contosograntwatch.blob.core.windows.net",
            _address_or_connection,
        ),
    ]
    client_id: Annotated[
        str,
        _setting(
            "Client id of the user-assigned managed identity; empty for the system-assigned one.",
            "00001111-aaaa-2222-bbbb-3333cccc4444",
            _guid,
        ),
    ] = ""


class FunctionAppSettings(CloudSettings, frozen=True, kw_only=True):
    """Those, and what the host needs for the triggers: it reads these itself, here they are only looked at."""

    activity_hub: Annotated[str, _setting("Event hub to which the Activity log is streamed.", "activity-log", _text)]
    storage_hub: Annotated[
        str, _setting("Event hub to which the Storage resource logs are streamed.", "storage-log", _text)
    ]
    entra_hub: Annotated[
        str,
        _setting(
            "Event hub to which Entra sign-in and audit logs are streamed; the function is off without it.",
            "entra-log",
            str.strip,
        ),
    ] = ""
    eventhub: Annotated[
        str,
        _setting(
            "Event Hubs namespace of these hubs, for the triggers' managed identity.",
            "contosologs.servicebus.windows.net",
            _text,
            "GRANTWATCH_EVENTHUB__fullyQualifiedNamespace",
        ),
    ]


def is_set(name: str) -> bool:
    """Whether the environment says anything for a setting, right or wrong."""
    return bool(os.environ.get(_variable(name)))


def has_managed_identity() -> bool:
    """Whether the host offers a managed identity to this process."""
    return _IDENTITY_OF_THE_HOST in os.environ


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _parse(about: Meta, value: Any) -> Any:
    parse: Callable[[Any], Any] = (about.extra or {})["parse"]
    return parse(value)
