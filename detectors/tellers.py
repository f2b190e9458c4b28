"""Calls that bear on the findings of several detectors.

An owner who renews a key, or a caller who reads one, says so once, here, and every detector that names the teller
hears it.
"""

from grantwatch.detection.detector import Tellings, teller
from grantwatch.detection.match import Precedent
from grantwatch.detection.sas_uses import keys_read
from grantwatch.model.actor import ActorKind
from grantwatch.model.operation import Operation


@teller(operations=("Microsoft.Storage/storageAccounts/listKeys/action",))
def account_keys_were_read(operation: Operation) -> Tellings:
    """Whoever reads an account's keys can sign SAS from then on. Azure's own services hand out none."""
    is_platform = operation.actor.kind is ActorKind.PLATFORM_SERVICE
    yield Precedent(
        topic=keys_read(operation.resource.name, operation.decided.date()),
        at=operation.decided,
        actor=operation.actor,
        deed="read the keys",
        holds=operation.took_effect and not is_platform,
    )
