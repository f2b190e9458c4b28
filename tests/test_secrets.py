"""Secrets in any field of a log never come to rest: not in findings, state, parked bodies, logs or exceptions."""

import base64
import gzip
import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any
from urllib.parse import quote, unquote

import pytest

from detectors.catalogue import CATALOGUE
from grantwatch.adapters.clock import now
from grantwatch.adapters.in_memory import MemoryParking, MemorySink, MemoryStore
from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.engine import Engine
from grantwatch.model.operation import Operation
from grantwatch.model.secrets import masked, masked_bytes
from grantwatch.model.severity import Severity
from grantwatch.settings import Settings
from tests.support import Case, case_id, cases, encoded, found
from tests.world import (
    ACCOUNT,
    ADMIN,
    BEGIN,
    DISK,
    LIST_ACCOUNT_SAS,
    NOON,
    SUBSCRIPTION,
    account_sas,
    body_of,
    content_of,
    disk_access,
    sas_read,
)
from tools.azure_records import OAuth, Record, activity_call, copy_engine_read, storage_request
from tools.azure_records import Sas as SignedBy

_rng = Random(20260310)


def _base64(length: int) -> str:
    return base64.b64encode(_rng.randbytes(length)).decode()


def _base64url(length: int) -> str:
    return base64.urlsafe_b64encode(_rng.randbytes(length)).decode().rstrip("=")


@dataclass(frozen=True)
class Secret:
    """How a secret stands in a text, and the part of it that must never be seen again."""

    name: str
    text: str
    needle: str


_SIGNATURE = "Zk3/" + _base64(29)[:36] + "+w8="
_KEY = "qP9+" + _base64(64)[4:40] + "/x" + _base64(64)[42:]
_CLAIMS = _base64url(90)
_JWT = f"eyJ{_base64url(24)}.eyJ{_CLAIMS}.{_base64url(64)}"
_OPAQUE = _base64url(33)
_PASSWORD = "Tr0ub4dor-" + _base64url(9)

