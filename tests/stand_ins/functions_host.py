"""The Functions host's side of the published worker library, which runs a function app as in Azure.

The library reads requests and makes answers with the host's protobuf module; what it touches of that is small, and
stands here as plain objects. Triggers bring what the host sends them.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4


class Message(SimpleNamespace):
    """A protobuf message, which knows which of its alternatives is set."""

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - protobuf's own name
        return "data" if group == "rpc_data" else next(iter(vars(self)), None)


class _Protos(SimpleNamespace):
    """Any message type that is asked for."""

    def __getattr__(self, name: str) -> Any:
        return Message


def protos() -> Any:
    """The module that the host hands to the worker."""
    status = type("StatusResult", (Message,), {"Success": "success", "Failure": "failure"})
    binding = type("BindingInfo", (Message,), {"in": 0, "out": 1, "inout": 2, "undefined": 0, "string": 1, "binary": 2})
    return _Protos(StatusResult=status, BindingInfo=binding)


@dataclass(frozen=True)
class Answer:
    """How an invocation ended: what a function with a return value gave back, or the exception as the host sees it."""

    failure: str | None
    returned: Any

    @property
    def status(self) -> int:
        return int(self.returned.http.status_code)

    @property
    def json(self) -> Any:
        return json.loads(self.returned.http.body.bytes)


@dataclass
class Host:
    """A host that has loaded one function app."""

    directory: Path
    functions: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Have the worker index the app. Raises AssertionError with the worker's words where it cannot."""
        from azure_functions_runtime import handle_event

        answer = self._ask(
            handle_event.worker_init_request,
            worker_init_request=Message(capabilities={}, function_app_directory=str(self.directory)),
        )
        assert answer.result.status == "success", answer.result.exception.message
        listing = self._ask(handle_event.functions_metadata_request)
        self.functions = {each.name: each for each in listing.function_metadata_results}
        for each in self.functions.values():
            self._ask(
                handle_event.function_load_request,
                function_load_request=Message(function_id=each.function_id, metadata=each),
            )

    def invoke(self, name: str, argument: str, data: Message, metadata: Mapping[str, Message] | None = None) -> Answer:
        """Invoke a function with what its trigger brings."""
        from azure_functions_runtime import handle_event

        request = Message(
            invocation_id=str(uuid4()),
            function_id=self.functions[name].function_id,
            input_data=[Message(name=argument, data=data)],
            trigger_metadata=metadata or {},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=-1, exception=None),
        )
        answer = self._ask(handle_event.invocation_request, invocation_request=request)
        failed = answer.result.status != "success"
        return Answer(answer.result.exception.message if failed else None, getattr(answer, "return_value", None))

    def deliver(self, name: str, bodies: Sequence[bytes], enqueued: datetime, partition: int = 0) -> Answer:
        """Event Hubs messages, as the trigger with cardinality many and binary data brings them."""
        properties = [
            {
                "EnqueuedTimeUtc": enqueued.strftime("%Y-%m-%dT%H:%M:%S.%f"),  # in UTC, and without a word of it
                "SequenceNumber": 100 + number,
                "Offset": number * 1000,
                "PartitionKey": None,
            }
            for number in range(len(bodies))
        ]
        context = {"PartitionId": str(partition), "EventHubName": "logs", "ConsumerGroup": name}
        return self.invoke(
            name,
            "events",
            Message(collection_bytes=Message(bytes=list(bodies))),
            {
                "SystemPropertiesArray": Message(json=json.dumps(properties)),
                "PartitionContext": Message(json=json.dumps(context)),
            },
        )

    def tick(self, name: str) -> Answer:
        """A timer that is due."""
        return self.invoke(name, "timer", Message(json=json.dumps({"IsPastDue": False, "Schedule": {}})))

    def request(self, name: str, method: str = "GET", **query: str) -> Answer:
        """An HTTP request that the host has let through."""
        http = Message(
            method=method,
            url=f"http://localhost/api/{name}",
            headers={},
            params={},
            query=query,
            body=Message(bytes=b""),
        )
        return self.invoke(name, "req", Message(http=http))

    def _ask(self, handle: Any, **request: Any) -> Any:
        message = SimpleNamespace(
            request=SimpleNamespace(**request), properties={"host": "127.0.0.1", "protos": self._protos}
        )
        return asyncio.run(handle(message))

    _protos: Any = field(default_factory=protos)


def raw_bindings(function: Any) -> Iterator[dict[str, Any]]:
    """What the worker tells the host of a function's bindings."""
    return map(json.loads, function.raw_bindings)
