"""A parking place in Azure Blob Storage: a container, whose blobs have the names and contents given."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from grantwatch.adapters.azure_access import PATIENCE, OnDemand, Service, ask
from grantwatch.errors import ParkingUnavailableError

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import ContainerClient

CONTAINER = "grantwatch"

_SERVICE = Service("Blob Storage", ParkingUnavailableError)
_LONGEST_TEXT = 512
_UNPRINTABLE = re.compile(r"[^ -~]")
_NOT_IN_A_KEY = re.compile(r"[^A-Za-z0-9_]")


def options() -> dict[str, Any]:
    """What a ContainerClient is to be made with. By itself the SDK waits 15 seconds before it tries again."""
    from azure.storage.blob import LinearRetry

    retries = LinearRetry(backoff=1, retry_total=PATIENCE["retry_total"], random_jitter_range=1)
    return {**PATIENCE, "retry_policy": retries}


class BlobPlace:
    """A ParkingPlace in one container, which is made when something is first put there; to be closed."""

    def __init__(self, connect: "Callable[[], ContainerClient]") -> None:
        """Use the client that ``connect`` makes when it is first needed."""
        self._client = OnDemand(_SERVICE, connect, lambda client: client.create_container())

    @classmethod
    def from_connection_string(cls, connection: str, *, container: str = CONTAINER) -> Self:
        """The place in a storage account, by its connection string."""

        def connect() -> "ContainerClient":
            from azure.storage.blob import ContainerClient

            return ContainerClient.from_connection_string(connection, container, **options())

        return cls(connect)

    @classmethod
    def from_account(cls, url: str, credential: "Callable[[], TokenCredential]", *, container: str = CONTAINER) -> Self:
        """The place in a storage account, by the URL of its blob service, such as of a managed identity."""

        def connect() -> "ContainerClient":
            from azure.storage.blob import ContainerClient

            return ContainerClient(url, container, credential=credential(), **options())

        return cls(connect)

    def put(self, name: str, content: bytes, metadata: Mapping[str, str]) -> None:
        headers = _headers(metadata)
        with self._client.prepared() as client:
            ask(_SERVICE, lambda: client.upload_blob(name, content, overwrite=True, metadata=headers))

    def names(self, folder: str, most: int) -> Sequence[str]:
        client = self._client.get()
        found = ask(_SERVICE, lambda: list(islice(client.list_blob_names(name_starts_with=f"{folder}/"), most)), 404)
        return found or ()

    def get(self, name: str) -> bytes | None:
        client = self._client.get()
        return ask(_SERVICE, lambda: client.download_blob(name).readall(), 404)

    def remove(self, name: str) -> None:
        client = self._client.get()
        ask(_SERVICE, lambda: client.delete_blob(name), 404)

    def close(self) -> None:
        self._client.close()


def _headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata as HTTP headers can carry it: printable ASCII, not too long, and none that is empty."""
    escaped = {key: text.encode("ascii", "backslashreplace").decode() for key, text in metadata.items()}
    texts = {key: _UNPRINTABLE.sub(" ", text)[:_LONGEST_TEXT].strip() for key, text in escaped.items()}
    return {_NOT_IN_A_KEY.sub("_", key): text for key, text in texts.items() if text}
