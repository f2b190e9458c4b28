"""What GrantWatch counts about itself, declared once: the metrics, their documentation and when to raise an alarm."""

from msgspec import Struct

OLDEST = "oldest_event_age"


class Metric(Struct, frozen=True):
    """One metric, named like its counter; ``alarm`` says in words when somebody should look."""

    name: str
    unit: str
    meaning: str
    alarm: str = "—"

    @property
    def full_name(self) -> str:
        return f"grantwatch.{self.name}"


METRICS = (
    Metric("events", "{message}", "Messages delivered, repeats included.", "no message from a source for 30 minutes"),
    Metric("records", "{record}", "Log records in them."),
    Metric("selected", "{record}", "Records that some detector is for."),
    Metric("ignored", "{record}", "Records that none is for. Near all of storage logs, and all of foreign families."),
    Metric("rejected", "{record}", "Records that could not be read, each parked.", "above 1 % of the records"),
    Metric(
        "parked", "{item}", "Records, bodies and detector faults set aside.", "any that does not stop within an hour"
    ),
    Metric("published", "{revision}", "Revisions of findings written."),
    Metric(
        "sink_failures", "{delivery}", "Deliveries that failed because rows could not be written.", "any for 15 minutes"
    ),
    Metric("state_failures", "{delivery}", "Deliveries that failed because of the state store.", "any for 15 minutes"),
    Metric("parking_failures", "{delivery}", "Deliveries held because nothing could be parked.", "any, at once"),
    Metric("engine_faults", "{delivery}", "Deliveries that met a fault in GrantWatch, parked.", "any, at once"),
    Metric(OLDEST, "s", "Time from arrival in the hub to delivery, the longest.", "above 1,800 s for 15 minutes"),
)
"""In the order in which they are documented."""
