"""The fields that rules rely on, as msgspec structs: the least that a typed engine could decode of a body."""

from msgspec import Struct, field

_MICROSOFT = "http://schemas.microsoft.com"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"


class StorageIdentity(Struct, rename="camel"):
    """How a storage request proved itself."""

    type: str | None = None
    token_hash: str | None = None


class StorageProperties(Struct, rename="camel"):
    """Of a storage request."""

    account_name: str | None = None
    user_agent_header: str | None = None
    referrer_header: str | None = None
    object_key: str | None = None


class StorageRecord(Struct, rename="camel"):
    """A storage record."""

    time: str
    operation_name: str
    resource_id: str | None = None
    identity: StorageIdentity | None = None
    uri: str | None = None
    status_code: int | str | None = None
    status_text: str | None = None
    caller_ip_address: str | None = None
    properties: StorageProperties | None = None


class StorageEnvelope(Struct):
    """A body of storage records."""

    records: list[StorageRecord]


class Evidence(Struct, rename="camel"):
    """Why a call was allowed."""

    role: str | None = None
    role_definition_id: str | None = None
    principal_id: str | None = None
    principal_type: str | None = None


class Authorization(Struct):
    """Where a call was allowed."""

    scope: str | None = None
    evidence: Evidence | None = None


class Claims(Struct):
    """Who called."""

    idtyp: str | None = None
    name: str | None = None
    appid: str | None = None
    wids: str | None = None
    iss: str | None = None
    altsecid: str | None = None
    xms_mirid: str | None = None
    upn: str | None = field(name=f"{_XMLSOAP}/upn", default=None)
    unique_name: str | None = field(name=f"{_XMLSOAP}/name", default=None)
    email_address: str | None = field(name=f"{_XMLSOAP}/emailaddress", default=None)
    spn: str | None = field(name=f"{_XMLSOAP}/spn", default=None)
    scope: str | None = field(name=f"{_MICROSOFT}/identity/claims/scope", default=None)
    object_id: str | None = field(name=f"{_MICROSOFT}/identity/claims/objectidentifier", default=None)
    tenant_id: str | None = field(name=f"{_MICROSOFT}/identity/claims/tenantid", default=None)
    methods: str | None = field(name=f"{_MICROSOFT}/claims/authnmethodsreferences", default=None)


class ActivityIdentity(Struct):
    """The token and the authorization of a call."""

    authorization: Authorization | None = None
    claims: Claims | None = None


class ActivityProperties(Struct):
    """Of a call; the names are spelled as the log spells them."""

    requestbody: str | None = None
    responseBody: str | None = None  # noqa: N815
    statusCode: str | None = None  # noqa: N815
    entity: str | None = None
    hierarchy: str | None = None


class ActivityRecord(Struct, rename="camel"):
    """An Activity record."""

    time: str
    operation_name: str
    resource_id: str | None = None
    category: str | None = None
    result_type: str | None = None
    caller_ip_address: str | None = None
    correlation_id: str | None = None
    tenant_id: str | None = None
    identity: ActivityIdentity | None = None
    properties: ActivityProperties | None = None


class ActivityEnvelope(Struct):
    """A body of Activity records."""

    records: list[ActivityRecord]
