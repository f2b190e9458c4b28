"""Looking up a SAS that leaked: what it opens, who used it, and how to end it."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from grantwatch.adapters.clock import now
from grantwatch.adapters.local_store import LocalStore
from grantwatch.cli import options, tables, terminal
from grantwatch.cli.sightings import Sightings, sightings_in
from grantwatch.detection.sas_uses import stated_issuers
from grantwatch.errors import GrantWatchError, NoSasError
from grantwatch.model.containment import delete_access_policy, renew_keys, revoke_delegation_keys
from grantwatch.model.resource import ResourceId, resource_of
from grantwatch.model.sas import Sas, SasKind
from grantwatch.model.sas_words import kind_of, permissions_of, reach_of
from grantwatch.wire.leak import Leak, leak_in

_STANDARD_INPUT = "-"
_LOGS = "StorageBlobLogs, StorageFileLogs, StorageQueueLogs, StorageTableLogs"
_UNSEEN = "no use of it is known to this store"
_NO_HOST = "not known: no host was given"
_OTHER_HOST = "not known: the host is no name of Azure Storage's own"
_CUT = "The signature was masked or cut on its way here: its hash is not the one in the logs, and finds nothing."


def command(
    url: Annotated[
        list[str],
        typer.Argument(
            metavar="URL",
            help="The leaked URL, or - to read it from standard input, which keeps it out of the shell's history.",
            show_default=False,
        ),
    ],
    store: Annotated[
        str, typer.Option(metavar="FILE", help="DuckDB file that replay filled, for who used it.")
    ] = options.DEFAULT_STORE,
    format: Annotated[
        options.PlainFormat, typer.Option(help="text to read or json to process.")
    ] = options.PlainFormat.TEXT,
) -> None:
    """Tell of a leaked SAS what it opens, whether it still does, where it was used, and how to end it.

    The signature is hashed and then forgotten: it is not kept, logged or printed. Its hash is the name of the SAS in
    every storage log. Give the URL on standard input; as an argument it stays in the history of the shell.

    Example: python -m grantwatch sas -     (then paste the URL and press Ctrl-D)
    """
    try:
        leak = leak_in(sys.stdin.read() if url == [_STANDARD_INPUT] else " ".join(url))
        seen = _sightings(leak, store)
    except NoSasError as error:
        terminal.stop(str(error), code=2)
    except (GrantWatchError, OSError) as error:
        terminal.stop(error, code=1)
    except UnicodeDecodeError:
        terminal.stop("Standard input is no text.", code=2)
    if not leak.is_whole:
        terminal.say(_CUT, "yellow")
    answer = answer_of(leak, seen, now())
    if format is options.PlainFormat.JSON:
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        tables.print_answer(answer, tables.console_for())


def _sightings(leak: Leak, store: str) -> Sightings | None:
    """What the local store knows; None where there is no store and none was named."""
    if store == options.DEFAULT_STORE and not Path(store).exists():
        terminal.say(f"There is no local store at {store}, so nothing is said of who used it; --store names one.")
        return None
    with LocalStore(store, read_only=True) as opened:
        return sightings_in(opened, leak)


def answer_of(leak: Leak, known: Sightings | None, at: datetime) -> dict[str, Any]:
    """What there is to say, in the order in which one asks; what is not known is left out."""
    sas, seen = leak.sas, known or Sightings()
    account = resource_of(seen.account or leak.account) if seen.account or leak.account else None
    answer = {
        "Kind": kind_of(sas),
        "Address": leak.address,
        "Account": account.name if account else _OTHER_HOST if leak.address else _NO_HOST,
        "Allows": ", ".join(permissions_of(sas)) or ("what the stored access policy says" if sas.policy else None),
        "Reaches": ", ".join(reach_of(sas)) or None,
        "Validity": None if sas.is_bare else validity(sas, at),
        "From": None if sas.is_bare else sas.address_range or "any address",
        "Over": None if sas.is_bare else "https" if (sas.protocol or "").lower() == "https" else "http and https",
        "StoredAccessPolicy": sas.policy,
        "MadeFor": _identity(sas.recipient_id, sas.recipient_tenant),
        "SignatureHash": leak.hash,
        "Containment": _containment(account, leak, seen),
        "Sightings": (*seen.days, *seen.findings) or (known and _UNSEEN),
        "IssuerCandidates": (*stated_issuers(sas), *seen.issuers) or None,
        "QueryOfStorageLogs": _query_of_logs(leak),
        "QueryOfFindings": f'GrantWatchFindings_CL\n| where tostring(Evidence.Signature) == "{leak.hash}"\n'
        "| summarize arg_max(Revision, *) by FindingId\n| where not(Withdrawn)\n| order by EventTime asc",
    }
    return {name: value for name, value in answer.items() if value is not None}


def validity(sas: Sas, at: datetime) -> str:
    """Whether it opens anything at that time, and until when."""
    until = f"{sas.expires:%Y-%m-%d %H:%M} UTC" if sas.expires else None
    if sas.expires and sas.expires <= at:
        return f"expired on {until}"
    if sas.starts and sas.starts > at:
        return f"not before {sas.starts:%Y-%m-%d %H:%M} UTC" + (f", then until {until}" if until else "")
    if until is None:
        return "until the stored access policy says, or is deleted" if sas.policy else "not told"
    return f"valid now, until {until}" + (", unless it was ended" if sas.policy is None else ", or as its policy says")


def _identity(who: str | None, tenant: str | None) -> str | None:
    return f"{who or 'somebody'} of tenant {tenant or 'unknown'}" if who or tenant else None


def _containment(account: ResourceId | None, leak: Leak, seen: Sightings) -> list[str] | None:
    """The commands that end it: the narrowest first."""
    if account is None:
        return None
    sas = leak.sas
    if sas.kind is SasKind.USER_DELEGATION:
        return [revoke_delegation_keys(account)]
    if sas.is_bare and seen.signed_with is None:
        return [revoke_delegation_keys(account), renew_keys(account)]
    container = (leak.address or "").partition("://")[2].partition("/")[2].partition("/")[0]
    service = leak.service or "blob"
    narrow = [delete_access_policy(account, service, container, sas.policy)] if sas.policy and container else []
    return [*narrow, renew_keys(account, seen.signed_with)]


def _query_of_logs(leak: Leak) -> str:
    """KQL over the storage logs of a workspace. The hash is a word of its own in AuthenticationHash.

    Without a time in it, a query looks at the last 24 hours alone.
    """
    since = f"datetime({leak.sas.starts:%Y-%m-%dT%H:%M:%SZ})" if leak.sas.starts else "ago(90d)"
    account = f'| where AccountName =~ "{leak.account}"\n' if leak.account else ""
    return (
        f"union isfuzzy=true withsource=Log {_LOGS}\n| where TimeGenerated >= {since}\n{account}"
        f'| where AuthenticationHash has "{leak.hash}"\n'
        "| project TimeGenerated, Log, OperationName, StatusCode, CallerIpAddress, UserAgentHeader, ObjectKey, "
        "ResponseBodySize\n| order by TimeGenerated asc"
    )
