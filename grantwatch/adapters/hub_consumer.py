"""Reading a hub for good: every body is taken at least once, and nothing is passed over.

The SDK's client without asyncio polls all partitions in one thread, so that a partition that has to wait would hold
up the others. Its asynchronous client has a task for each, which is why it is used here; ``take`` runs in threads.

What the SDK does with what is raised, read from its version 5.15: a batch whose callback raises makes it close the
partition, release it, claim it again later and read on from the last checkpoint. Its own position never matters then,
so nothing is lost as long as no checkpoint is written for a batch that was not taken. It is the only thing to hold.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from grantwatch.adapters.checkpoints import AwaitedCheckpoints, Checkpoints
from grantwatch.adapters.event_hubs import Hub, unavailable
from grantwatch.delivery import Delivery
from grantwatch.errors import GrantWatchError, UnavailableError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential
    from azure.eventhub import EventData
    from azure.eventhub.aio import EventHubConsumerClient, PartitionContext

_BODIES_A_BATCH = 64
_BODIES_AHEAD = 128
_PARTITIONS_AT_ONCE = 32
_BEGINNING = "-1"
_STOLEN = "link:stolen"
_LOOK_ROUND = 0.1

Take = Callable[[Delivery], object]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. A batch that cannot be taken is given again after ``first_delay``, twice as long, … ``longest_delay``.

    Consumers look every ``balancing`` what is theirs; a partition whose owner has not been heard of for ``ownership``
    goes to another.
    """

    first_delay: float = 5
    longest_delay: float = 300
    balancing: float = 10
    ownership: float = 60

    def delays(self) -> Iterator[float]:
        delay = self.first_delay
        while True:
            yield delay
            delay = min(2 * delay, self.longest_delay)


