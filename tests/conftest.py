"""Fixtures that more than one file of tests uses."""

from collections.abc import Iterator

import pytest

from tests.stand_ins.azurite import Azurite
from tests.stand_ins.azurite import azurite as running
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
