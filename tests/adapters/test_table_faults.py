"""What a TableStore makes of a service that is down, slow, busy or gone, and of a network that loses answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.data.tables import TableClient

from grantwatch.adapters.azure_table import OPTIONS
from grantwatch.adapters.table_store import TableStore
from grantwatch.errors import SettingsError, UnavailableError
from grantwatch.ports import Row
from tests.adapters.loopback import SECRET, connection_to, server
from tests.adapters.tables import FirstTries, Gathering, LossyNetwork, new_table, now, table_store
from tests.stand_ins.azurite import Azurite

ROW = Row("partition", "name", b"content")


@contextmanager
def store_at(port: int, **options: Any) -> Iterator[TableStore]:
    connection = connection_to("Table", port)
    store = TableStore(
        lambda: TableClient.from_connection_string(connection, "state", **{**OPTIONS, **options}), clock=now
    )
    try:
        yield store
    finally:
        store.close()


CALLS: dict[str, Callable[[TableStore], Any]] = {
    "insert": lambda store: store.insert([ROW]),
    "read": lambda store: store.read([("partition", "name")]),
    "scan": lambda store: store.scan(["partition"]),
    "exchange": lambda store: store.exchange(insert=[ROW], read=[("partition", "other")], scan=["partition"]),
    "swap new": lambda store: store.swap([ROW]),
    "swap": lambda store: store.swap([Row("partition", "name", b"content", 'W/"version"')]),
    "delete": lambda store: store.delete([Row("partition", "name", b"content", 'W/"version"')]),
    "delete what was absent": lambda store: store.delete([ROW]),
    "expire": lambda store: store.expire(now()),
}


def fault_of(store: TableStore, call: str) -> str:
    """What the store says is wrong, and nothing else."""
    with pytest.raises(UnavailableError) as caught:
        CALLS[call](store)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_an_answer_that_is_no_use(call: str, status: int) -> None:
    with server(lambda method: status) as port, store_at(port, retry_backoff_factor=0) as store:
        assert fault_of(store, call) == f"Table Storage answered {status}"


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_is_gone(call: str) -> None:
    with server(lambda method: 200) as port:
        pass
    with store_at(port, retry_backoff_factor=0) as store:
        assert fault_of(store, call) == "Table Storage does not answer: ServiceRequestError"


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_is_slow(call: str) -> None:
    awake = Event()

    def slow(method: str) -> int:
        awake.wait(5)
        return 500

    with server(slow) as port:
        with store_at(port, read_timeout=0.1, retry_total=0) as store:
            assert fault_of(store, call) == "Table Storage does not answer: ServiceResponseTimeoutError"
        awake.set()


def test_a_service_that_asks_for_an_hour_is_not_waited_for() -> None:
    asked: list[str] = []

    def busy(method: str) -> int:
        asked.append(method)
        return 503

    before = now()
    with server(busy, {"Retry-After": "3600"}) as port, store_at(port) as store:
        assert fault_of(store, "read") == "Table Storage answered 503"
    assert len(asked) == 3
    assert now() - before < timedelta(seconds=20)


def test_a_conflict_and_an_unmet_condition_are_no_faults() -> None:
    statuses = {"POST": 409, "PATCH": 412, "GET": 404, "DELETE": 412}
    with server(lambda method: statuses[method]) as port, store_at(port) as store:
        assert store.swap([Row("p", "a", b"1"), Row("p", "b", b"1", "version")]) == [("p", "a"), ("p", "b")]
        assert not store.read([("p", "a")])
        assert store.delete([Row("p", "a", b"1"), Row("p", "b", b"1", "version")]) == [("p", "b")]


def test_a_row_that_appears_and_vanishes_is_not_waited_for_without_end() -> None:
    statuses = {"POST": 409, "GET": 404}
    changing = pytest.raises(UnavailableError, match=r"^Table Storage: a row kept changing$")
    with server(lambda method: statuses[method]) as port, store_at(port) as store, changing:
        store.insert([Row("p", "a", b"1")])


def test_a_swap_whose_answer_is_lost_is_told_as_lost_once(azurite: Azurite) -> None:
    network = LossyNetwork(loses_answer=FirstTries())
    with table_store(azurite, transport=network, retry_backoff_factor=0) as store:
        version = None
        for content in (b"1", b"2", b"3"):
            assert store.swap([Row("p", "a", content, version)]) == [("p", "a")]
            row = store.read([("p", "a")])["p", "a"]
            assert row.content == content
            version = row.version


def test_a_deletion_whose_answer_is_lost_is_done(azurite: Azurite) -> None:
    network = LossyNetwork(loses_answer=FirstTries("DELETE"))
    with table_store(azurite, transport=network, retry_backoff_factor=0) as store:
        store.insert([ROW])
        assert not store.delete(store.scan([ROW.partition]))
        assert not store.scan([ROW.partition])


def test_an_exchange_makes_all_its_round_trips_at_once(azurite: Azurite) -> None:
    """None is answered before all are under way: the list of keys, two rows made, two read and one partition."""
    parts = {"insert": [Row("p", "a", b"1"), Row("p", "b", b"2")], "read": [("q", "a"), ("q", "b")], "scan": ["r"]}
    network = Gathering(6)
    with table_store(azurite, transport=network) as store:
        store.insert([Row("r", "c", b"3")])
        network.gather()
        found = store.exchange(**parts)  # type: ignore[arg-type]
        assert network.methods == ["GET"] * 3 + ["POST"] * 3
        assert not found.rows
        assert [row.content for row in found.scanned] == [b"3"]


def test_a_creation_after_a_read_and_an_insertion_is_one_round_trip(azurite: Azurite) -> None:
    network = Gathering(1)
    with table_store(azurite, transport=network) as store:
        assert not store.read([("p", "entity")])
        store.insert([ROW])
        network.gather()
        assert not store.swap([Row("p", "entity", b"1")])
        assert network.methods == ["POST"]


def test_a_table_that_was_removed_is_made_again(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name) as store, TableClient.from_connection_string(azurite.table, name) as client:
        store.insert([ROW])
        client.delete_table()
        assert not store.read([ROW.key])
        assert not store.scan([ROW.partition])
        with pytest.raises(UnavailableError, match=r"^Table Storage answered 404$"):
            store.insert([ROW])
        store.insert([ROW])
        assert len(store.read([ROW.key])) == 1


@pytest.mark.parametrize("connection", ["", "nonsense", f"AccountKey={SECRET}", f"AccountName=;AccountKey={SECRET}"])
def test_a_malformed_connection_is_named_without_its_content(connection: str) -> None:
    store = TableStore.from_connection_string(connection, clock=now)
    with pytest.raises(SettingsError, match=r"^Table Storage: its connection string or account URL is malformed$"):
        store.read([("p", "a")])
    store.close()


def test_a_store_by_url_and_credential(azurite: Azurite) -> None:
    class Credential:
        def get_token(self, *scopes: str, **options: Any) -> AccessToken:
            return AccessToken("token", 2**40)

    store = TableStore.from_account("https://127.0.0.1:1/", Credential, clock=now)
    with pytest.raises(UnavailableError, match="does not answer"):
        store.read([("p", "a")])
    store.close()
