"""Everything GrantWatch raises on purpose.

GrantWatchError
├── SettingsError           settings are missing or malformed; the message names each, with its meaning and an example
├── UnavailableError        a service does not answer, throttles, or may not be used yet: the same can be tried again
│   ├── StateUnavailableError, and under it
│   │   └── StateConflictError   a compare-and-swap kept losing to other writers
│   ├── SinkUnavailableError
│   └── ParkingUnavailableError
├── TooLargeError           what is to be stored is larger than its place takes, and always will be
├── UnreadableBundleError   a parked bundle is damaged
├── NothingReadError        recorded logs of which nothing can be used
├── StoreError              a local store that is missing or cannot be opened
├── ResumeError             what was begun earlier cannot be gone on with, because something has changed since
├── QueryError              a KQL query that the local store cannot run
└── NoSasError              a text that was given as a SAS and is none
"""


class GrantWatchError(Exception):
    """Base of all errors that GrantWatch raises on purpose."""


class SettingsError(GrantWatchError):
    """Settings are missing or malformed. ``args`` has a sentence or two for each."""

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))


class UnavailableError(GrantWatchError):
    """A service that is needed cannot do its work now; the same batch may simply be tried again.

    The message names the service and the fault, never what was sent.
    """


class StateUnavailableError(UnavailableError):
    """The state store cannot be reached, or not be used."""


class SinkUnavailableError(UnavailableError):
    """The output tables cannot be written to."""


class ParkingUnavailableError(UnavailableError):
    """Nothing can be parked, and so nothing given up."""


class StateConflictError(StateUnavailableError):
    """A compare-and-swap kept losing to other writers."""


class UnreadableBundleError(GrantWatchError):
    """A parked bundle is damaged. The message says how, and quotes nothing of it."""


class TooLargeError(GrantWatchError):
    """What is to be stored is larger than its place takes. The message names sizes alone."""


class NothingReadError(GrantWatchError):
    """Nothing of recorded logs can be used. The message has a line for each file or directory."""


class StoreError(GrantWatchError):
    """A local store is missing, or cannot be opened."""


class ResumeError(GrantWatchError):
    """What was begun earlier cannot be gone on with, because something has changed since."""


class NoSasError(GrantWatchError):
    """A text that was given as a SAS is none. The message says why, and quotes nothing of it."""


class QueryError(GrantWatchError):
    """A KQL query is wrong, or asks for something that the local store cannot do."""
