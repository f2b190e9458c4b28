"""The health table: one row for each source and five minutes, so that silence and loss are noticed."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

TABLE = "GrantWatchHealth_CL"
SCHEMA_VERSION = 1


class Health(BaseModel):
    """What became of the messages of one source in one window of five minutes, over all instances."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    TimeGenerated: datetime = Field(description="When this row was written.")
    WindowStart: datetime = Field(description="Begin of the five minutes that it counts, by the engines' clocks.")
    Source: str = Field(
        description="Function or consumer that took the messages: activity_log, storage_log, entra_log."
    )
    Events: int = Field(description="Messages that were delivered, repeated deliveries included.")
    Records: int = Field(description="Log records in them.")
    Selected: int = Field(description="Records that some detector is for.")
    Ignored: int = Field(description="Records that none is for.")
    Rejected: int = Field(description="Records that could not be read; each was parked.")
    Parked: int = Field(description="Records, bodies and detector faults that were set aside.")
    Findings: int = Field(description="Revisions of findings that were published.")
    SinkFailures: int = Field(description="Deliveries that failed because rows could not be written.")
    StateFailures: int = Field(description="Deliveries that failed because state could not be read or written.")
    ParkingFailures: int = Field(description="Deliveries that failed because nothing could be parked.")
    EngineFaults: int = Field(description="Deliveries that met a fault in GrantWatch itself; each was parked.")
    OldestEventAge: int | None = Field(description="Longest time in seconds from arrival in the hub to delivery.")
    LastEventTime: datetime | None = Field(description="Arrival in the hub of the latest message ever delivered.")
    Version: str = Field(description="Version of GrantWatch that wrote the row.")
    SchemaVersion: int = Field(description="Version of this table's columns.")
