"""The function app: what triggers what, and nothing else. ``docs/operations.md`` explains every setting.

Importing it must never fail, or there are no functions at all: settings are read, and clients made, on first use.
"""

from collections.abc import Callable
from typing import Any, List  # noqa: UP035 - the Functions library does not know list[…]

import azure.functions as func

from grantwatch import invocations
from grantwatch.adapters.functions import delivery_of, response
from grantwatch.settings import is_set

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
Events = List[func.EventHubEvent]  # noqa: UP006


def takes_log(hub: str) -> Callable[[Callable[..., None]], Any]:
    """A trigger on the hub that a setting names, in a consumer group of the function's name, retried for ever."""

    def decorated(function: Callable[..., None]) -> Any:
        triggered = app.event_hub_message_trigger(
            arg_name="events",
            connection="GRANTWATCH_EVENTHUB",
            event_hub_name=f"%{hub}%",
            consumer_group=function.__name__,
            cardinality=func.Cardinality.MANY,
            data_type=func.DataType.BINARY,
        )(function)
        return app.retry(
            strategy="exponential_backoff",  # in snake_case, or nothing is indexed
            max_retry_count="-1",
            minimum_interval="00:00:05",
            maximum_interval="00:05:00",
        )(triggered)

    return decorated


@takes_log("GRANTWATCH_ACTIVITY_HUB")
def activity_log(events: Events, context: func.Context) -> None:
    invocations.deliver(delivery_of("activity_log", events), context.invocation_id)


@takes_log("GRANTWATCH_STORAGE_HUB")
def storage_log(events: Events, context: func.Context) -> None:
    invocations.deliver(delivery_of("storage_log", events), context.invocation_id)


if is_set("entra_hub"):

    @takes_log("GRANTWATCH_ENTRA_HUB")
    def entra_log(events: Events, context: func.Context) -> None:
        invocations.deliver(delivery_of("entra_log", events), context.invocation_id)


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def sweep_grants(timer: func.TimerRequest) -> None:
    invocations.sweep()


@app.timer_trigger(arg_name="timer", schedule="30 */5 * * * *")
def drain_outbox(timer: func.TimerRequest) -> None:
    invocations.drain()


@app.route("replay_parked", methods=[func.HttpMethod.POST])
def replay_parked(req: func.HttpRequest) -> func.HttpResponse:
    return response(*invocations.replay(req.params.get("most")))


@app.route("health", methods=[func.HttpMethod.GET])
def health(req: func.HttpRequest) -> func.HttpResponse:
    return response(*invocations.health())
