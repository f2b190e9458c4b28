"""Who called, from the token claims and the authorization of an Activity record.

Every claim is a text, numbers and lists too. The keys are those of
https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from collections.abc import Mapping
from typing import Any

from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.platform_services import is_platform_service
from grantwatch.wire.fields import guid, mapping, text, word

_MICROSOFT = "http://schemas.microsoft.com"
_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"

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
    upn = text(claims.get(f"{_XMLSOAP}/upn")) or _mail_like(caller)
    name = (
        text(claims.get("name")) or text(claims.get(f"{_XMLSOAP}/name")) or text(claims.get(f"{_XMLSOAP}/emailaddress"))
    )
    object_id = guid(claims.get(f"{_MICROSOFT}/identity/claims/objectidentifier"))
    spn = text(claims.get(f"{_XMLSOAP}/spn"))
    return Actor(
        id=object_id or guid(evidence.get("principalId")) or (guid(caller) if not _mail_like(caller) else None),
        upn=upn or _mail_like(text(claims.get(f"{_XMLSOAP}/name"))) or _mail_like(name),
        name=name or spn,
        kind=_kind(claims, evidence, upn),
        tenant=guid(claims.get(f"{_MICROSOFT}/identity/claims/tenantid")) or _issuer_tenant(text(claims.get("iss"))),
        app_id=guid(claims.get("appid")),
        roles=_roles(text(evidence.get("role")), text(claims.get("wids"))),
        authentication_methods=_listed(text(claims.get(f"{_MICROSOFT}/claims/authnmethodsreferences"))),
        address=address,
    )


def _kind(claims: Mapping[str, Any], evidence: Mapping[str, Any], upn: str | None) -> ActorKind:
    declared = word(claims.get("idtyp")).lower()
    principal_type = word(evidence.get("principalType")).lower()
    user_like = upn is not None or word(claims.get(f"{_MICROSOFT}/identity/claims/scope")) != ""
    if declared == "user" or (declared != "app" and user_like):
        foreign = word(claims.get("altsecid")) or "#ext#" in (upn or "").lower()
        return ActorKind.GUEST if foreign else ActorKind.USER
    app_id = word(claims.get("appid"))
    if is_platform_service(word(evidence.get("roleDefinitionId")), principal_type, app_id):
        return ActorKind.PLATFORM_SERVICE
    if word(claims.get("xms_mirid")):
        return ActorKind.MANAGED_IDENTITY
    if declared == "app" or app_id or principal_type == "serviceprincipal" or claims.get(f"{_XMLSOAP}/spn"):
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
