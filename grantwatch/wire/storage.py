"""Storage resource log records, as accesses.

https://learn.microsoft.com/azure/azure-monitor/reference/tables/storagebloblogs has the fields; over Event Hubs they
come in camelCase, empty ones are left out, and the signature of a SAS in ``uri`` is masked.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from grantwatch.model.actor import Actor, ActorKind
from grantwatch.model.network import LONGEST_ADDRESS, Networks, address_of
from grantwatch.model.resource import ResourceId
from grantwatch.model.sas import Sas, sas_of
from grantwatch.model.storage_access import STAND_IN, Access
from grantwatch.wire.fields import UnreadableRecordError, guid, mapping, moment, number, safe, text, word

_SIGNATURE = re.compile(r"sassignature\(([0-9a-f]{16,128})\)", re.IGNORECASE)
_SIGNED_WITH = re.compile(r"([\w-]{1,40})\(([0-9a-f]{16,128})\)", re.IGNORECASE)
STORAGE_HOST = re.compile(
    r"([a-z0-9-]{3,63})\.(?:z\d+\.)?(blob|dfs|file|queue|table|web)\.(?:z\d+\.)?"
    r"(?:core\.windows\.net|storage\.azure\.net|core\.usgovcloudapi\.net|core\.chinacloudapi\.cn)"
)
_LONGEST_TOKEN_HASH = 1024  # what is cut here is cached; two hashes and their words are less than 200
# Far more than Azure Storage accepts; parameters behind so much padding were never in a request that succeeded.
_LONGEST_URL = 65_536
_PORTAL = re.compile(r"https://([\w-]+\.)*portal\.azure\.(com|us|cn)(/|$)", re.IGNORECASE)


def access_of(record: Mapping[str, Any], networks: Networks, *, salvaged: bool) -> Access:
    """The access that a record tells of. Raises UnreadableRecordError when its time or account cannot be read."""
    time = moment(record.get("time"))
    if time is None:
        raise UnreadableRecordError("the record has no readable time")
    properties = mapping(record.get("properties"))
    identity = mapping(record.get("identity"))
    url = url_of(record)
    account = (text(properties.get("accountName")) or account_of_host(url) or "").lower()
    if not account:
        raise UnreadableRecordError("the record names no storage account")
    sas = sas_of(url)
    address = address_of(word(record.get("callerIpAddress"))[:LONGEST_ADDRESS])
    signature, signed_with = _hashes(word(identity.get("tokenHash"))[:_LONGEST_TOKEN_HASH])
    operation = text(record.get("operationName")) or ""
    return Access(
        time=time,
        operation=operation,
        succeeded=succeeded(record),
        authentication=_authentication(identity, sas),
        account=account,
        resource=_account_resource(text(record.get("resourceId")), account),
        actor=_actor(mapping(identity.get("requester")), sas, address, text(properties.get("userAgentHeader"))),
        network=networks.classify(address),
        sas=sas,
        signature=signature or _stand_in(sas),
        signed_with=signed_with,
        referrer_is_portal=bool(_PORTAL.match(word(properties.get("referrerHeader")))),
        object_path=_path_of_key(text(properties.get("objectKey"))) or path_of_url(url, account),
        source_path=source_path(operation, url, properties),
        requests_delegation_key=_requests_delegation_key(operation, identity),
        policy_violated=word(properties.get("sasExpiryStatus")).lower().startswith("policy violated"),
        salvaged=salvaged,
        region=text(record.get("location")),
    )


def url_of(record: Mapping[str, Any]) -> str:
    """The request's URL as it came, of which only masked parts are ever kept."""
    url = record.get("uri")
    return url[:_LONGEST_URL] if isinstance(url, str) else ""


def path_of_url(url: str, account: str | None = None) -> str | None:
    """``account/container/blob`` of a request URL; None when it names no container."""
    account = account or account_of_host(url)
    path = unquote(url.partition("?")[0].partition("://")[2].partition("/")[2]).strip("/")
    return f"{account}/{safe(path)}" if account and path else None


def _path_of_key(key: str | None) -> str | None:
    """``objectKey`` is a path, but on the source record of a copy a URL."""
    if key is None or "://" in key:
        return None
    return safe(unquote(key).strip("/")) or None


def account_of_host(url: str) -> str | None:
    """The account that a URL of Azure Storage itself leads to; any other host can be anybody's."""
    found = _storage_host(url)
    return found[1] if found else None


def service_of_host(url: str) -> str | None:
    """The service that a URL of Azure Storage itself leads to, as its host says it."""
    found = _storage_host(url)
    return found[2] if found else None


def _storage_host(url: str) -> re.Match[str] | None:
    try:
        return STORAGE_HOST.fullmatch(urlsplit(url).hostname or "")
    except ValueError:
        return None


def source_path(operation: str, url: str, properties: Mapping[str, Any]) -> str | None:
    """What a copy read: the URL of its source record, or the field that some copies are said to fill."""
    if operation.lower() == "copyblobsource":
        return path_of_url(url)
    source = text(properties.get("sourceUri"))
    return path_of_url(source) if source else None


@lru_cache(maxsize=4096)
def _account_resource(resource: str | None, account: str) -> str:
    found = ResourceId(resource).storage_account if resource else None
    return found.text if found else account


def succeeded(record: Mapping[str, Any]) -> bool:
    """2xx, partial content included; a status that is no number leaves it to the text."""
    status = number(record.get("statusCode"))
    if status is not None:
        return 200 <= status < 300
    return "success" in word(record.get("statusText")).lower()


def _authentication(identity: Mapping[str, Any], sas: Sas | None) -> str:
    declared = word(identity.get("type")).lower().replace(" ", "")
    return declared or ("sas" if sas else "")


@lru_cache(maxsize=4096)
def _hashes(token: str) -> tuple[str | None, str | None]:
    """The hash of a SAS's signature, and what signed it, which is the same on every SAS that it signed.

    That is ``key1`` or ``key2`` with the hash of the key, or the delegation.
    """
    signature, signer = _SIGNATURE.search(token), _SIGNED_WITH.match(token)
    return signature[1].upper() if signature else None, f"{signer[1]}({signer[2].upper()})" if signer else None


def _stand_in(sas: Sas | None) -> str | None:
    """A name for a SAS whose signature is not told."""
    return STAND_IN + hashlib.sha256(msgspec.json.encode(sas)).hexdigest()[:32].upper() if sas else None


def _actor(requester: Mapping[str, Any], sas: Sas | None, address: str | None, agent: str | None) -> Actor:
    """Who called with a token, or who asked for the delegation key that signed the SAS."""
    agent = agent[:256] if agent else None
    if not requester:
        return Actor(
            id=sas.delegator_id if sas else None,
            tenant=sas.delegator_tenant if sas else None,
            address=address,
            user_agent=agent,
        )
    upn = text(requester.get("upn")) or text(requester.get("userName"))
    object_id = guid(requester.get("objectId")) or (sas.delegator_id if sas else None)
    return Actor(
        id=object_id,
        upn=upn,
        name=text(requester.get("uniqueName")),
        kind=ActorKind.USER if upn else ActorKind.UNKNOWN,
        tenant=guid(requester.get("tenantId")) or (sas.delegator_tenant if sas else None),
        app_id=guid(requester.get("appId")),
        address=address,
        user_agent=agent,
    )


def _requests_delegation_key(operation: str, identity: Mapping[str, Any]) -> bool:
    if operation.lower() == "getuserdelegationkey":
        return True
    granted = identity.get("authorization")
    return isinstance(granted, list) and any(
        "generateuserdelegationkey" in str(mapping(each).get("action")).lower() for each in granted
    )
