"""Calls that are no finding by themselves and bear on the findings of several detectors.

An owner who renews a key, revokes delegation keys or deletes a resource, or a caller who reads keys, says so once,
here, and every detector that names the teller hears it.
"""

from grantwatch.detection.detector import Tellings, teller
from grantwatch.detection.match import Closing, CounterFact, Precedent, ending
from grantwatch.detection.sas_uses import PORTAL_SESSION, keys_read, portal_session
from grantwatch.model.actor import ActorKind
from grantwatch.model.bodies import RenewedKey
from grantwatch.model.life import DELEGATION_KEYS, KEYS
from grantwatch.model.operation import Operation


@teller(operations=("*/delete",))
def resource_deleted(operation: Operation) -> Tellings:
    """What is deleted takes the grants on it, and on what lies in it, along."""
    if operation.deletes_its_resource:
        yield Closing(topic=ending(operation.resource), at=operation.decided, holds=operation.took_effect)


@teller(
    operations=(
        "Microsoft.Storage/storageAccounts/regenerateKey/action",
        "Microsoft.Storage/storageAccounts/rotateKey/action",
    ),
    requests=(RenewedKey,),
)
def keys_renewed(operation: Operation) -> Tellings:
    """A renewed key ends every SAS that the old one signed. Which key it was stands in the request alone.

    Whoever renews one is answered with the keys, and can sign SAS from then on.
    """
    named = (operation.request(RenewedKey).key_name or "").lower()
    key = named if named in KEYS else None
    if key:
        yield Closing(topic=ending(operation.resource), at=operation.decided, holds=operation.took_effect, part=key)
    yield Precedent(
        topic=keys_read(operation.resource.name, operation.decided),
        at=operation.decided,
        actor=operation.actor,
        deed=f"renewed {key or 'a key'}",
        renewed=key,
        holds=operation.took_effect,
    )


@teller(operations=("Microsoft.Storage/storageAccounts/revokeUserDelegationKeys/action",))
def delegation_keys_revoked(operation: Operation) -> Tellings:
    """All user delegation keys of an account end at once, and with them every SAS that they signed."""
    yield Closing(
        topic=ending(operation.resource), at=operation.decided, holds=operation.took_effect, part=DELEGATION_KEYS
    )


@teller(operations=("Microsoft.Storage/storageAccounts/listKeys/action",))
def account_keys_were_read(operation: Operation) -> Tellings:
    """Whoever reads an account's keys can sign SAS from then on."""
    yield Precedent(
        topic=keys_read(operation.resource.name, operation.decided),
        at=operation.decided,
        actor=operation.actor,
        deed="read the keys",
        holds=operation.took_effect,
    )
    if operation.actor.address:
        yield CounterFact(
            topic=portal_session(operation.resource.name, operation.actor.address),
            at=operation.decided,
            holds=operation.took_effect and operation.actor.kind in (ActorKind.USER, ActorKind.GUEST),
            reason="somebody read the keys from the same address, as the portal does for browsing",
            within=PORTAL_SESSION,
        )
