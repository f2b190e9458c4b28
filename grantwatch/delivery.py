"""What is handed over to be processed."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a trigger or consumer hands over: message bodies of one source, in order, and where they come from."""

    source: str
    bodies: tuple[bytes, ...]
    partition: str | None
    sequence_numbers: tuple[int | None, ...]
    enqueued: tuple[datetime | None, ...]
