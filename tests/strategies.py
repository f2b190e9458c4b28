"""Strategies that several test modules draw from."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st


def stable(most: int) -> settings:
    """At most so many examples, the same ones each time, however long one takes."""
    return settings(max_examples=most, deadline=None, derandomize=True, database=None)


json_scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=12)
)
json_values = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)

OPERATIONS = (
    "GetBlob",
    "getblob",
    "PutBlob",
    "CopyBlob",
    "CopyBlobSource",
    "GetUserDelegationKey",
    "ListContainers",
    "GetBlobServiceProperties",
    "MICROSOFT.COMPUTE/DISKS/BEGINGETACCESS/ACTION",
    "Microsoft.Compute/disks/endGetAccess/action",
    "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
    "MICROSOFT.EVENTHUB/NAMESPACES/AUTHORIZATIONRULES/LISTKEYS/ACTION",
    "MICROSOFT.COMPUTE/DISKS/DELETE",
    "Sign-in activity",
    "",
)
AUTHENTICATIONS = (
    "OAuth",
    "oauth",
    "AccountKey",
    "Account Key",
    "SAS",
    "SAS Key",
    "sas",
    "DelegationSas",
    "Anonymous",
    "",
)

_operations = st.sampled_from(OPERATIONS)
_identities = st.fixed_dictionaries(
    {"type": st.sampled_from(AUTHENTICATIONS) | json_values},
    optional={
        "tokenHash": json_values,
        "authorization": json_values
        | st.just([{"action": "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"}]),
    },
)


def record_like(*, most: int = 6) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Lists of objects that look like log records in some of their fields and like nothing in others."""
    return st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "operationName": _operations
                | st.builds(lambda operation: {"value": operation, "localizedValue": "x"}, _operations)
                | json_values,
                "operation_name": _operations | json_values,
                "identity": _identities | json_values,
                "category": st.sampled_from(("StorageRead", "Administrative", "AuditLogs", "storagewrite"))
                | json_values,
                "uri": st.sampled_from(("https://contosodata.blob.core.windows.net/c/b?sv=1&sig=X", "")) | json_values,
                "time": st.just("2026-03-10T12:00:00Z") | json_values,
                "resourceId": st.just("/subscriptions/00000000-0000-4000-8000-000000000000") | json_values,
                "resultType": st.sampled_from(("Start", "Success", "Odd")) | json_values,
                "properties": st.just({"accountName": "contosodata"}) | json_values,
                "callerIpAddress": st.sampled_from(("198.51.100.7:443", "[2001:db8::7]:443")) | json_values,
            },
        ),
        max_size=most,
    )


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """The body after up to four cuts, flips, insertions, splices and nestings."""
    fragments = (
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b"\\",
        b"\n",
        b"\x00",
        b"\xff",
        b'{"records":[',
        b"]}",
        b"},{",
        b"NaN",
        b"\x1f\x8b",
    )
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(("cut", "flip", "insert", "splice", "nest"))):
            case "cut":
                body = body[:position]
            case "flip":
                flipped = bytes(each ^ draw(st.integers(1, 255)) for each in body[position : position + 1])
                body = body[:position] + flipped + body[position + 1 :]
            case "insert":
                body = body[:position] + draw(st.sampled_from(fragments) | st.binary(max_size=8)) + body[position:]
            case "splice":
                start = draw(st.integers(0, len(body)))
                body = body[:position] + body[start : start + draw(st.integers(0, 200))] + body[position:]
            case _:
                body = b'{"records":[' + body[:position] + body + b"]}"
    return body
