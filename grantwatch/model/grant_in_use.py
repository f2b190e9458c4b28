"""The grant that shows itself by being used: a SAS, of which nobody saw how it was made."""

from grantwatch.model.grant import Grant, GrantKind
from grantwatch.model.life import DELEGATION_KEYS, signing_keys
from grantwatch.model.sas import SasKind
from grantwatch.model.storage_access import StorageAccess


def grant_in_use(storage: StorageAccess) -> Grant:
    """The SAS behind some requests. It held when it was last used, whatever was renewed or revoked before."""
    first = storage.first
    sas = first.sas
    delegated = sas is not None and sas.kind is SasKind.USER_DELEGATION
    return Grant(
        GrantKind.SAS_IN_USE,
        (sas.starts if sas else None) or first.time,
        sas.expires if sas else None,
        name=(first.account, first.signature) if first.signature else (),
        rests_on=(DELEGATION_KEYS,) if delegated else signing_keys(first.signed_with),
        last_used=storage.last_used,
    )
