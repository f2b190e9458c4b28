"""What the detectors of the use of a SAS have in common: which uses are one matter, and what a SAS is described by."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from grantwatch.detection.match import Fact, Topic
from grantwatch.model.containment import renew_keys, revoke_delegation_keys
from grantwatch.model.grant import UNKNOWN_RECIPIENT, Confidence, Recipient, RecipientKind
from grantwatch.model.sas import Sas, SasKind
from grantwatch.model.storage_access import Access, Authentication, StorageAccess

SAS_AUTHENTICATIONS = frozenset((Authentication.SAS, Authentication.DELEGATION_SAS))

LONG_LIVED = timedelta(days=7)


def by_signature(access: Access) -> tuple[str, ...] | None:
    """All uses of one SAS are one finding.

    Refused requests and SAS that storage signs for itself are none of it.
    """
    if not access.succeeded or access.signature is None or access.by_storage_itself:
        return None
    return access.account, access.signature


KEYS_ARE_RECENT = timedelta(hours=72)
"""So long before its first use the keys with which a SAS is signed were read, as a rule."""


def keys_read(account: str, at: datetime) -> Topic:
    """Under what it is said that somebody read an account's keys, or renewed one, in the three days around then."""
    return "account keys read", account.lower(), str(at.timestamp() // KEYS_ARE_RECENT.total_seconds())


LONGEST_DELEGATION = timedelta(days=7)
"""For which a user delegation key is valid at most.

https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key
"""


def delegation_keys_asked(account: str, who: str, day: date) -> Topic:
    """Under what it is said that somebody asked for a user delegation key of an account on a day."""
    return "delegation keys asked", account.lower(), who.lower(), day.isoformat()


PORTAL_SESSION = timedelta(hours=12)
"""The life of the SAS that the portal makes, and so how long after the keys were read it may be in use."""


def portal_session(account: str, address: str) -> Topic:
    """Under what it is said that somebody at an address read an account's keys."""
    return "portal session", account.lower(), address


@lru_cache(maxsize=1024)
def parameters_of(sas: Sas | None) -> dict[str, str | None]:
    """What a SAS allows, as evidence."""
    if sas is None:
        return {}
    return {
        "SasKind": sas.kind,
        "Permissions": sas.permissions or None,
        "Services": sas.services or None,
        "ResourceTypes": sas.resource_types or None,
        "Resource": sas.resource or None,
        "Starts": sas.starts.isoformat() if sas.starts else None,
        "Expires": sas.expires.isoformat() if sas.expires else None,
        "AddressRange": sas.address_range,
        "Protocol": sas.protocol,
        "StoredAccessPolicy": sas.policy,
        "DelegatorId": sas.delegator_id,
        "DelegatorTenantId": sas.delegator_tenant,
        "RecipientTenantId": sas.recipient_tenant,
    }


def identity_of(storage: StorageAccess) -> dict[str, Fact]:
    """What a SAS is found by in the logs, what it allows, and who made it where the SAS itself says so, as evidence."""
    access = storage.first
    return {
        "Signature": access.signature,
        "SignedWith": access.signed_with,
        **parameters_of(access.sas),
        "IssuerCandidates": stated_issuers(access.sas) or None,
    }


def stated_issuers(sas: Sas | None) -> tuple[str, ...]:
    """Who asked for the key of a user delegation SAS, which names them itself."""
    if sas is None or sas.delegator_id is None:
        return ()
    return (f"{sas.delegator_id} of tenant {sas.delegator_tenant or 'unknown'} asked for its delegation key (stated)",)


def recipient_of(storage: StorageAccess) -> Recipient:
    """A user-bound SAS names its recipient; of any other, only an address is known, and of the copy engine not that."""
    sas, address = storage.first.sas, None if storage.first.by_copy_engine else storage.actor.address
    if sas and sas.recipient_id:
        return Recipient(RecipientKind.PRINCIPAL, sas.recipient_id, sas.recipient_tenant)
    return Recipient(RecipientKind.ADDRESS, address, confidence=Confidence.INFERRED) if address else UNKNOWN_RECIPIENT


def containment_of(storage: StorageAccess) -> str:
    """The command that ends the SAS, with all others of the same key."""
    sas = storage.first.sas
    if sas and sas.kind is SasKind.USER_DELEGATION:
        return revoke_delegation_keys(storage.resource)
    return renew_keys(storage.resource, storage.first.signed_with)
