"""What a row is in Table Storage: its sizes, its format, and what later versions add to it."""

import subprocess
import sys
from random import Random

import pytest
from azure.data.tables import TableClient, UpdateMode

from grantwatch.adapters.table_rows import MOST_BYTES
from grantwatch.errors import TooLargeError, UnavailableError
from grantwatch.ports import Row
from tests.adapters.tables import new_table, table_store
from tests.stand_ins.azurite import Azurite


def test_importing_adapters_imports_no_sdk() -> None:
    names = "table_store", "blob_parking", "directory_parking"
    imports = "; ".join(f"import grantwatch.adapters.{name}" for name in names)
    check = "assert not [name for name in sys.modules if name.partition('.')[0] == 'azure']"
    subprocess.run([sys.executable, "-c", f"import sys; {imports}; {check}"], check=True)


def test_properties_of_later_versions_stay(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name) as store, TableClient.from_connection_string(azurite.table, name) as client:
        store.insert([Row("p", "a", b"1" * 10)])
        client.update_entity({"PartitionKey": "p", "RowKey": "a", "Later": "kept"}, UpdateMode.MERGE)
        row = store.read([("p", "a")])["p", "a"]
        assert not store.swap([Row("p", "a", b"2", row.version)])
        assert client.get_entity("p", "a")["Later"] == "kept"
        assert store.read([("p", "a")])["p", "a"].content == b"2"


def test_a_row_that_only_a_later_version_can_read_waits_for_it(azurite: Azurite) -> None:
    name = new_table()
    with table_store(azurite, name) as store, TableClient.from_connection_string(azurite.table, name) as client:
        store.insert([Row("p", "a", b"1")])
        client.update_entity({"PartitionKey": "p", "RowKey": "a", "Format": 2}, UpdateMode.MERGE)
        with pytest.raises(UnavailableError, match=r"^a row of state has format 2; this version reads up to 1$"):
            store.read([("p", "a")])


def test_the_largest_content_and_one_byte_more(azurite: Azurite) -> None:
    largest = Random(1).randbytes(MOST_BYTES)
    with table_store(azurite) as store:
        store.insert([Row("p", "n" * 4096, largest)])
        assert [row.content for row in store.scan(["p"])] == [largest]
        store.insert([Row("p", "compressible", bytes(10 * MOST_BYTES))])
        for write in (store.insert, store.swap):
            with pytest.raises(TooLargeError, match=r"^a row of 983041 bytes is 983041 bytes compressed; a table"):
                write([Row("p", "small", b""), Row("p", "a", largest + b"x")])
            with pytest.raises(TooLargeError, match=r"^a row's name of 4097 bytes; a table takes 4096$"):
                write([Row("p", "n" * 4097, b"")])
        assert not store.read([("p", "small")])


def test_a_name_that_is_no_valid_text(azurite: Azurite) -> None:
    with table_store(azurite) as store:
        store.insert([Row("\ud800", "\udfff", b"1")])
        assert [row.key for row in store.scan(["\ud800"])] == [("\ud800", "\udfff")]
