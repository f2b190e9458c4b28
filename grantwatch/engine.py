"""The pipeline: bodies in, findings out. In Azure, on a laptop and in a test only the ports differ."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from grantwatch.detection.detector import Detector
from grantwatch.detection.index import Index
from grantwatch.intake import Intake
from grantwatch.judgement.rendering import GRANTS, Content, Organisation
from grantwatch.judgement.usage import usage
from grantwatch.memory.beginnings import Beginnings
from grantwatch.memory.days_of_use import DaysOfUse
from grantwatch.memory.entities import EntityKey, Published
from grantwatch.memory.events import unpacked
from grantwatch.memory.volumes import Volumes
from grantwatch.memory.windows import Windows
from grantwatch.ports import Clock, Parked, Parking, Sink, StateStore
from grantwatch.recollection import Conclusion, Recollection
from grantwatch.settings import Settings
from grantwatch.tally import Tally

if TYPE_CHECKING:
    from grantwatch.model.finding import Finding
    from grantwatch.model.grant_row import GrantRow


class Engine:
    """Everything between the bytes of a log and the rows of the findings table.

    Safe to run in any number of instances on one store: order, repetition and cutting of the bodies do not matter.
    """

    def __init__(
        self,
        catalogue: Iterable[Detector],
        *,
        store: StateStore,
        sink: Sink,
        parking: Parking,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._index = Index(catalogue)
        self._intake = Intake(self._index, settings)
        organisation = Organisation(
            settings.networks, frozenset(settings.own_subscriptions), frozenset(settings.expected_principals)
        )
        windows = windows_of(settings)
        self._recollection = Recollection(self._index, store, organisation, clock, windows)
        self._beginnings = Beginnings(store, windows.training)
        self._volumes = Volumes(store, windows.bulk)
        self._days = DaysOfUse(store, clock)
        self._sink = sink
        self._parking = parking
        self._clock = clock

    def process(self, bodies: Sequence[bytes], *, parking: Parking | None = None) -> Tally:
        """Take in message bodies; when this returns, every record is ignored, remembered, published or parked.

        ``parking`` takes the place of the engine's own for these bodies. Raises what the ports raise; the same bodies
        may then simply be given again.
        """
        parking = parking or self._parking
        batch = self._intake.take(bodies)
        _park(batch.parked, parking, batch.tally)
        self._days.expect(batch.transfers)
        for key, notes in self._volumes.count(batch.transfers).items():
            batch.facts[key].update(notes)
        began = self._beginnings.note(batch.noticed.seen)
        if batch.facts or began.graduates:
            conclusion = self._recollection.remember(batch.facts, overtaken=began.graduates)
            self._publish(conclusion, parking, batch.tally)
        self._recollection.note_time(batch.latest)
        self._beginnings.settle(began)
        self._intake.settle(batch, began.spans)
        return batch.tally

    def reconsider(self, body: bytes, *, parking: Parking) -> Tally:
        """Show detectors once more what one of them failed on and was parked for. Raises ValueError on other bodies."""
        tally = Tally()
        self._publish(self._recollection.remember(dict([unpacked(body)])), parking, tally)
        return tally

    def sweep(self, now: datetime | None = None) -> Tally:
        """Report calls that nobody saw end within an hour, grants that stay open for too long, and days of use.

        Without ``now`` all input has come to its end: calls and ends of days are not waited for, and grants are looked
        at as of the latest event. Costs in proportion to what is due, and may be cut off anywhere: an entry is deleted
        when what is due of it was published.
        """
        tally = Tally()
        for part in self._recollection.due(now):
            self._publish(self._recollection.remember({}, part.swept), self._parking, tally)
            self._publish_days(part.days)
            self._recollection.forget(part.rows)
            self._days.forget(part.days)
        return tally

    def _publish_days(self, keys: Sequence[EntityKey]) -> None:
        """Of two writings the later is read later, and says no less."""
        read_at = self._clock()
        rows = [_use(usage(day), read_at) for day in self._days.of(keys)]
        if rows:
            self._sink.publish((), rows)

    def _publish(self, conclusion: Conclusion, parking: Parking, tally: Tally) -> None:
        _park(conclusion.parked, parking, tally)
        now = self._clock()
        unpublished = self._recollection.unpublished(conclusion)
        if unpublished:
            findings = [_finding(each.published, each.content, now) for each in unpublished]
            grants = [
                row
                for finding, each in zip(findings, unpublished, strict=True)
                if each.changes_grant and each.published.named
                for row in _grants(finding, each.content[GRANTS], each.published.named)
            ]
            listed = [
                finding for finding, each in zip(findings, unpublished, strict=True) if not each.published.unlisted
            ]
            if listed or grants:
                self._sink.publish(listed, grants)
            tally.published += len(listed)
        self._recollection.confirm(conclusion)


def windows_of(settings: Settings) -> Windows:
    """The windows of an organisation."""
    return Windows(
        transfer=settings.transfer_time_window,
        snapshot=settings.snapshot_time_window,
        campaign=settings.campaign_window,
        training=settings.training_period,
        bulk_bytes=settings.volume_size_threshold_gb * 10**9,
        bulk_objects=settings.transfer_object_threshold,
    )


def _park(items: Sequence[Parked], parking: Parking, tally: Tally) -> None:
    if items:
        parking.park(items)
        tally.parked += len(items)


def _finding(published: Published, content: Content, now: datetime) -> "Finding":
    from grantwatch.model.finding import Finding  # pydantic: a third of a cold start, and most batches find nothing

    revision = {
        "TimeGenerated": now,
        "Revision": published.revision,
        "RevisionReason": published.reason,
        "RaisedTo": published.raised_to,
    }
    columns = {name: value for name, value in content.items() if name != GRANTS}
    return Finding.model_validate({**columns, **revision})


def _grants(finding: "Finding", grants: Sequence[Content], named: tuple[str, str]) -> "list[GrantRow]":
    from grantwatch.model.grant_row import grant_rows

    return grant_rows(finding.model_dump(), grants, named)


def _use(columns: Content, now: datetime) -> "GrantRow":
    from grantwatch.model.grant_row import use_row

    return use_row(columns, now)
