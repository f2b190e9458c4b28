"""What every ParkingPlace does, in memory, in a directory and in Blob Storage alike, and what is particular to each."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event
from typing import Any
from uuid import uuid4

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import ContainerClient

from grantwatch.adapters.blob_parking import BlobPlace, options
from grantwatch.adapters.directory_parking import DirectoryPlace
from grantwatch.adapters.in_memory import MemoryPlace
from grantwatch.errors import SettingsError, StoreError, UnavailableError
from grantwatch.ports import ParkingPlace
from tests.adapters.loopback import SECRET, connection_to, server
from tests.stand_ins.azurite import Azurite


@contextmanager
def blob_place(connection: str, container: str | None = None, **changed: Any) -> Iterator[BlobPlace]:
    name = container or f"c{uuid4().hex}"
    place = BlobPlace(lambda: ContainerClient.from_connection_string(connection, name, **{**options(), **changed}))
    try:
        yield place
    finally:
        place.close()


@pytest.fixture(params=["memory", "directory", "blob"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ParkingPlace]:
    if request.param == "memory":
        yield MemoryPlace()
    elif request.param == "directory":
        yield DirectoryPlace(tmp_path / "parking")
    else:
        with blob_place(request.getfixturevalue("azurite").blob) as blobs:
            yield blobs


def test_nothing_is_there(place: ParkingPlace) -> None:
    assert not place.names("bodies", 10)
    assert place.get("bodies/a") is None
    place.remove("bodies/a")
    place.put("other/a", b"", {})
    assert not place.names("bodies", 10)
    assert place.get("bodies/a") is None
    assert place.get("other") is None
    place.remove("other")
    place.remove("bodies/a")
    assert place.get("other/a") == b""


def test_what_was_put_is_there_until_it_is_removed(place: ParkingPlace) -> None:
    place.put("bodies/a", b"1", {"reason": "first"})
    place.put("bodies/a", b"2", {"reason": "second"})
    assert place.get("bodies/a") == b"2"
    place.remove("bodies/a")
    place.remove("bodies/a")
    assert place.get("bodies/a") is None
    assert not place.names("bodies", 10)


def test_names_come_in_order_and_no_more_than_asked_for(place: ParkingPlace) -> None:
    names = [f"bodies/2026-03-10T12:{minute:02}:00Z/{number}.json.gz" for minute in (7, 30, 1) for number in (2, 1)]
    for name in [*names, "bodies/B", "bodies/a b/ü+%41&'x'", "bodies.old/a", "bodies-old/a", "outbox/a"]:
        place.put(name, name.encode(), {})
    expected = sorted([*names, "bodies/B", "bodies/a b/ü+%41&'x'"])
    assert list(place.names("bodies", 100)) == expected
    assert list(place.names("bodies", 3)) == expected[:3]
    assert list(place.names("bodies", 0)) == []
    assert list(place.names("bodies/2026-03-10T12:07:00Z", 100)) == sorted(names[:2])
    assert [place.get(name) for name in expected] == [name.encode() for name in expected]


def test_contents_of_any_kind(place: ParkingPlace) -> None:
    big = Random(7).randbytes(5_000_000)
    place.put("bodies/big", big, {})
    place.put("bodies/lines", b"\r\n\x00\xff", {})
    assert place.get("bodies/big") == big
    assert place.get("bodies/lines") == b"\r\n\x00\xff"


def test_metadata_of_any_kind_is_no_obstacle(place: ParkingPlace) -> None:
    metadata = {
        "reason": "line\nbreak\x00 and Größe",
        "empty": "",
        "long": "x" * 9000,
        "of-key": " spaces ",
        "Detector": "disk_access_granted",
    }
    place.put("bodies/a", b"1", metadata)
    assert place.get("bodies/a") == b"1"


def test_many_put_and_read_at_once(place: ParkingPlace) -> None:
    contents = [bytes([number]) * 100_000 for number in range(8)]

    def put(number: int) -> bytes | None:
        place.put("bodies/same", contents[number], {})
        return place.get("bodies/same")

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(put, range(8))) <= set(contents)
    assert list(place.names("bodies", 10)) == ["bodies/same"]


# A directory


def test_a_directory_survives_its_process(tmp_path: Path) -> None:
    DirectoryPlace(tmp_path).put("bodies/a", b"1", {"reason": "Größe"})
    assert DirectoryPlace(tmp_path).get("bodies/a") == b"1"
    assert json.loads((tmp_path / "metadata/bodies/a").read_text()) == {"reason": "Größe"}
    assert not list((tmp_path / "incoming").iterdir())
    DirectoryPlace(tmp_path).remove("bodies/a")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name", ["../a", "bodies/../../a", "/etc/passwd", "bodies//a", "", ".", "bodies/.", "bodies/..", "a\\..\\b", "a\0b"]
)
def test_no_name_leads_out_of_the_directory(name: str, tmp_path: Path) -> None:
    place = DirectoryPlace(tmp_path / "parking")
    uses: list[Callable[[], Any]] = [
        lambda: place.put(name, b"1", {}),
        lambda: place.get(name),
        lambda: place.remove(name),
        lambda: place.names(name, 1),
    ]
    for use in uses:
        with pytest.raises(StoreError, match=r"^a name that leads out of the parking directory was refused$"):
            use()
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    place = DirectoryPlace(tmp_path / "file")
    with pytest.raises(UnavailableError, match=r"^the parking directory: "):
        place.put("bodies/a", b"1", {})


# Blob Storage


def test_metadata_reaches_a_blob_as_printable_ascii(azurite: Azurite) -> None:
    container = f"c{uuid4().hex}"
    with blob_place(azurite.blob, container) as place:
        place.put("bodies/a", b"1", {"reason": "line\nbreak, Größe ", "empty": " ", "of-key": "x" * 9000})
    with ContainerClient.from_connection_string(azurite.blob, container) as client:
        metadata = client.get_blob_client("bodies/a").get_blob_properties().metadata
    assert metadata == {"reason": "line break, Gr\\xf6\\xdfe", "of_key": "x" * 512}


def test_a_container_that_was_removed_is_made_again(azurite: Azurite) -> None:
    container = f"c{uuid4().hex}"
    with blob_place(azurite.blob, container) as place:
        place.put("bodies/a", b"1", {})
        with ContainerClient.from_connection_string(azurite.blob, container) as client:
            client.delete_container()
        with pytest.raises(UnavailableError, match=r"^Blob Storage answered 404$"):
            place.put("bodies/a", b"1", {})
        place.put("bodies/a", b"1", {})
        assert place.get("bodies/a") == b"1"


CALLS: dict[str, Callable[[ParkingPlace], Any]] = {
    "put": lambda place: place.put("bodies/a", b"content", {"reason": "text"}),
    "names": lambda place: place.names("bodies", 5),
    "get": lambda place: place.get("bodies/a"),
    "remove": lambda place: place.remove("bodies/a"),
}


def fault_of(place: ParkingPlace, call: str) -> str:
    with pytest.raises(UnavailableError) as caught:
        CALLS[call](place)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 403, 503])
def test_an_answer_that_is_no_use(call: str, status: int) -> None:
    with (
        server(lambda method: status) as port,
        blob_place(connection_to("Blob", port), retry_policy=None, retry_total=0) as place,
    ):
        assert fault_of(place, call) == f"Blob Storage answered {status}"


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_is_gone(call: str) -> None:
    with server(lambda method: 200) as port:
        pass
    with blob_place(connection_to("Blob", port), retry_policy=None, retry_total=0) as place:
        assert fault_of(place, call) == "Blob Storage does not answer: ServiceRequestError"


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_is_slow(call: str) -> None:
    awake = Event()

    def slow(method: str) -> int:
        awake.wait(5)
        return 500

    with server(slow) as port:
        with blob_place(connection_to("Blob", port), retry_policy=None, retry_total=0, read_timeout=0.1) as place:
            assert fault_of(place, call) == "Blob Storage does not answer: ServiceResponseTimeoutError"
        awake.set()


def test_a_service_that_is_busy_is_asked_three_times() -> None:
    asked: list[str] = []

    def busy(method: str) -> int:
        asked.append(method)
        return 503

    with server(busy, {"Retry-After": "3600"}) as port, blob_place(connection_to("Blob", port)) as place:
        assert fault_of(place, "put") == "Blob Storage answered 503"
    assert len(asked) == 3


def test_a_malformed_connection_is_named_without_its_content() -> None:
    place = BlobPlace.from_connection_string(f"AccountKey={SECRET}")
    with pytest.raises(SettingsError, match=r"^Blob Storage: its connection string or account URL is malformed$"):
        place.get("bodies/a")
    place.close()


def test_a_place_by_url_and_credential() -> None:
    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken("token", 2**40)

    place = BlobPlace.from_account("https://127.0.0.1:1/", Credential)
    assert fault_of(place, "get") == "Blob Storage does not answer: ServiceRequestError"
    place.close()