class Consumer:
    """One of the consumers that share the partitions of a hub among them, in one consumer group."""

    def __init__(
        self,
        hub: Hub,
        *,
        source: str,
        checkpoints: Checkpoints,
        group: str = "$Default",
        pace: Pace | None = None,
        on_fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``source`` is what deliveries are said to come from. ``on_fault`` is told of faults that are waited for."""
        self._hub = hub
        self._source = source
        self._checkpoints = AwaitedCheckpoints(checkpoints)
        self._group = group
        self._pace = pace or Pace()
        self._on_fault = on_fault
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._given_up: dict[str, asyncio.Event] = {}
        self._at_work = 0
        self._last_sign = 0.0

    def run(self, take: Take, *, until_idle: float | None = None) -> None:
        """Give every batch to ``take`` until ``stop`` is called, or nothing has come for ``until_idle`` seconds.

        ``take`` is called in threads, for several partitions at once. When it returns, the batch is done with and
        noted; whatever it raises, its partition waits and the same batch is given again, for ever. Raises
        UnavailableError when hub or checkpoints cannot be had at the beginning; later they are waited for.
        """
        asyncio.run(self._run(take, until_idle))

    def stop(self) -> None:
        """Finish the batches that are being taken, leave the others for the next time, and let ``run`` return.

        May be called from any thread, and from a signal handler.
        """
        if self._loop is None:
            self._stopping.set()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def _run(self, take: Take, until_idle: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        await self._look()
        client = self._client(
            checkpoint_store=self._checkpoints,
            load_balancing_interval=self._pace.balancing,
            partition_ownership_expiration_interval=self._pace.ownership,
        )
        with ThreadPoolExecutor(_PARTITIONS_AT_ONCE, "take") as threads:

            async def on_batch(partition: "PartitionContext", events: "list[EventData]") -> None:
                await self._on_batch(partition, events, lambda delivery: self._taken(threads, take, delivery))

            receiving = asyncio.create_task(
                client.receive_batch(
                    on_batch,
                    max_batch_size=_BODIES_A_BATCH,
                    prefetch=_BODIES_AHEAD,
                    starting_position=_BEGINNING,
                    on_error=self._on_error,
                    on_partition_initialize=self._on_partition,
                    on_partition_close=self._on_partition_closed,
                )
            )
            try:
                await self._stopped(receiving, until_idle)
            finally:
                await client.close()
                receiving.cancel()
                await asyncio.wait([receiving])

    async def _look(self) -> None:
        """Find out now what would otherwise be waited for without end."""
        from azure.core.exceptions import AzureError
        from azure.eventhub.exceptions import EventHubError

        await self._checkpoints.list_checkpoints(self._hub.host, self._hub.name, self._group)
        async with self._client(retry_total=0) as client:
            try:
                await client.get_partition_ids()
            except (EventHubError, AzureError) as error:
                raise unavailable(self._hub, error) from None

    async def _stopped(self, receiving: "asyncio.Task[None]", until_idle: float | None) -> None:
        """Return when it is time to stop and no batch is in the middle of being taken."""
        self._last_sign = time.monotonic()
        while not self._stopping.is_set() and not receiving.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _LOOK_ROUND)
            is_idle = not self._at_work and time.monotonic() - self._last_sign > (until_idle or 0)
            if until_idle is not None and is_idle:
                self._stopping.set()
        for given_up in self._given_up.values():
            given_up.set()
        while self._at_work:
            await asyncio.sleep(_LOOK_ROUND)

    async def _on_batch(
        self, partition: "PartitionContext", events: "list[EventData]", taken: Callable[[Delivery], Awaitable[bool]]
    ) -> None:
        """Return only when the batch was taken: then, and only then, the SDK goes on to the next."""
        delivery = _delivery(self._source, partition.partition_id, events)
        given_up = self._given_up[partition.partition_id]
        for delay in self._pace.delays():
            if self._stopping.is_set() or given_up.is_set():
                raise asyncio.CancelledError
            with self._working():
                if await taken(delivery):
                    await self._note(partition, events[-1])
                    return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(given_up.wait(), delay)

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1
            self._last_sign = time.monotonic()

    async def _taken(self, threads: ThreadPoolExecutor, take: Take, delivery: Delivery) -> bool:
        try:
            await asyncio.get_running_loop().run_in_executor(threads, take, delivery)
        except GrantWatchError as error:
            reason = str(error)
        except Exception as error:  # whatever it is, the batch is not done with; its text may quote a record
            reason = f"{type(error).__name__}."
        else:
            return True
        self._on_fault(f"Partition {delivery.partition} waits: {reason}")
        return False

    async def _note(self, partition: "PartitionContext", last: "EventData") -> None:
        try:
            await partition.update_checkpoint(last)
        except UnavailableError as error:  # a later one will do; until then a restart repeats more
            self._on_fault(f"Partition {partition.partition_id} goes on: {error}")

    async def _on_partition(self, partition: "PartitionContext") -> None:
        self._given_up[partition.partition_id] = asyncio.Event()
        self._last_sign = time.monotonic()

    async def _on_partition_closed(self, partition: "PartitionContext", _: object) -> None:
        """The SDK may leave a callback behind that is still waiting, while the partition is read anew."""
        self._given_up[partition.partition_id].set()

    async def _on_error(self, partition: "PartitionContext | None", error: Exception) -> None:
        if getattr(error, "error", None) == _STOLEN:
            return  # another consumer has it now, as it should be
        sentence = error if isinstance(error, UnavailableError) else unavailable(self._hub, error, self._group)
        self._on_fault(f"Partition {partition.partition_id}: {sentence}" if partition else str(sentence))

    def _client(self, **options: Any) -> "EventHubConsumerClient":
        from azure.eventhub.aio import EventHubConsumerClient

        if self._hub.connection_string is not None:
            return EventHubConsumerClient.from_connection_string(self._hub.connection_string, self._group, **options)
        from azure.identity import DefaultAzureCredential

        identity = _Identity(DefaultAzureCredential())
        return EventHubConsumerClient(self._hub.host, self._hub.name, self._group, credential=identity, **options)


class _Identity:
    """A credential for asynchronous clients, without the HTTP library that the SDK's own would need."""

    def __init__(self, credential: "TokenCredential") -> None:
        self._credential = credential

    async def get_token(self, *scopes: str, **options: Any) -> "AccessToken":
        return await asyncio.to_thread(self._credential.get_token, *scopes, **options)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


def _delivery(source: str, partition: str, events: "Sequence[EventData]") -> Delivery:
    return Delivery(
        source=source,
        bodies=tuple(_body_of(event) for event in events),
        partition=partition,
        sequence_numbers=tuple(event.sequence_number for event in events),
        enqueued=tuple(event.enqueued_time for event in events),
    )


def _body_of(event: "EventData") -> bytes:
    """The bytes of a message. One whose body is an AMQP value instead is text: Azure never sends it, others may."""
    body = event.body
    if isinstance(body, bytes):
        return body
    try:
        return b"".join(body)  # type: ignore[arg-type]
    except TypeError:
        return str(body).encode()
