"""What a trigger or a consumer hands over."""

from datetime import datetime

from msgspec import Struct


class Delivery(Struct, frozen=True):
    """Message bodies of one source, in order, and where they come from.

    ``sequence_numbers`` and ``enqueued`` go with the bodies, one each, or are empty where nobody knows them.
    """

    source: str
    bodies: tuple[bytes, ...]
    partition: str | None = None
    sequence_numbers: tuple[int | None, ...] = ()
    enqueued: tuple[datetime | None, ...] = ()

    @property
    def oldest(self) -> datetime | None:
        """When the message that waited longest came into the hub."""
        return min((each for each in self.enqueued if each is not None), default=None)

    @property
    def latest(self) -> datetime | None:
        """When the last message came into the hub."""
        return max((each for each in self.enqueued if each is not None), default=None)
