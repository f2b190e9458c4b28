"""Between the Azure Functions library and GrantWatch: what triggers bring, and what HTTP functions answer."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import azure.functions as func

from grantwatch.delivery import Delivery


def delivery_of(source: str, events: Sequence[func.EventHubEvent] | func.EventHubEvent) -> Delivery:
    """The messages of one invocation. The host brings one alone where it was told of no cardinality."""
    together = [events] if isinstance(events, func.EventHubEvent) else events
    return Delivery(
        source=source,
        bodies=tuple(event.get_body() for event in together),
        partition=_partition(together[0].metadata) if together else None,
        sequence_numbers=tuple(event.sequence_number for event in together),
        enqueued=tuple(_aware(event.enqueued_time) for event in together),
    )


def response(status: int, content: Any) -> func.HttpResponse:
    """An answer in JSON."""
    return func.HttpResponse(json.dumps(content, indent=2), status_code=status, mimetype="application/json")


def _aware(moment: datetime | None) -> datetime | None:
    """The host sends UTC and does not say so, and the library leaves it at that."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _partition(metadata: Any) -> str | None:
    """The partition, which all messages of an invocation share; the library passes on what the host says of it."""
    context = metadata.get("PartitionContext") if isinstance(metadata, dict) else None
    partition = context.get("PartitionId") if isinstance(context, dict) else None
    return str(partition) if partition is not None else None
