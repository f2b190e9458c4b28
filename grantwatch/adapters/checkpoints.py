"""How far consumers have come in each partition, and which of them has it: in an SQLite file, or in a blob container.

Both have the four methods that the SDK asks of a checkpoint store, in its own dictionaries.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from grantwatch.errors import StoreError, UnavailableError

Result = TypeVar("Result")

Note = dict[str, Any]
"""An ownership or a checkpoint, with the keys that the SDK's documentation gives."""

_PLACE = ("fully_qualified_namespace", "eventhub_name", "consumer_group", "partition_id")
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS note (
        kind TEXT, namespace TEXT, hub TEXT, consumer_group TEXT, partition TEXT, version TEXT, content TEXT,
        PRIMARY KEY (kind, namespace, hub, consumer_group, partition)
    )
"""


class Checkpoints(Protocol):
    """What the SDK's stores have in common."""

    def list_ownership(self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str) -> Iterable[Note]:
        """Which consumer has which partition."""

    def claim_ownership(self, ownership_list: Iterable[Note]) -> Iterable[Note]:
        """Take partitions, those excepted that somebody else took since they were listed. Returns those taken."""

    def update_checkpoint(self, checkpoint: Note) -> None:
        """Note how far a partition has been processed."""

    def list_checkpoints(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str
    ) -> Iterable[Note]:
        """How far each partition has been processed."""


class FileCheckpoints:
    """Checkpoints in an SQLite file, for the consumers of one machine."""

    def __init__(self, path: str) -> None:
        """Open or make the file; raises StoreError if it is something else or cannot be written."""
        self._path = path
        try:
            with self._open() as connection:
                connection.execute(_SCHEMA)
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be opened to keep checkpoints: {error}.") from None

    def list_ownership(self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str) -> Iterable[Note]:
        return self._listed("ownership", fully_qualified_namespace, eventhub_name, consumer_group)

    def claim_ownership(self, ownership_list: Iterable[Note]) -> Iterable[Note]:
        with self._open() as connection:
            return [taken for each in ownership_list if (taken := _claimed(connection, each))]

    def update_checkpoint(self, checkpoint: Note) -> None:
        with self._open() as connection:
            _write(connection, "checkpoint", checkpoint, uuid4().hex)

    def list_checkpoints(
        self, fully_qualified_namespace: str, eventhub_name: str, consumer_group: str
    ) -> Iterable[Note]:
        return self._listed("checkpoint", fully_qualified_namespace, eventhub_name, consumer_group)

    def _listed(self, *place: str) -> list[Note]:
        with self._open() as connection:
            rows = connection.execute(
                "SELECT content FROM note WHERE (kind, namespace, hub, consumer_group) = (?, ?, ?, ?)", place
            )
            return [json.loads(content) for (content,) in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction that others wait for."""
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()


def _claimed(connection: sqlite3.Connection, wanted: Note) -> Note | None:
    row = connection.execute(
        "SELECT version FROM note WHERE (kind, namespace, hub, consumer_group, partition) = ('ownership', ?, ?, ?, ?)",
        [wanted[name] for name in _PLACE],
    ).fetchone()
    if (row[0] if row else None) != wanted.get("etag"):
        return None
    taken = {**wanted, "etag": uuid4().hex, "last_modified_time": time.time()}
    _write(connection, "ownership", taken, taken["etag"])
    return taken


def _write(connection: sqlite3.Connection, kind: str, note: Note, version: str) -> None:
    place = [note[name] for name in _PLACE]
    connection.execute(
        "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?, ?, ?, ?)", [kind, *place, version, json.dumps(note)]
    )


def checkpoints_at(place: str) -> Checkpoints:
    """Those in the blob container of that URL, entered by its SAS or by identity; or else in that file."""
    url = urlsplit(place)
    if url.scheme not in ("https", "http"):
        if url.query:
            raise StoreError(
                "The place for checkpoints looks like a URL, and begins with neither https:// nor http://."
            )
        return FileCheckpoints(place)
    if url.scheme == "http" and not url.query:
        raise StoreError("Without https the container for checkpoints can be entered with a SAS only: …/CONTAINER?SAS.")
    from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore
    from azure.identity import DefaultAzureCredential

    folder, _, container = url.path.strip("/").rpartition("/")
    if not container:
        raise StoreError(
            "The checkpoints need the URL of a container: https://ACCOUNT.blob.core.windows.net/CONTAINER."
        )
    account = url._replace(path=folder).geturl()
    identity = None if url.query else DefaultAzureCredential()
    # Tried once: the next round tries again.
    store: Checkpoints = BlobCheckpointStore(account, container, identity, retry_total=0)
    return store


class AwaitedCheckpoints:
    """The same for the SDK's asynchronous clients: each call in a thread, its faults as UnavailableError."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self._checkpoints = checkpoints

    async def list_ownership(self, *place: str, **_: Any) -> Iterable[Note]:
        return await _in_thread(self._checkpoints.list_ownership, *place)

    async def claim_ownership(self, ownership_list: Iterable[Note], **_: Any) -> Iterable[Note]:
        return await _in_thread(self._checkpoints.claim_ownership, ownership_list)

    async def update_checkpoint(self, checkpoint: Note, **_: Any) -> None:
        await _in_thread(self._checkpoints.update_checkpoint, checkpoint)

    async def list_checkpoints(self, *place: str, **_: Any) -> Iterable[Note]:
        return await _in_thread(self._checkpoints.list_checkpoints, *place)


async def _in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    from azure.core.exceptions import AzureError

    try:
        return await asyncio.to_thread(work, *arguments)
    except (AzureError, sqlite3.Error, OSError) as error:
        raise UnavailableError(f"The checkpoints cannot be reached ({type(error).__name__}).") from None
