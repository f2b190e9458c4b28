"""What a batch has to bring to rest, and what one round of that knows."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct, field

from grantwatch.drafting import Draft
from grantwatch.judgement.rendering import Content
from grantwatch.memory.entities import EntityKey, Published
from grantwatch.memory.facts import Fact, Note
from grantwatch.model.course import Step
from grantwatch.model.gathering import GatheringKey
from grantwatch.model.traces import Trace
from grantwatch.ports import Parked, Row, RowKey
from grantwatch.verdicts import Verdict

Revisions = dict[str, tuple[Published, Content]]
"""Current revisions of findings, by their ids."""

Telling = tuple[EntityKey, str]
"""A course, and a digest of the step that it was told."""

Told = tuple[int, frozenset[Telling]]
"""What courses were told of an entity, and a hash of the row that it then was."""


class Swept(Struct, frozen=True):
    """What a sweep found due: calls whose end nobody waits for, and until when grants should have been closed."""

    lapsed: frozenset[EntityKey] = frozenset()
    overdue: Mapping[EntityKey, datetime] = {}


class Work(Struct):
    """What has to be brought to rest, over as many rounds as it takes, and what came of it."""

    swept: Swept = field(default_factory=Swept)
    inbox: dict[EntityKey, dict[str, Fact]] = field(default_factory=lambda: defaultdict(dict))
    """All that is to be joined to entities. Joining it again changes nothing."""
    left: set[RowKey] = field(default_factory=set)
    """Rows that were inserted."""
    met: dict[EntityKey, dict[str, Note]] = field(default_factory=dict)
    """Gatherings, and which of the notes that they were told they have passed on."""
    traced: dict[EntityKey, dict[str, dict[str, Trace]]] = field(default_factory=dict)
    """What calls told of, by detector and name, whether or not that they did could be stored."""
    courses: dict[str, set[GatheringKey]] = field(default_factory=lambda: defaultdict(set))
    """Where findings, by their ids, were told to count, whether or not that they were could be stored."""
    steps: dict[EntityKey, dict[str, Step]] = field(default_factory=lambda: defaultdict(dict))
    """The steps that were told of entities, by the ids of their findings."""
    told: set[RowKey] = field(default_factory=set)
    """Sightings of which those who were displaced have been told."""
    told_by: dict[EntityKey, Told] = field(default_factory=dict)
    """What courses were told of entities, where all of it is stored."""
    overtaken: set[EntityKey] = field(default_factory=set)
    """Entities that were not the first to see something, after all."""
    revisions: Revisions = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    saturated: dict[EntityKey, datetime] = field(default_factory=dict)


class View(Struct):
    """What one round knows: rows as they were read, and drafts of what they shall become."""

    rows: dict[RowKey, Row | None]
    drafts: dict[EntityKey, Draft]
    parked: dict[EntityKey, list[Parked]] = field(default_factory=lambda: defaultdict(list))
    revisions: dict[EntityKey, Revisions] = field(default_factory=dict)
    verdicts: dict[EntityKey, list[Verdict]] = field(default_factory=dict)
    told: dict[EntityKey, set[Telling]] = field(default_factory=lambda: defaultdict(set))
    """What courses are told of entities, now or before."""
    contents: dict[EntityKey, bytes] = field(default_factory=dict)
    """Of the rows that drafts amount to."""
    later: set[EntityKey] = field(default_factory=set)
    """Gatherings that something was added to, but whose rows were not read."""
