"""How a SAS was used on one day, and how much was read with it."""

from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct

from grantwatch.model.storage_access import StorageAccess
from grantwatch.model.volume import MOST_OBJECTS, Amount, distinct


class DayOfUse(Struct, frozen=True):
    """Who used a SAS on a day, and all that was counted of it; ``more`` says that there were others."""

    uses: StorageAccess
    amounts: tuple[Amount, ...]
    more: bool

    @property
    def day(self) -> datetime:
        """Its midnight, UTC."""
        return midnight(self.uses.key.natural)

    @property
    def first_used(self) -> datetime:
        return self.uses.first.time

    @property
    def last_used(self) -> datetime:
        """Rounded down to five minutes at most."""
        return max([self.uses.last_used, *(amount.at for amount in self.amounts)])

    @property
    def requests(self) -> int:
        return sum(amount.requests for amount in self.amounts)

    @property
    def size(self) -> int:
        """Bytes that were read."""
        return sum(amount.size for amount in self.amounts)

    @property
    def objects(self) -> int:
        return distinct(*(amount.objects for amount in self.amounts)) if self.amounts else 0

    @property
    def is_estimated(self) -> bool:
        """Whether one of these numbers may be another."""
        return any(amount.estimated for amount in self.amounts) or self.objects >= MOST_OBJECTS


def midnight(natural: tuple[str, ...]) -> datetime:
    """When the day begins that a natural key ends with."""
    return datetime.combine(date.fromisoformat(natural[-1]), time(), UTC)


def end_of_day(natural: tuple[str, ...]) -> datetime:
    """When that day is over."""
    return midnight(natural) + timedelta(days=1)
