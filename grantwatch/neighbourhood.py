"""What others said under the topics that findings depend on."""

from collections.abc import Iterable, Mapping, Sequence

from grantwatch.detection.detector import Detector
from grantwatch.detection.match import Match, Statement
from grantwatch.drafting import Draft, Drafting
from grantwatch.memory.entities import EntityKey, address_of_entity
from grantwatch.memory.topics import Neighbours, events_in, follower_in, followers_of, partition_of
from grantwatch.ports import Parked


class Neighbourhood:
    """What stands under the topics of some drafts, and what the detectors make of it."""

    def __init__(
        self,
        found: Mapping[str, Neighbours],
        drafts: Iterable[Draft],
        drafting: Drafting,
        parked: list[Parked],
    ) -> None:
        self._found = found
        self._drafts = {address_of_entity(draft.entity.key)[0]: draft for draft in drafts}
        self._drafting = drafting
        self._parked = parked
        self._stated: dict[tuple[str, Detector], list[Statement]] = {}

    def followers(self, draft: Draft) -> set[EntityKey]:
        """Who, beside the drafts themselves, follows the topics under which something is said of a draft.

        What is said is never of a time before the first record, whatever it was when less was known.
        """
        since = min((fact.time for fact in draft.entity.facts.values()), default=None)
        followers = {
            follower_in(mark, since)
            for topic in draft.said_under
            if (found := self._found.get(followers_of(draft.entity.key.tenant, topic)))
            for owner, mark in found.marks.items()
            if owner not in self._drafts
        }
        return {key for key in followers if key is not None}

    def facts_under(self, draft: Draft) -> int:
        """How many facts the findings of a draft depend on beside its own."""
        partitions = {partition_of(draft.entity.key.tenant, topic) for topic in draft.followed}
        found = (self._found.get(partition) for partition in partitions)
        return sum(len(facts) for each in found if each for facts in each.facts.values())

    def statements(self, detector: Detector, draft: Draft, match: Match) -> Sequence[Statement]:
        """What all, seen through the same detector, state under the topics of a match."""
        statements: list[Statement] = []
        for topic in match.topics:
            under = self._under(partition_of(draft.entity.key.tenant, topic), detector)
            statements += [each for each in under if each.topic == topic]
        return statements

    def _under(self, partition: str, detector: Detector) -> Sequence[Statement]:
        stated = self._stated.get((partition, detector))
        if stated is None:
            found = self._found.get(partition)
            facts = found.facts.items() if found else ()
            stated = [each for owner, left in facts for each in self._said(detector, owner, left) if each.holds]
            self._stated[partition, detector] = stated
        return stated

    def _said(self, detector: Detector, owner: str, facts: Mapping[str, bytes]) -> Iterable[Statement]:
        """What is stated of the facts of one entity; a draft of the same facts has asked already."""
        draft = self._drafts.get(owner)
        if draft is not None and draft.entity.phases.keys() == facts.keys():
            sayers = self._drafting.sayers(detector, draft.entity.key)
            return [each for sayer in sayers for each in draft.statements.get(sayer, ())]
        return [each for event in events_in(facts) for each in self._drafting.stated(detector, event, self._parked)]
