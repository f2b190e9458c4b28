"""From drafts to findings: resolved in the light of what others said, judged, rendered, revised where that is news."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from grantwatch.detection.detector import Detector
from grantwatch.drafting import Draft
from grantwatch.judgement.judged import Judged
from grantwatch.judgement.rendering import Content, Organisation, judged, rendered
from grantwatch.judgement.revision import revised
from grantwatch.judgement.steps import step_of
from grantwatch.memory.entities import Published
from grantwatch.memory.resolution import resolved
from grantwatch.memory.sightings import NOTHING_NEW, Novelty
from grantwatch.model.course import Step
from grantwatch.model.severity import Severity
from grantwatch.neighbourhood import Neighbourhood
from grantwatch.ports import Clock

_MOST_OF_OTHERS = 2**20
"""Facts of others that are told apart from more."""


class Verdict(Struct, frozen=True):
    """The current revision of one finding, its columns, and what it says in brief to findings made of findings.

    ``published`` is None for a finding that is void and never was anything else. It ``is_listed`` if a revision before
    has a row.
    """

    published: Published | None
    content: Content
    step: Step
    is_listed: bool = False

    @property
    def tenant(self) -> str:
        """Whose courses it counts in; empty where no record said."""
        return self.content["OwnerTenantId"] or ""


class Verdicts:
    """Judges drafts for one organisation."""

    def __init__(self, organisation: Organisation, clock: Clock, is_published: Callable[[str, int], bool]) -> None:
        self._organisation = organisation
        self._clock = clock
        self._is_published = is_published

    def of(self, draft: Draft, neighbourhood: Neighbourhood, novelty: Novelty = NOTHING_NEW) -> list[Verdict]:
        """The findings of an entity, their revisions noted in the entity."""
        return [self._verdict(detector, draft, neighbourhood, novelty) for detector in draft.matches]

    def _verdict(self, detector: Detector, draft: Draft, neighbourhood: Neighbourhood, novelty: Novelty) -> Verdict:
        entity = draft.entity
        found = list(self._judged(detector, draft, neighbourhood, novelty))
        standing = [each for each in found if not each.resolved.void]
        content = rendered(detector, entity.key, standing or found, self._organisation, novelty)
        content["Withdrawn"] = not standing
        if not standing:
            content["Severity"] = Severity.INFORMATIONAL
        step = step_of(detector, content, standing or found, entity.overdue)
        before = entity.findings.get(detector.name)
        if not standing and before is None:
            return Verdict(None, content, step)
        is_published = before is not None and self._is_published(content["FindingId"], before.revision)
        published = revised(before, content, self._clock(), is_published=is_published)
        entity.findings = {**entity.findings, detector.name: published}
        return Verdict(published, content, step, is_listed=before is not None and not before.unlisted)

    def _judged(
        self, detector: Detector, draft: Draft, neighbourhood: Neighbourhood, novelty: Novelty
    ) -> Iterator[Judged]:
        certain = not draft.entity.is_full
        for event, match in draft.matches[detector]:
            statements = neighbourhood.statements(detector, draft, match)
            found = resolved(match, detector.metadata.severity, statements, certain=certain)
            yield judged(event, found, self._organisation, novelty)


def known_of(draft: Draft, neighbourhood: Neighbourhood, novelty: Novelty) -> int:
    """How much a draft's findings rest on. More is never less well informed.

    One more fact of an entity's own outweighs whatever others said: it may be what makes the finding depend on them no
    longer, and then it rests on fewer facts than before.
    """
    entity = draft.entity
    told = sum(note.known for note in entity.notes.values())
    own = len(entity.facts) + told + entity.known_of_uses + entity.known_of_last_use + entity.known_of_sweeps
    others = neighbourhood.facts_under(draft) + novelty.known
    return own * _MOST_OF_OTHERS + min(others, _MOST_OF_OTHERS - 1)