SECRETS = (
    Secret("signature", f"?sv=2024-11-04&sig={quote(_SIGNATURE, safe='')}", _SIGNATURE),
    Secret("plain signature", f"&sig={_SIGNATURE}", _SIGNATURE),
    Secret("odd-cased signature", f"&SiG={quote(_SIGNATURE, safe='')}", _SIGNATURE),
    Secret("percent-encoded signature", f"&%73ig%3D{quote(_SIGNATURE, safe='')}", _SIGNATURE),
    Secret("twice encoded signature", quote(f"&sig={quote(_SIGNATURE, safe='')}", safe=""), _SIGNATURE),
    Secret("account key", _KEY, _KEY),
    Secret("connection string", f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={_KEY};", _KEY),
    Secret("quoted account key", f'{{"key1": "{_KEY}"}}', _KEY),
    Secret("token", _JWT, _CLAIMS),
    Secret("bearer token", f"Authorization: Bearer {_OPAQUE}", _OPAQUE),
    Secret("password", f"password={_PASSWORD}", _PASSWORD),
    Secret("quoted password", f'{{"password": "{_PASSWORD}"}}', _PASSWORD),
    Secret("password of a machine", f'{{"adminPassword": "{_PASSWORD}"}}', _PASSWORD),
    Secret("client secret", f"client_secret={_PASSWORD}&grant_type=client_credentials", _PASSWORD),
)
_by_name = pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
_WINDOW, _STRIDE = 10, 6


@cache
def _traces(needle: str) -> frozenset[str]:
    """Runs of a secret that nobody writes by chance, as they may be spelled: any 15 characters of it hold one."""
    spelled = {needle, quote(needle, safe=""), quote(quote(needle, safe=""), safe=""), needle.replace("/", "\\/")}
    runs = {each[start : start + _WINDOW] for each in spelled for start in range(0, len(each) - _WINDOW + 1, _STRIDE)}
    return frozenset(run.lower() for run in runs)


def leaks(secret: Secret, haystacks: Sequence[str]) -> list[str]:
    """What surrounds the first trace of the secret in each text, without regard to case and encoding."""
    found = []
    for haystack in haystacks:
        spelled = haystack.lower().replace("\0", "")
        for text in (spelled, unquote(spelled)) if "%" in spelled else (spelled,):
            hit = min((position for trace in _traces(secret.needle) if (position := text.find(trace)) >= 0), default=-1)
            if hit >= 0:
                found.append(text[max(0, hit - 60) : hit + 40])
                break
    return found


@detector(
    id="GW99",
    on=Operation,
    operations=(
        "Microsoft.Compute/disks/beginGetAccess/action",
        "Microsoft.Storage/storageAccounts/listAccountSas/action",
    ),
    metadata=Metadata(
        title="Broken",
        severity=Severity.LOW,
        techniques=(),
        analytics=(),
        false_positives=(),
        triage=(),
        references=(),
    ),
)
def broken(operation: Operation) -> Said:
    """Fails with everything it was given in the message."""
    raise ValueError(repr(operation))
    yield


def everything_kept(bodies: Sequence[bytes], log: pytest.LogCaptureFixture) -> list[str]:
    """All text that an engine leaves anywhere after taking in these bodies, one by one."""
    store, sink, parking = MemoryStore(), MemorySink(), MemoryParking()
    engine = Engine((*CATALOGUE, broken), store=store, sink=sink, parking=parking, clock=now, settings=Settings())
    log.clear()
    log.set_level(logging.DEBUG)
    for body in bodies:
        engine.process([body])
    engine.sweep()
    rows = [row for partition in store._partitions.values() for row in partition.values()]
    return [
        *(finding.model_dump_json() for finding in sink.findings),
        *(" ".join((row.partition, row.name, row.content.decode("utf-8", "replace"))) for row in rows),
        *(f"{item.reason} {item.detector} {item.body.decode('utf-8', 'replace')}" for item in parking.items),
        *(f"{record.getMessage()} {record.exc_info} {record.args}" for record in log.records),
    ]


def _firing() -> list[Record]:
    """Records of both families that findings are made of, one of them of every shape that matters."""
    body = {"access": "Read", "durationInSeconds": 600, "adminUser": "root"}
    definition = f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationDefinitions/d"
    calls: list[tuple[str, str, Any]] = [
        (BEGIN, DISK, body),
        (LIST_ACCOUNT_SAS, ACCOUNT.resource_id, {"signedServices": "b", "signedIp": "x", "keyToSign": "key1"}),
        (
            "Microsoft.Storage/storageAccounts/listServiceSas/action",
            ACCOUNT.resource_id,
            {"canonicalizedResource": "/blob/contosodata/reports", "signedIdentifier": "x"},
        ),
        (
            "Microsoft.ManagedServices/registrationDefinitions/write",
            definition,
            {"properties": {"managedByTenantId": "t", "registrationDefinitionName": "n", "managedByTenantName": "m"}},
        ),
        (
            "Microsoft.ManagedServices/registrationAssignments/write",
            f"{SUBSCRIPTION.scope}/providers/Microsoft.ManagedServices/registrationAssignments/a",
            {"properties": {"registrationDefinitionId": definition}},
        ),
        (
            "Microsoft.Compute/snapshots/write",
            SUBSCRIPTION.resource("servers", "Microsoft.Compute/snapshots", "s"),
            {"location": "x", "properties": {"creationData": {"createOption": "Import", "sourceUri": "https://a/b"}}},
        ),
        (
            "Microsoft.Compute/galleries/share/action",
            SUBSCRIPTION.resource("images", "Microsoft.Compute/galleries", "g"),
            {"operationType": "Add", "groups": [{"type": "AADTenants", "ids": ["t"]}]},
        ),
        (
            "Microsoft.Storage/storageAccounts/write",
            ACCOUNT.resource_id,
            {"properties": {"publicNetworkAccess": "Enabled", "networkAcls": {"ipRules": [{"value": "192.0.2.0/24"}]}}},
        ),
        (
            "Microsoft.Insights/diagnosticSettings/delete",
            f"{ACCOUNT.resource_id}/providers/Microsoft.Insights/diagnosticSettings/hub",
            None,
        ),
    ]
    activity = [
        record
        for operation, resource, request in calls
        for record in activity_call(Random(1), ADMIN, SUBSCRIPTION, operation, resource, NOON, request=request)
    ]
    signed = SignedBy("sv=2024-11-04&sr=c&sp=r&se=2026-12-01&si=p&sig=XXXXX", "leaked")
    return [
        *activity,
        sas_read(referrer="https://portal.azure.com/"),
        copy_engine_read(Random(2), ACCOUNT, NOON, signed, path="/c/b", offset=0, size=9),
        storage_request(Random(3), ACCOUNT, "GetUserDelegationKey", NOON, OAuth(ADMIN), "198.51.100.7"),
        {
            **storage_request(Random(4), ACCOUNT, "CopyBlobSource", NOON, signed, "198.51.100.7", path="/c/b"),
            "callerIpAddress": "198.51.100.7:443",
        },
    ]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every text in a record; JSON in a text is gone into as well."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _places(member, (*path, name))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _places(member, (*path, number))
    elif isinstance(value, str):
        yield path
        if value.startswith("{"):
            yield from _places(json.loads(value), (*path, "{}"))


def _changed(value: Any, path: tuple[Any, ...], change: Callable[[str], str]) -> Any:
    if not path:
        return change(value) if isinstance(value, str) else value
    if path[0] == "{}":
        return json.dumps(_changed(json.loads(value), path[1:], change))
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _changed(copy[path[0]], path[1:], change)
    return copy


def _distinct_places() -> Iterator[tuple[Record, tuple[Any, ...]]]:
    """Every field of the first record of a family; of the others their ids and bodies, which is where they differ."""
    seen: set[tuple[Any, ...]] = set()
    for record in _firing():
        for path in _places(record):
            kind = record["operationName"] if path[0] in ("resourceId", "operationName") or "{}" in path else ""
            family = "caller" if "resultType" in record else "uri"
            if (place := (family, kind, *path)) not in seen:
                seen.add(place)
                yield record, path


@_by_name
def test_a_secret_in_any_one_field_of_a_record_comes_to_rest_nowhere(
    secret: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    plantings: tuple[Callable[[str], str], ...] = (
        lambda original: f"{original} {secret.text}",
        lambda original: f"{original}/{secret.text}",
        lambda original: secret.text,
    )
    found: dict[str, list[str]] = {}
    for record, path in _distinct_places():
        bodies = [body_of([_changed(record, path, plant)]) for plant in plantings]
        leaked = leaks(secret, everything_kept(bodies, caplog))
        if leaked:
            found[f"{record['operationName']}: {'/'.join(map(str, path))}"] = leaked[:1]

    assert not found


@_by_name
def test_a_secret_in_all_fields_at_once_comes_to_rest_nowhere(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    selecting = {"time", "operationName", "category", "resultType", "type"}
    planted = []
    for record in _firing():
        for path in _places(record):
            if not selecting.intersection(map(str, path)) and "{}" not in path:
                record = _changed(record, path, lambda text: f"{text} {secret.text}")
        planted.append(record)

    assert not leaks(secret, everything_kept([body_of(planted), *(body_of([each]) for each in planted)], caplog))


@_by_name
def test_a_secret_in_a_body_that_is_parked_is_masked(secret: Secret, caplog: pytest.LogCaptureFixture) -> None:
    record = {**disk_access()[0], "note": secret.text}
    nested = {**disk_access()[0], "properties": {"requestbody": json.dumps({"inner": secret.text})}}
    whole, deep = json.dumps(record), json.dumps(nested)
    broken_bodies = {
        "no JSON": f"not json {secret.text}".encode(),
        "the secret alone": secret.text.encode(),
        "truncated": whole[:-1].encode(),
        "truncated, secret in a body": deep[:-1].encode(),
        "escaped slashes": whole.replace("/", "\\/")[:-1].encode(),
        "escaped signs": whole.replace("=", "\\u003d").replace("&", "\\u0026")[:-1].encode(),
        "truncated envelope": b'{"records":[' + whole[:-1].encode() + b"}]}",
        "pseudo JSON": b'{"records":['
        + whole[: whole.index('"note"')].encode()
        + f"'n': '{secret.text}'}}]}}".encode(),
        "bad UTF-8": whole.encode()[:-1] + b"\xff",
        "UTF-16": whole.encode("utf-16"),
        "array of scalars": json.dumps([secret.text, 1, None]).encode(),
        "strays": json.dumps({"records": [secret.text, [secret.text], {**record, "time": "never"}]}).encode(),
        "stored gzip": gzip.compress(whole.encode(), compresslevel=0)[:-4],
    }
    found = {
        kind: leak for kind, body in broken_bodies.items() if (leak := leaks(secret, everything_kept([body], caplog)))
    }

    assert not found


@_by_name
def test_a_secret_in_the_name_of_any_deletion_comes_to_rest_nowhere(
    secret: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    record = {**_firing()[-5], "operationName": f"MICROSOFT.X/ {secret.text} /DELETE"}
    assert record["resourceId"].endswith("DIAGNOSTICSETTINGS/HUB")

    assert not leaks(secret, everything_kept([body_of([record])], caplog))


@pytest.mark.parametrize("name", ["account key", "token", "signature", "password"])
def test_a_secret_across_the_place_where_a_long_text_is_cut_does_not_leave_its_half(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    secret = next(each for each in SECRETS if each.name == name)
    kept: list[str] = []
    for limit in (256, 512, 2048):
        for position in range(limit - len(secret.text) - 1, limit, 7):
            filling = ("/long" * 500)[: max(0, position)] + " "
            record = sas_read(agent=filling + secret.text)
            record["uri"] += f"&si={quote(filling + secret.text, safe='')}"
            record["properties"]["objectKey"] = f"/{filling}{secret.text}"
            started, ended = account_sas(request={"signedIp": filling + secret.text})
            started["identity"]["claims"]["name"] = filling + secret.text
            kept += everything_kept([body_of([record, started, ended])], caplog)

    assert not leaks(secret, kept)


def test_masking_twice_changes_nothing() -> None:
    for secret in SECRETS:
        once = masked(f"before {secret.text} after")
        assert masked(once) == once


def test_the_same_secret_keeps_the_same_mask_and_others_get_others() -> None:
    one, other = (next(each for each in SECRETS if each.name == name) for name in ("account key", "token"))

    assert masked(f"a {one.text}") == masked(f"b {one.text}").replace("b", "a", 1)
    assert masked(one.text) != masked(other.text)


_SPELLED = tuple(each.text for each in SECRETS if "signature" in each.name)


@pytest.mark.parametrize("after", [" cannot be read", "\nnext", ""])
@pytest.mark.parametrize("mark", [":", ".", ").", "!", "?", "`", ":?!."])
@pytest.mark.parametrize("signed", _SPELLED)
def test_the_punctuation_of_the_sentence_behind_a_masked_url_stays(signed: str, mark: str, after: str) -> None:
    url = f"see https://contosodata.blob.core.windows.net/a{signed}"
    once = masked(f"{url}{mark}{after}")

    assert once == f"{masked(url)}{mark}{after}" != f"{url}{mark}{after}"
    assert masked(once) == once


@pytest.mark.parametrize(
    "value", [f"{_SIGNATURE}:more", f"{_SIGNATURE}.x:", f"{_SIGNATURE}*.", f"{_SIGNATURE[:40]}:", "hunter2hunter2!"]
)
@pytest.mark.parametrize("after", [" cannot be read", ""])
def test_punctuation_that_may_be_part_of_a_secret_is_masked_with_it(value: str, after: str) -> None:
    for name, text in (("sig", value), ("password", f"{_SIGNATURE}:"), ("token", value)):
        once = masked(f"{name}={text}{after}")

        assert once == masked(f"{name}={text}") + after
        assert len(once) == len(f"{name}=sha256:") + 12 + len(after)


@pytest.mark.parametrize("value", ["sha256:hunter2", f"sha256:{_SIGNATURE}", "sha256:0123456789abcdef"])
def test_what_only_begins_like_a_mask_is_none(value: str) -> None:
    once = masked(f"password={value}")

    assert value not in once
    assert masked(once) == once


def test_ordinary_texts_are_not_masked() -> None:
    for text in (
        DISK,
        ACCOUNT.url("/reports/q1.csv", "sv=2024-11-04&sp=r&se=2026-12-01T00%3A00%3A00Z"),
        ACCOUNT.key_hash(),
        "azsdk-net-Storage.Blobs/12.24.0 (.NET 8.0.13; Ubuntu 22.04)",
        "design=modern&assign=me",
    ):
        assert masked(text) == text


@pytest.mark.parametrize("case", cases(), ids=case_id)
def test_a_masked_body_tells_the_same(case: Case) -> None:
    """What is parked is masked, and a replay of it must find what was missed, under the same ids."""
    bodies = [encoded(body) for body in case.bodies]
    parked = [masked_bytes(body) for body in bodies]

    assert content_of(found(parked, case.settings)) == content_of(found(bodies, case.settings))


@pytest.mark.parametrize("case", [case for case in cases() if "fires" in case.name], ids=case_id)
@pytest.mark.parametrize(
    "decoy", ['"sasToken": null', '"token": 12345', '"signature": true', r'"agent": "a\\u0026b\/c"']
)
def test_masking_keeps_json_json(case: Case, decoy: str) -> None:
    """Else a caller could see to it that what is parked while a service is down is never found."""
    bodies = [encoded(body).replace(b'"time":', f'{decoy}, "time":'.encode()) for body in case.bodies]
    parked = [masked_bytes(body) for body in bodies]

    assert content_of(found(parked, case.settings)) == content_of(found(bodies, case.settings))


@pytest.mark.parametrize("named", ["", "log.json"])
def test_what_gzip_hides_is_masked_and_still_read(named: str) -> None:
    record = sas_read()
    record["uri"] += "&sig=hunter2hunter2hunter2"
    packed = io.BytesIO()
    with gzip.GzipFile(named, "wb", fileobj=packed, mtime=0) as stream:
        stream.write(encoded([record]))

    parked = masked_bytes(packed.getvalue())

    assert b"hunter2" not in parked
    assert len(found([parked], Settings())) == len(found([packed.getvalue()], Settings())) == 1


@pytest.mark.parametrize("before", [b"", b"\xff\xfe\xff"])
def test_an_escaped_secret_is_masked_whatever_stands_before_it(before: bytes) -> None:
    assert b"hunter2" not in masked_bytes(b"{" + before + rb'"uri": "a?x=1\u0026sig\u003dhunter2hunter2"}')
