"""Where findings count beside their own entities: the courses of their subjects."""

from collections.abc import Iterator, Set
from itertools import product

from msgspec.structs import replace

from grantwatch.detection.index import Index
from grantwatch.drafting import Draft
from grantwatch.memory.entities import EntityKey, Published, address_of_entity, restored
from grantwatch.memory.facts import Note
from grantwatch.memory.notes import courses_of, note_of
from grantwatch.memory.windows import Windows
from grantwatch.model.course import Step
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.severity import Outcome, Severity
from grantwatch.verdicts import Verdict
from grantwatch.work import View

_ENDS = (Outcome.SUCCEEDED, Outcome.FAILED)


class Courses:
    """The courses that a catalogue knows, and what findings have to do with them."""

    def __init__(self, index: Index, windows: Windows) -> None:
        self._by_name = {course.name: course for course in index.courses}
        self._listing = [course for course in index.courses if course.lists]
        self._windows = windows

    def of(self, step: Step, tenant: str) -> Iterator[GatheringKey]:
        """Where a step belongs."""
        return courses_of(step, tenant, self._by_name.values(), self._windows)

    def doubtful(self, step: Step, draft: Draft) -> Iterator[GatheringKey]:
        """Where a step would belong had it ended otherwise, if some call of its entity failed, or been of another call.

        Who knew less may have told of it there, and died before that was noted in the entity.
        """
        tenant, phases = draft.entity.key.tenant, draft.entity.phases.values()
        if any(phase.outcome is Outcome.FAILED for phase in phases):
            for outcome, severity in product(_ENDS, (Severity.LOW, Severity.MEDIUM)):
                yield from self.of(replace(step, outcome=outcome, severity=severity, void=False), tenant)
        done = [phase for phase in phases if phase.outcome is Outcome.SUCCEEDED]
        for phase in done if len(done) > 1 else ():
            yield from self.of(replace(step, at=phase.time, actor=phase.actor, void=False), tenant)

    def told_of(self, published: Published, draft: Draft) -> Iterator[GatheringKey]:
        """Where a finding counts or once counted."""
        own = draft.entity.key.tenant
        for tenant, detector, *natural in (*((own, *each) for each in published.courses), *published.abroad):
            if detector in self._by_name:
                yield GatheringKey(tenant=tenant, detector=detector, natural=tuple(natural))

    def note(self, course: GatheringKey, step: Step, known: int) -> Note:
        """What a course is told of a step that rests on so many facts."""
        return note_of(step, self._by_name[course.detector], self._windows, known)

    def left_by(
        self, verdict: Verdict, draft: Draft, now: Set[GatheringKey], told: Set[GatheringKey]
    ) -> Set[GatheringKey]:
        """Where a finding was told to count and does no more. Notes in the entity where it does ``now``.

        ``told`` is where it was told just now, while its entity could not be stored.
        """
        published = draft.entity.findings.get(verdict.step.detector)
        if published is None:
            return told
        noted = set(self.told_of(published, draft))
        before = noted.union(told)
        if (now | told) - noted:
            own = draft.entity.key.tenant
            courses = sorted((key.detector, *key.natural) for key in now | before if key.tenant == own)
            abroad = sorted((key.tenant, key.detector, *key.natural) for key in now | before if key.tenant != own)
            findings = {verdict.step.detector: replace(published, courses=tuple(courses), abroad=tuple(abroad))}
            draft.entity.findings = {**draft.entity.findings, **findings}
        return before - now

    def roll_up(self, view: View) -> None:
        """Note which findings get no row, being Low at most and counted among many. Once listed, always listed."""
        listed: dict[EntityKey, set[str] | None] = {}
        for key, verdicts in view.verdicts.items():
            entity = view.drafts[key].entity
            for each in verdicts:
                if each.published is None or each.is_listed:
                    continue
                published = entity.findings[each.step.detector]
                unlisted = self._is_unlisted(each.step, each.tenant, view, listed, before=published.unlisted)
                if unlisted is not published.unlisted:
                    published = _listed(published) if published.unlisted else replace(published, unlisted=True)
                    entity.findings = {**entity.findings, each.step.detector: published}
                    view.revisions[key][each.step.finding] = (published, each.content)

    def _is_unlisted(
        self, step: Step, tenant: str, view: View, listed: dict[EntityKey, set[str] | None], *, before: bool
    ) -> bool:
        """Whether a step comes after those that get rows. As before, where what it is counted among was not read."""
        if step.severity > Severity.LOW:
            return False
        for key in courses_of(step, tenant, self._listing, self._windows):
            if key not in listed:
                listed[key] = _listed_in(key, view, self._by_name[key.detector].lists or 0)
            names = listed[key]
            return before if names is None else step.finding not in names
        return False


def _listed(published: Published) -> Published:
    """The revision that gives a finding its first row."""
    return replace(
        published,
        unlisted=False,
        revision=published.revision + 1,
        raised_to=published.severity,
        reason="listed by itself",
    )


def _listed_in(key: EntityKey, view: View, most: int) -> set[str] | None:
    """The first findings of a gathering, None where it is not known."""
    address = address_of_entity(key)
    if key not in view.drafts and address not in view.rows:
        return None
    entity = view.drafts[key].entity if key in view.drafts else restored(key, view.rows[address])
    steps = [note.step for note in entity.notes.values() if note.step and note.holds]
    told = sorted((step.at, step.finding) for step in steps if step.severity <= Severity.LOW)
    return {finding for _, finding in told[:most]}
