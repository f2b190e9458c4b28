"""Everything GrantWatch raises on purpose.

GrantWatchError
├── SettingsError       a setting is missing or malformed; the message names it and gives an example
├── StateConflictError  a compare-and-swap kept losing to other writers
├── StoreError          a local store that is missing or cannot be opened
└── QueryError          a KQL query that the local store cannot run
"""


class GrantWatchError(Exception):
    """Base of all errors that GrantWatch raises on purpose."""


class SettingsError(GrantWatchError):
    """A setting is missing or malformed."""


class StateConflictError(GrantWatchError):
    """A compare-and-swap kept losing to other writers; the same batch may simply be tried again."""


class StoreError(GrantWatchError):
    """A local store is missing, or cannot be opened."""


class QueryError(GrantWatchError):
    """A KQL query is wrong, or asks for something that the local store cannot do."""
