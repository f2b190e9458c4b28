"""`grantwatch sas`: what a leaked URL opens, in whatever shape it is pasted, and never its signature."""

import hashlib
import json
from base64 import b64encode
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from grantwatch.adapters.local_store import LocalStore
from grantwatch.cli.app import app
from grantwatch.cli.sas import validity
from grantwatch.local import engine
from grantwatch.model.sas import sas_of
from grantwatch.settings import Settings
from grantwatch.wire.leak import leak_in
from tests.strategies import stable
from tests.world import ACCOUNT, ADMIN, NOON, OWNER, SUBSCRIPTION, body_of, sas_read
from tools.azure_records import Caller, Failure, OAuth, Record, activity_call, storage_request

LIST_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
SIGNATURE = "7Qb+mX0W3rT9uV/2kLzQpE1sYh8dG5nJcA6iFoRtMxw="
HASH = hashlib.sha256(SIGNATURE.encode()).hexdigest().upper()
HOST = "https://contosodata.blob.core.windows.net"
QUERY = "sv=2024-11-04&ss=bf&srt=co&sp=rwl&st=2026-03-10T10%3A00%3A00Z&se=2027-03-10T10%3A00%3A00Z&spr=https"
URL = f"{HOST}/reports/q1.csv?{QUERY}&sig={quote(SIGNATURE, safe='')}"
SAFE_LINK = f"https://eur01.safelinks.protection.outlook.com/?url={quote(URL, safe='')}&data=05%7C01&reserved=0"
MIDDLE = f"{HOST}/reports/q1.csv?sv=2024-11-04&sig={quote(SIGNATURE, safe='')}&{QUERY.partition('&')[2]}"
SHAPES = {
    "as it is": URL,
    "with a plus and slashes that nobody encoded": f"{HOST}/reports/q1.csv?{QUERY}&sig={SIGNATURE}",
    "with its plus decoded to a blank": f"{HOST}/reports/q1.csv?{QUERY}&sig={SIGNATURE.replace('+', ' ')}",
    "encoded once more": URL.replace("%", "%25"),
    "encoded as a whole": quote(URL, safe=""),
    "encoded as a whole, twice": quote(quote(URL, safe=""), safe=""),
    "with entities of HTML": URL.replace("&", "&amp;"),
    "in quotes": f'"{URL}"',
    "in angle brackets": f"<{URL}>",
    "wrapped by mail": f"{URL[:70]}\r\n  {URL[70:150]}\n{URL[150:]}\n",
    "in a sentence": f"please fetch {URL} until Friday",
    "in JSON": json.dumps({"url": URL, "next": 1}).replace("&", "\\u0026"),
    "behind a mail filter": SAFE_LINK,
    "without its padding": URL.removesuffix("%3D"),
    "with the signature first": f"{HOST}/reports/q1.csv?sig={quote(SIGNATURE, safe='')}&{QUERY}",
    "with a name in capitals": URL.replace("&sig=", "&SIG="),
    "as a query alone": f"?{QUERY}&sig={quote(SIGNATURE, safe='')}",
    "in JSON with slashes escaped": json.dumps({"url": URL}).replace("/", "\\/"),
    "escaped for a shell": URL.replace("&", "\\&").replace("?", "\\?").replace("=", "\\="),
    "escaped for Windows": URL.replace("&", "^&"),
    "without its scheme": URL.removeprefix("https://"),
    "after another link": f"as in https://docs.example.com/x?y=1 we use {URL}",
    "after a line of text, without its scheme": f"Our link\n{URL.removeprefix('https://')}\nThanks, Bob",
    "with the signature in the middle of a sentence": f"please fetch {MIDDLE} until Friday",
    "with the signature in the middle and brackets around": f"the file (see {MIDDLE}).",
    "with the signature in the middle and a line below": f"{MIDDLE}\nThanks, Bob",
    "with the signature in the middle, wrapped": f"{MIDDLE[:70]}\n{MIDDLE[70:190]}\n{MIDDLE[190:]}\nThanks, Bob",
    "with a link in its path": URL.replace("q1.csv", quote("https://site.example/q1", safe="")),
    "as a connection string, signature first": f"SharedAccessSignature={QUERY}&sig={SIGNATURE};BlobEndpoint={HOST}/;",
    "as a connection string": f"BlobEndpoint={HOST}/;SharedAccessSignature={QUERY}&sig={quote(SIGNATURE, safe='')}",
}


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["sas", *arguments], input=given)


