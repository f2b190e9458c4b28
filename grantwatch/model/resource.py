"""The name of an Azure resource."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial


@dataclass(frozen=True, eq=False)
class ResourceId:
    """A resource id, compared without regard to case, read by segment name and never by position.

    Azure spells one id in many cases (Activity records over Event Hubs in capitals), and ids at tenant or
    management-group scope have no subscription, so nothing here counts segments.
    """

    text: str
    key: str = field(init=False, repr=False)
    """The spelling under which the resource is remembered."""
    _segments: list[str] = field(init=False, repr=False)
    _folded: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        key = folded_id(self.text)
        put = partial(object.__setattr__, self)
        put("key", key)
        put("_segments", list(filter(None, self.text.split("/"))))
        put("_folded", list(filter(None, key.split("/"))))

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def named(self, segment: str) -> str | None:
        """What follows the first segment of that name: ``named("subscriptions")``."""
        try:
            return self._segments[self._folded.index(segment.lower()) + 1]
        except (ValueError, IndexError):
            return None

    @property
    def subscription(self) -> str | None:
        return subscription_in(self.key)

    @property
    def resource_group(self) -> str | None:
        return self.named("resourceGroups")

    @property
    def group(self) -> "ResourceId | None":
        """The resource group that this resource lies in."""
        return next((each for each in self.ancestors() if each.kind == "microsoft.resources/resourcegroups"), None)

    @property
    def name(self) -> str:
        return self._segments[-1] if self._segments else ""

    @property
    def label(self) -> str:
        """The name that tells most: of a service called ``default``, its account's with the service's."""
        if self.name.lower() == "default" and len(self._segments) > 2:
            return f"{self._segments[-3]}/{self._segments[-2]}"
        return self.name

    @property
    def kind(self) -> str:
        """The resource type in lower case, such as ``microsoft.compute/disks``; for extensions, the extension's."""
        segments = self._folded
        if "providers" in segments:
            segments = segments[len(segments) - segments[::-1].index("providers") :]
            return "/".join(segments[:1] + segments[1::2])
        if "resourcegroups" in segments:
            return "microsoft.resources/resourcegroups"
        return "microsoft.resources/subscriptions" if "subscriptions" in segments else ""

    @property
    def storage_account(self) -> "ResourceId | None":
        """The storage account that this resource is, or lies in."""
        if "storageaccounts" not in self._folded:
            return None
        end = self._folded.index("storageaccounts") + 2
        return resource_of("/" + "/".join(self._segments[:end])) if len(self._segments) >= end else None

    def ancestors(self) -> Iterator["ResourceId"]:
        """What this resource lies in, nearest first: parents, the resource group, the subscription."""
        segments = list(self._segments)
        while len(segments) > 2:
            del segments[-2:]
            if len(segments) >= 2 and segments[-2].lower() == "providers":
                del segments[-2:]
            if segments:
                yield ResourceId("/" + "/".join(segments))

    @property
    def quoted(self) -> str:
        """The id as one word of a shell command: names come from whoever made the resource."""
        return shlex.quote(self.text)


def folded_id(text: str) -> str:
    """The one spelling of a resource id, whatever its case and slashes."""
    return "/" + "/".join(filter(None, text.lower().split("/")))


def subscription_in(folded: str) -> str | None:
    """The subscription that an id in that spelling names, and nothing else of it: asked of records by the million."""
    _, _, below = f"{folded}/".partition("/subscriptions/")
    return below.partition("/")[0] or None


def readability(text: str) -> tuple[bool, str]:
    """Prefers the mixed case that a person typed over the capitals that the Activity log makes of it."""
    return (text not in (text.upper(), text.lower()), text)


@lru_cache(maxsize=4096)
def resource_of(text: str) -> ResourceId:
    """The resource id with that spelling; the same object each time, since records repeat themselves."""
    return ResourceId(text)
