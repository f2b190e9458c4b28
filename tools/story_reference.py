"""The table of the incident stories in their README, from the findings that are written beside them."""

from collections import Counter

from grantwatch.model.severity import Severity
from samples.stories.catalogue import STORIES
from samples.stories.story import Story
from tools.markdown import row, table


def story_reference() -> str:
    """Each story in a sentence, and the findings in which it ends."""
    return table(("Story", "What happens", "At worst", "Ends in"), map(_entry, STORIES))


def _entry(story: Story) -> str:
    ending = story.ending
    worst = max(Severity(each.get("Severity", ending.others_at_most)) for each in (*ending.expect, {}))
    counts = Counter(expected["Detector"] for expected in ending.expect)
    listed = (f"[{name}](../../docs/detections.md#{name})" + f" × {n}" * (n > 1) for name, n in counts.items())
    return row(f"`{story.name}`", ending.sentence, worst, ", ".join(listed) or "nothing to look into")
