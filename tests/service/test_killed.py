"""The law of conservation, with real processes, real clients, and ``kill -9``."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from grantwatch.adapters.in_memory import MemoryParking, MemorySink
from grantwatch.local import engine
from grantwatch.model.finding import TABLE
from grantwatch.settings import Settings
from tests.stand_ins.azurite import Azurite
from tests.stand_ins.azurite import azurite as own_azurite
from tests.stand_ins.event_hubs import EventHubs
from tests.stand_ins.identity import identity_endpoint
from tests.stand_ins.logs_ingestion import RULE, TOKEN, LogsIngestion
from tests.support import cases, encoded, standing
from tests.world import content_of

KILLS = 12
CASES = 60
CONSUMERS = 3
PARTITIONS = 4
PATIENCE = 15.0
_PACE = ("--first-delay", "0.2", "--balancing", "0.3", "--ownership", "2", "--no-chores")


@pytest.fixture
def azurite(tmp_path: Path) -> Iterator[Azurite]:
    """Storage of its own: what others told an app in the same table, this day would remember."""
    with own_azurite(tmp_path) as stand_in:
        yield stand_in


@pytest.fixture
def environment(azurite: Azurite, logs_ingestion: LogsIngestion, event_hubs: EventHubs) -> Iterator[dict[str, str]]:
    """Of a consumer that uses nothing but services, all of which stand in for Azure's."""
    with identity_endpoint(TOKEN) as identity:
        yield (
            os.environ
            | identity
            | {
                "GRANTWATCH_EVENTHUB": event_hubs.connection_string("wide"),
                "GRANTWATCH_INGESTION_ENDPOINT": logs_ingestion.endpoint,
                "GRANTWATCH_INGESTION_RULE_ID": RULE,
                "GRANTWATCH_STATE": azurite.table,
                "GRANTWATCH_PARKING": azurite.blob,
                "PYTHONFAULTHANDLER": "1",
            }
        )


@pytest.fixture
def checkpoints(azurite: Azurite) -> str:
    """The URL of a container, with a SAS to it."""
    with BlobServiceClient.from_connection_string(azurite.blob) as client:
        client.create_container("checkpoints")
        sas = generate_container_sas(
            account_name=str(client.account_name),
            container_name="checkpoints",
            account_key=client.credential.account_key,
            permission=ContainerSasPermissions.from_string("racwdl"),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )
        return f"{client.url.rstrip('/')}/checkpoints?{sas}"


def started(environment: dict[str, str], checkpoints: str, said: Path, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "grantwatch", "consume", "--azure", "--checkpoints", checkpoints, *_PACE, *more]
    with said.open("ab") as output:
        return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


def bodies_of_a_day(random: Random) -> list[bytes]:
    """Of as many cases as keep the consumers at work until the last kill; all of them at once are tested in memory."""
    told = random.sample([case for case in cases() if case.settings == Settings()], CASES)
    records = [record for case in told for record in case.records]
    random.shuffle(records)
    bodies = [encoded(records[start : start + 3]) for start in range(0, len(records), 3)]
    return [*bodies, b"{broken", *random.sample(bodies, 5)]


def quiet(bodies: list[bytes]) -> dict[str, dict[str, Any]]:
    sink = MemorySink()
    engine(sink=sink, parking=MemoryParking()).process(bodies)
    return content_of(sink.current())


def writes_something(logs: LogsIngestion, random: Random) -> bool:
    """Wait until consumers are at work, and a moment more or less; False where they were not for some time."""
    calls, end = len(logs.calls), time.monotonic() + PATIENCE
    while len(logs.calls) == calls:
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    time.sleep(random.choice((0.0, 0.02, 0.1, 0.3)))
    return True


def test_nothing_is_lost_when_consumers_are_killed(
    environment: dict[str, str],
    checkpoints: str,
    event_hubs: EventHubs,
    logs_ingestion: LogsIngestion,
    azurite: Azurite,
    tmp_path: Path,
) -> None:
    seed = 20260310
    random = Random(seed)
    bodies, said = bodies_of_a_day(random), tmp_path / "said"
    share = -(-len(bodies) // KILLS)
    running = [started(environment, checkpoints, said) for _ in range(CONSUMERS)]
    in_the_middle = 0
    for number in range(KILLS):
        for at, body in enumerate(bodies[number * share : (number + 1) * share]):
            event_hubs.seed("wide", (number + at) % PARTITIONS, [body])
        in_the_middle += writes_something(logs_ingestion, random)
        victim = running.pop(0)
        assert victim.poll() is None, said.read_text()
        victim.kill()
        assert victim.wait() == -signal.SIGKILL
        running.append(started(environment, checkpoints, said))
    for victim in running:
        victim.kill()
        victim.wait()

    last = started(environment, checkpoints, said, "--until-idle", "12")

    assert last.wait(timeout=120) == 0, said.read_text()
    assert in_the_middle >= 5
    assert standing(logs_ingestion.rows[f"Custom-{TABLE}"]) == quiet(bodies), f"seed {seed}"
    with BlobServiceClient.from_connection_string(azurite.blob) as client:
        assert list(client.get_container_client("grantwatch").list_blob_names(name_starts_with="deadletter/"))
    assert "Traceback" not in said.read_text()
