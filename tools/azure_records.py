"""Raw records as Azure Monitor sends them over Event Hubs: the one module to import from.

    from tools.azure_records import Account, AccountKey, Caller, activity_call, envelope, storage_request

Every builder is pure: what varies comes from the `random.Random` that is passed in, so that the same seed
gives the same bytes. Addresses, domains and GUIDs are reserved for documentation or visibly synthetic.
"""

from tools.records.activity import Failure, Record, activity_call
from tools.records.credentials import AccountKey, Anonymous, Credential, DelegationSas, OAuth, Sas
from tools.records.envelope import Layout, enclose, envelope, render
from tools.records.identifiers import random_guid, signature_hash, synthetic_guid, timestamp
from tools.records.identities import (
    AZCOPY,
    AZURE_CLI,
    AZURE_PORTAL,
    BACKUP_MANAGEMENT_SERVICE,
    EVENT_GRID,
    Caller,
    CallerKind,
    Role,
)
from tools.records.places import Account, Subscription, Tenant
from tools.records.sas import Delegation, portal_sas, sas_query, sas_time
from tools.records.storage import (
    COPY_ENGINE,
    PORTAL,
    copy_engine_read,
    copy_triple,
    endpoint,
    storage_request,
)

__all__ = [
    "AZCOPY",
    "AZURE_CLI",
    "AZURE_PORTAL",
    "BACKUP_MANAGEMENT_SERVICE",
    "COPY_ENGINE",
    "EVENT_GRID",
    "PORTAL",
    "Account",
    "AccountKey",
    "Anonymous",
    "Caller",
    "CallerKind",
    "Credential",
    "Delegation",
    "DelegationSas",
    "Failure",
    "Layout",
    "OAuth",
    "Record",
    "Role",
    "Sas",
    "Subscription",
    "Tenant",
    "activity_call",
    "copy_engine_read",
    "copy_triple",
    "enclose",
    "endpoint",
    "envelope",
    "portal_sas",
    "random_guid",
    "render",
    "sas_query",
    "sas_time",
    "signature_hash",
    "storage_request",
    "synthetic_guid",
    "timestamp",
]
