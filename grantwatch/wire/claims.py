"""Who called, from the token claims and the authorization of an Activity record.

Every claim is a text, numbers and lists too. The keys are those of
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.platform_services import is_platform_service
from grantwatch.wire.fields import guid, mapping, text, word

_MICROSOFT = "http://schemas.microsoft.com"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_OBJECT_ID = f"{_MICROSOFT}/identity/claims/objectidentifier"
_TENANT = f"{_MICROSOFT}/identity/claims/tenantid"
_SCOPE = f"{_MICROSOFT}/identity/claims/scope"
_METHODS = f"{_MICROSOFT}/claims/authnmethodsreferences"
_UPN = f"{_XMLSOAP}/upn"
_NAME = f"{_XMLSOAP}/name"
_MAIL = f"{_XMLSOAP}/emailaddress"
_SPN = f"{_XMLSOAP}/spn"
_SHORT_CLAIMS = ("altsecid", "appid", "idtyp", "iss", "name", "wids", "xms_mirid")
_CLAIMS = (_OBJECT_ID, _TENANT, _SCOPE, _METHODS, _UPN, _NAME, _MAIL, _SPN, *_SHORT_CLAIMS)
_PLAIN = frozenset((str, type(None)))
_EVIDENCE = ("role", "roleDefinitionId", "principalId", "principalType")

# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
_DIRECTORY_ROLES = {
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "194ae4cb-b126-40b2-bd5b-6091b380977d": "Security Administrator",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "User Administrator",
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Exchange Administrator",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c": "SharePoint Administrator",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
    "c4e39bd9-1100-46d3-8c65-fb160da0071f": "Authentication Administrator",
}
_EVERY_MEMBER = "b79fbf4d-3ef9-4689-8143-76b194e85509"
_MOST_ROLES = 20


def actor_of(identity: Mapping[str, Any], address: str | None, caller: str | None) -> Actor:
    """The actor of a call. ``caller`` is the name that only REST-shaped records have."""
    claims = mapping(identity.get("claims"))
    evidence = mapping(mapping(identity.get("authorization")).get("evidence"))
    values = (*map(claims.get, _CLAIMS), *map(evidence.get, _EVIDENCE))
    if not _PLAIN.issuperset(map(type, values)):
        values = tuple(text(value) for value in values)
    return _actor(values, address, caller)


@lru_cache(maxsize=1024)
def _actor(values: tuple[str | None, ...], address: str | None, caller: str | None) -> Actor:
    """The same for the fields that matter. Cached, because the records of one call repeat them."""
    claims = dict(zip(_CLAIMS, values, strict=False))
    evidence = dict(zip(_EVIDENCE, values[len(_CLAIMS) :], strict=True))
    upn = text(claims[_UPN]) or _mail_like(caller)
    name = text(claims["name"]) or text(claims[_NAME]) or text(claims[_MAIL])
    return Actor(
        id=guid(claims[_OBJECT_ID])
        or guid(evidence["principalId"])
        or (guid(caller) if not _mail_like(caller) else None),
        upn=upn or _mail_like(text(claims[_NAME])) or _mail_like(name),
        name=name or text(claims[_SPN]),
        kind=_kind(claims, evidence, upn),
        tenant=guid(claims[_TENANT]) or _issuer_tenant(text(claims["iss"])),
        app_id=guid(claims["appid"]),
        roles=_roles(text(evidence["role"]), text(claims["wids"])),
        authentication_methods=_listed(text(claims[_METHODS])),
        address=address,
    )


def _kind(claims: Mapping[str, str | None], evidence: Mapping[str, str | None], upn: str | None) -> ActorKind:
    declared = word(claims["idtyp"]).lower()
    principal_type = word(evidence["principalType"]).lower()
    user_like = upn is not None or word(claims[_SCOPE]) != ""
    if declared == "user" or (declared != "app" and user_like):
        foreign = word(claims["altsecid"]) or "#ext#" in (upn or "").lower()
        return ActorKind.GUEST if foreign else ActorKind.USER
    app_id = word(claims["appid"])
    if is_platform_service(word(evidence["roleDefinitionId"]), principal_type, app_id):
        return ActorKind.PLATFORM_SERVICE
    if word(claims["xms_mirid"]):
        return ActorKind.MANAGED_IDENTITY
    if declared == "app" or app_id or principal_type == "serviceprincipal" or claims[_SPN]:
        return ActorKind.SERVICE_PRINCIPAL
    return ActorKind.USER if principal_type == "user" else ActorKind.UNKNOWN


def _roles(role: str | None, directory_roles: str | None) -> tuple[str, ...]:
    """The Azure role that let the caller in, then the directory roles in the token."""
    named = [_DIRECTORY_ROLES.get(each, each) for each in _listed(directory_roles) if each != _EVERY_MEMBER]
    return tuple(([role] if role else []) + named)[:_MOST_ROLES]


def _listed(joined: str | None) -> tuple[str, ...]:
    return tuple(each.strip().lower() for each in joined.split(",") if each.strip())[:_MOST_ROLES] if joined else ()


def _mail_like(name: str | None) -> str | None:
    return name if name and "@" in name else None


def _issuer_tenant(issuer: str | None) -> str | None:
    segments = [each for each in (issuer or "").split("/") if each]
    return guid(segments[2]) if len(segments) > 2 else None
