"""How long the windows are, and which of them a moment falls into."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from grantwatch.model.course import WINDOWS_OF_A_COURSE, Window
from grantwatch.model.volume import Limits

_EPOCH = datetime(2000, 1, 3, tzinfo=UTC)
_DAY = timedelta(days=1)


class Windows(Struct, frozen=True, kw_only=True):
    """The windows of an organisation, each as long as it says, and the time in which what is new is only learnt.

    ``bulk_bytes`` and ``bulk_objects`` are how much may be read through one SAS within the window of transfers.
    """

    transfer: timedelta = timedelta(hours=1)
    snapshot: timedelta = timedelta(hours=72)
    campaign: timedelta = timedelta(hours=72)
    training: timedelta = timedelta(days=14)
    bulk_bytes: int = 10 * 10**9
    bulk_objects: int = 10_000

    @property
    def bulk(self) -> Limits:
        """From how much on reading is a transfer in bulk; windows longer than a day are cut to one."""
        return Limits(window=min(self.transfer, _DAY), size=self.bulk_bytes, objects=self.bulk_objects)

    def length(self, window: Window) -> timedelta | None:
        """None for what has no window."""
        match window:
            case Window.TRANSFER:
                return self.transfer
            case Window.CAMPAIGN:
                return self.campaign
            case Window.HOUR:
                return timedelta(hours=1)
            case Window.ALWAYS:
                return None

    def keys(self, subject: tuple[str, ...], window: Window, at: datetime) -> Iterator[tuple[str, ...]]:
        """The natural keys of the courses that something belongs to.

        They are its own, the one before where it may end a window that begins there, and the one after, which must not
        tell again what a window tells that begins before it.
        """
        length = self.length(window)
        if length is None:
            yield subject
            return
        course = WINDOWS_OF_A_COURSE * length
        begins = _EPOCH + (at - _EPOCH) // course * course
        yield *subject, begins.isoformat()
        if at < begins + length:
            yield *subject, (begins - course).isoformat()
        if at >= begins + course - length:
            yield *subject, (begins + course).isoformat()