def assert_silent(result: Result, signature: str = SIGNATURE) -> None:
    """Neither the signature, nor any spelling of it, nor a good part of one."""
    said = result.stdout + result.stderr
    for spelled in (signature, quote(signature, safe=""), quote(quote(signature, safe=""), safe="")):
        assert not any(spelled[place : place + 12] in said for place in range(len(spelled) - 11))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_url_is_known_in_whatever_shape_it_is_pasted(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for result in (run("-", "--format", "json", given=SHAPES[shape]), run(SHAPES[shape], "--format", "json")):
        assert result.exit_code == 0, result.stderr
        answer = json.loads(result.stdout)
        assert answer["SignatureHash"] == HASH
        assert answer["Allows"] == "read, write, list"
        assert answer["Account"] == "contosodata" or shape == "as a query alone"
        assert "2027-03-10 10:00 UTC" in answer["Validity"]
        assert_silent(result)


@stable(200)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 3))
def test_any_signature_has_the_hash_that_storage_logs_show(raw: bytes, layers: int) -> None:
    signature = b64encode(raw).decode()
    spelled = f"{HOST}/a?{QUERY}&sig={signature}"
    for _ in range(layers):
        spelled = quote(spelled, safe="")
    leak = leak_in(spelled)

    assert leak.hash == hashlib.sha256(signature.encode()).hexdigest().upper()
    assert leak.is_whole


