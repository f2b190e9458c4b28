from datetime import timedelta

from detectors.tellers import delegation_keys_revoked, resource_deleted
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import Match
from grantwatch.detection.sas_uses import LONGEST_DELEGATION
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.containment import revoke_delegation_keys
from grantwatch.model.grant import Grant, GrantKind, Recipient, RecipientKind
from grantwatch.model.severity import Severity
from grantwatch.model.storage_access import Access, StorageAccess


def by_requester_and_day(access: Access) -> tuple[str, ...] | None:
    """A caller who asks all day long is one finding."""
    if not access.requests_delegation_key:
        return None
    who = access.actor.id or access.actor.address or "unknown"
    return who, access.account, access.time.date().isoformat(), "issued" if access.succeeded else "refused"


@detector(
    id="GW04",
    on=StorageAccess,
    operations=("GetUserDelegationKey",),
    authorized_for="generateUserDelegationKey",
    natural_key=by_requester_and_day,
    notes_last_use=True,
    told_by=(delegation_keys_revoked, resource_deleted),
    metadata=Metadata(
        title="User delegation key issued",
        severity=Severity.LOW,
        stage=Stage.ACCESS,
        techniques=(Technique.TRANSFER_TO_CLOUD_ACCOUNT, Technique.STEAL_ACCESS_TOKEN),
        analytics=(Analytic.AN1580,),
        false_positives=("Applications that hand out user delegation SAS, as Microsoft recommends.",),
        triage=(
            "Check whether this caller hands out SAS as part of its work.",
            "Search the storage logs for DelegationSas requests whose skoid is the caller: from where did they come?",
            "Run the containment command if they are not accounted for; it ends all such SAS of the account.",
        ),
        references=("https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key",),
    ),
)
def user_delegation_key_issued(storage: StorageAccess) -> Said:
    """A caller got a key from which SAS can be made offline for up to seven days, in the caller's own name.

    The SAS themselves are never logged when made; only this request is. Its expiry is not in the log, so the latest
    possible one is stated: a week after the day's end.
    """
    access = storage.first
    end_of_day = access.time.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    yield Match(
        summary=f"{access.actor.label} got a user delegation key of {access.account}.",
        target=storage.resource,
        at=access.time,
        grant=Grant(
            GrantKind.USER_DELEGATION_KEY,
            access.time,
            end_of_day + LONGEST_DELEGATION,
            last_used=storage.last_used,
        ),
        recipient=Recipient(RecipientKind.PRINCIPAL, access.actor.id, access.actor.tenant, access.actor.label),
        evidence={
            "ExpiryIsLatestPossible": True,
            "Addresses": storage.addresses,
            "Agents": storage.agents,
        },
        containment=revoke_delegation_keys(storage.resource),
    )
