"""Fixtures that more than one file of tests uses."""

import gc
import os
from collections.abc import Iterator

import pytest

from tests.stand_ins.azurite import Azurite
from tests.stand_ins.azurite import azurite as running
from tests.stand_ins.event_hubs import EventHubs, reason_not_to_run
from tests.stand_ins.logs_ingestion import LogsIngestion


@pytest.fixture
def logs_ingestion() -> Iterator[LogsIngestion]:
    """The Logs Ingestion API, with the findings table. What the real one would alter in silence fails the test."""
    with LogsIngestion() as server:
        yield server
    assert not server.violations


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Blob and Table Storage on loopback, one for the whole session."""
    with running(tmp_path_factory.mktemp("azurite")) as stand_in:
        yield stand_in


@pytest.fixture
def event_hubs() -> Iterator[EventHubs]:
    """A namespace with the hub ``narrow`` of one partition, and ``wide`` of four."""
    reason = reason_not_to_run()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"the broker must run where CI is true, but {reason}")
    if reason:
        pytest.skip(reason)
    with EventHubs({"narrow": 1, "wide": 4}) as broker:
        yield broker


@pytest.fixture
def rubbish_collected() -> Iterator[None]:
    """What the test left unclosed is found before the next one begins."""
    yield
    for _ in range(5):  # finalizers revive what they finalize
        gc.collect()