def test_what_the_sas_opens_is_said_in_words_with_the_command_that_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("-", given=URL)

    assert result.exit_code == 0
    assert "Allows: read, write, list" in result.stdout
    assert "Reaches: blobs, files, containers, objects" in result.stdout
    assert "az storage account keys renew --account-name contosodata --key key1" in result.stdout
    assert f'AuthenticationHash has "{HASH}"' in result.stdout
    assert "no local store" in result.stderr
    assert_silent(result)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Of a replay in which the keys were read and a SAS was used."""
    path = str(tmp_path / "store.duckdb")
    keys = activity_call(Random(1), ADMIN, SUBSCRIPTION, LIST_KEYS, ACCOUNT.resource_id, NOON)
    used = [sas_read(number, NOON + timedelta(hours=1)) for number in range(3)]
    for record in used:
        record["identity"]["tokenHash"] = f"key1({'A' * 64}),SasSignature({HASH})"
    with LocalStore(path) as opened:
        engine(store=opened.state, sink=opened).process([body_of([*keys, *used])])
    return path


def test_the_store_tells_who_used_it_and_who_could_have_made_it(store: str) -> None:
    result = run("-", "--store", store, "--format", "json", given=URL)
    answer = json.loads(result.stdout)

    assert result.exit_code == 0
    assert any("SAS used from outside" in each and "198.51.100.23" in each for each in answer["Sightings"])
    assert any("read the keys 59 min before" in each for each in answer["IssuerCandidates"])
    (command,) = answer["Containment"]
    assert "--key key1" in command
    assert "--key key2" not in command  # the logs told which key signed it
    assert "--resource-group data" in command
    assert_silent(result)


def test_the_query_of_findings_is_one_that_the_store_can_answer(store: str) -> None:
    answer = json.loads(run("-", "--store", store, "--format", "json", given=URL).stdout)

    result = CliRunner().invoke(app, ["query", answer["QueryOfFindings"], "--store", store, "--format", "json"])

    assert {row["Detector"] for row in json.loads(result.stdout)} >= {"sas_used_externally"}


def test_another_sas_is_not_seen_in_the_store(store: str) -> None:
    other = URL.replace("7Qb", "8Qb")
    answer = json.loads(run("-", "--store", store, "--format", "json", given=other).stdout)

    assert answer["Sightings"] == "no use of it is known to this store"


def store_of(path: Path, *records: Record) -> str:
    """Of a replay of these records, those with a SAS being uses of the one that leaked."""
    for record in records:
        if record["identity"].get("type") in ("SAS", "DelegationSas"):
            record["identity"]["tokenHash"] = f"key1({'A' * 64}),SasSignature({HASH})"
    settings = Settings(owner_tenant_id=OWNER.id, own_networks=("192.0.2.0/24",), volume_size_threshold_gb=1)
    with LocalStore(str(path / "store.duckdb")) as opened:
        ready = engine(store=opened.state, sink=opened, settings=settings)
        ready.process([body_of(records)])
        ready.sweep()
    return str(path / "store.duckdb")


def keys_read(number: int, at: datetime, caller: Caller = ADMIN, **more: Any) -> list[Record]:
    return activity_call(Random(number), caller, SUBSCRIPTION, LIST_KEYS, ACCOUNT.resource_id, at, **more)


BEN = replace(ADMIN, name="Ben Brown", address="203.0.113.80")


def asked(store: str, url: str = URL) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run("-", "--store", store, "--format", "json", given=url).stdout)
    return answer


def test_a_sighting_tells_how_much_was_read_until_when_by_what_agents_and_operations(tmp_path: Path) -> None:
    taken = [sas_read(each, NOON, size=800 * 10**6, agent="azcopy/10.2") for each in range(3)]
    sightings = asked(store_of(tmp_path, *taken))["Sightings"]

    (bulk,) = (each for each in sightings if "in bulk" in each)
    (used,) = (each for each in sightings if "from outside" in each)
    assert "at least 2 GB, 2 objects and 2 requests until 2026-03-10 13:05; by azcopy/10.2" in bulk
    assert "by azcopy/10.2; operations GetBlob" in used


def test_each_day_of_use_is_told_above_the_findings_even_where_nothing_was_found(tmp_path: Path) -> None:
    days = [
        sas_read(
            each, NOON + timedelta(days=each % 2, minutes=each), address="192.0.2.9", size=10**6, agent="azcopy/10.2"
        )
        for each in range(5)
    ]
    within_three_days = keys_read(1, NOON - timedelta(hours=1))
    answer = asked(store_of(tmp_path, *within_three_days, *days), URL.partition("?")[2])

    assert answer["Sightings"] == [
        "2026-03-10 12:00 to 12:00: 3 requests, 3 MB, 3 objects, from Own",
        "2026-03-11 12:01 to 12:01: 2 requests, 2 MB, 2 objects, from Own",
    ]
    assert answer["Account"] == "contosodata"
    assert ["59 min before" in each for each in answer["IssuerCandidates"]] == [True]


def test_candidates_did_what_it_takes_before_the_first_use_and_are_ranked(tmp_path: Path) -> None:
    long_before = keys_read(1, NOON - timedelta(days=20), BEN)
    failed = keys_read(2, NOON - timedelta(hours=1), failure=Failure())
    afterwards = keys_read(3, NOON + timedelta(minutes=5))
    known = store_of(tmp_path, *long_before, *failed, *afterwards, sas_read(1, NOON))

    for url in (URL, URL.partition("?")[2], URL.replace("contosodata.blob.core.windows.net", "data.contoso.example")):
        (issuer,) = asked(known, url)["IssuerCandidates"]
        assert "read the keys 19 d 23 h before, from 203.0.113.80 (possible)" in issuer
        assert issuer.startswith("ben")


def test_whom_a_finding_names_is_said_once(tmp_path: Path) -> None:
    readings = keys_read(1, NOON - timedelta(days=20), BEN) + keys_read(2, NOON - timedelta(hours=1))
    used = [sas_read(1, NOON), sas_read(2, NOON + timedelta(days=1))]
    (issuer,) = asked(store_of(tmp_path, *readings, *used))["IssuerCandidates"]

    assert "read the keys 59 min before, from 203.0.113.7" in issuer


def test_without_a_known_use_candidates_are_told_with_their_time_the_latest_first(tmp_path: Path) -> None:
    known = store_of(tmp_path, *keys_read(1, NOON), *keys_read(2, NOON + timedelta(days=2), BEN))

    assert [each.partition(" on ")[2] for each in asked(known)["IssuerCandidates"]] == [
        "2026-03-12 12:00",
        "2026-03-10 12:00",
    ]


def test_only_whom_a_delegation_sas_names_can_have_asked_for_its_key(tmp_path: Path) -> None:
    requests = [
        storage_request(Random(each.name), ACCOUNT, "GetUserDelegationKey", NOON, OAuth(each), each.address)
        for each in (ADMIN, BEN)
    ]
    who = f"skoid={BEN.object_id}&sktid={OWNER.id}"
    known = store_of(tmp_path, *requests, sas_read(1, NOON + timedelta(hours=1)))
    stated, issuer = asked(known, f"{HOST}/reports?sr=c&sp=r&{who}&sig={SIGNATURE}")["IssuerCandidates"]

    assert "(stated)" in stated
    assert "asked for a delegation key 1 h 0 min before, from 203.0.113.80" in issuer


def test_a_sas_under_a_stored_policy_ends_with_the_policy(store: str) -> None:
    stored = f"{HOST}/reports/q1.csv?sv=2024-11-04&sr=c&si=weekly&sig={quote(SIGNATURE, safe='')}"
    answer = json.loads(run("-", "--store", store, "--format", "json", given=stored).stdout)

    assert answer["Containment"][0] == (
        "az storage container policy delete --container-name reports --account-name contosodata --name weekly"
    )
    assert answer["Allows"] == "what the stored access policy says"


@pytest.mark.parametrize(
    ("service", "holder"), [("dfs", "container"), ("file", "share"), ("queue", "queue"), ("table", "table")]
)
def test_a_stored_policy_ends_where_it_is(service: str, holder: str, store: str) -> None:
    stored = f"https://contosodata.{service}.core.windows.net/reports?si=weekly&sig={quote(SIGNATURE, safe='')}"

    assert asked(store, stored)["Containment"][0] == (
        f"az storage {holder} policy delete --{holder}-name reports --account-name contosodata --name weekly"
    )


def test_what_steers_a_terminal_is_not_printed(store: str) -> None:
    stored = f"{HOST}/c?si=a%1b%5B31mx%0Ay&sip=%1b%5B2J&skoid=%07&sig={quote(SIGNATURE, safe='')}"

    assert not {"\x1b", "\x07"} & set(run("-", "--store", store, given=stored).stdout)


@pytest.mark.parametrize(("query", "since"), [(QUERY, "datetime(2026-03-10T10:00:00Z)"), ("sr=c&sp=r", "ago(90d)")])
def test_the_query_of_logs_looks_back_to_when_the_sas_began(query: str, since: str, store: str) -> None:
    asked_for = asked(store, f"{HOST}/reports?{query}&sig={quote(SIGNATURE, safe='')}")["QueryOfStorageLogs"]

    assert f"| where TimeGenerated >= {since}\n" in asked_for


def test_a_delegation_sas_names_who_asked_for_its_key(store: str) -> None:
    who = "skoid=00000000-0000-4000-8000-0000000000d0&sktid=00000000-0000-4000-8000-0000000000e0"
    delegated = f"{HOST}/reports?sr=c&sp=r&{who}&sig={SIGNATURE}"
    answer = json.loads(run("-", "--store", store, "--format", "json", given=delegated).stdout)

    assert "00000000-0000-4000-8000-0000000000d0" in answer["IssuerCandidates"][0]
    assert "revoke-delegation-keys" in answer["Containment"][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no URL"),
        ("hello", "no URL"),
        (f"{HOST}/reports/q1.csv", "There is no `sig` in this URL: it opens nothing"),
        (f"{HOST}/reports/q1.csv?{QUERY}", "There is no `sig` in this URL: it opens nothing"),
        (f"{HOST}/reports/q1.csv?{QUERY}&sig=", "There is no `sig` in this URL: it opens nothing"),
        (f"https://md-hdd-abc123.z22.blob.storage.azure.net/x/abcd?sv=2018-03-28&sr=b&si=1&sig={SIGNATURE}", "disk"),
        (f"https://md-abc123.blob.core.windows.net/x/abcd?sv=2018-03-28&sr=b&si=1&sig={SIGNATURE}", "disk"),
    ],
)
def test_what_is_no_sas_to_look_for_is_answered_in_a_sentence(text: str, said: str) -> None:
    result = run("-", given=text)

    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not result.stdout
    assert_silent(result)


BARE = f"sig={quote(SIGNATURE, safe='')}"


@pytest.mark.parametrize("text", [BARE, f"?sv=2024-11-04&{BARE}", f"the key was {BARE} I think"])
def test_a_signature_alone_tells_no_kind_but_is_found_by_its_hash(text: str, store: str) -> None:
    answer = asked(store, text)

    assert answer["Kind"].startswith("not told: a signature alone does not say")
    assert not {"Allows", "Reaches", "Validity", "From", "Over"} & answer.keys()
    assert answer["SignatureHash"] == HASH
    assert f'AuthenticationHash has "{HASH}"' in answer["QueryOfStorageLogs"]
    assert answer["Account"] == "contosodata"
    assert any("SAS used from outside" in each for each in answer["Sightings"])
    assert any("read the keys 59 min before" in each for each in answer["IssuerCandidates"])
    (command,) = answer["Containment"]  # the logs told what signed it
    assert "keys renew" in command


def test_whatever_may_have_signed_it_is_named_and_ended_where_a_signature_alone_was_never_seen(tmp_path: Path) -> None:
    delegated = storage_request(Random(1), ACCOUNT, "GetUserDelegationKey", NOON, OAuth(ADMIN), ADMIN.address)
    known = store_of(tmp_path, *keys_read(1, NOON, BEN), delegated)
    answer = asked(known, f"{HOST}/reports?{BARE}")

    assert [each.split()[1] for each in answer["Containment"]] == ["storage", "storage"]
    assert ["revoke-delegation-keys" in each for each in answer["Containment"]] == [True, False]
    said = " ".join(answer["IssuerCandidates"])
    assert "asked for a delegation key" in said
    assert "read the keys" in said
    assert asked(known, BARE)["Account"] == "not known: no host was given"


@pytest.mark.parametrize("cut", ["XXXXX", "REDACTED", SIGNATURE[:20]])
def test_a_signature_that_was_masked_or_cut_is_said_to_find_nothing(
    cut: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("-", given=f"{HOST}/reports/q1.csv?{QUERY}&sig={cut}")

    assert result.exit_code == 0
    assert "masked or cut" in result.stderr
    assert_silent(result)


def test_what_the_shell_makes_of_a_url_without_quotes_is_not_repeated() -> None:
    for result in (
        run(URL, "-x", SIGNATURE),
        run("--sig", SIGNATURE),
        run(*URL.split("&")),
        run(URL, "--format", "no"),
        run("--format", URL),
        run("-", "--store", URL, given=URL),
    ):
        assert_silent(result)


@pytest.mark.parametrize("before", [[], ["--nothing"], ["replay"], ["replay", "--store"], ["query"], ["grants"]])
@pytest.mark.parametrize("url", [URL, f"--url={URL}", f"{HOST}/c?sv=2024-11-04&sig={SIGNATURE}"])
def test_no_command_repeats_a_url_that_it_was_not_to_have(
    before: list[str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*before, url])

    assert result.exit_code in (1, 2)
    assert result.stderr
    assert_silent(result)


def test_a_store_that_is_named_must_be_there(tmp_path: Path) -> None:
    result = run("-", "--store", str(tmp_path / "none.duckdb"), given=URL)

    assert result.exit_code == 1
    assert "There is no store" in result.stderr
    assert_silent(result)


@stable(300)
@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    result = run("-", "--store", "/nowhere/at/all", given=text)
    assert result.exit_code in (1, 2)
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sr=c&se=2026-03-09", "expired on 2026-03-09 00:00 UTC"),
        ("sr=c&st=2026-03-11&se=2026-03-12", "not before 2026-03-11 00:00 UTC, then until 2026-03-12 00:00 UTC"),
        ("sr=c&se=2026-03-12", "valid now, until 2026-03-12 00:00 UTC, unless it was ended"),
        ("sr=c&si=weekly", "until the stored access policy says, or is deleted"),
        ("sr=c", "not told"),
    ],
)
def test_whether_it_is_valid_depends_on_the_time(query: str, said: str) -> None:
    sas = sas_of(f"{HOST}/reports?{query}&sig=X")

    assert sas is not None
    assert validity(sas, NOON) == said
