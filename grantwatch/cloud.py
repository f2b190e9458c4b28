"""A ready service on Azure's own services. Clients are made when they are first needed."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from secrets import token_hex
from threading import Timer

from detectors.catalogue import CATALOGUE
from grantwatch.adapters import telemetry
from grantwatch.adapters.blob_parking import BlobPlace
from grantwatch.adapters.clock import now
from grantwatch.adapters.credentials import credential
from grantwatch.adapters.log_analytics import LogAnalytics, ingestion_client
from grantwatch.adapters.table_store import TableStore
from grantwatch.delivery import Delivery
from grantwatch.engine import Engine
from grantwatch.parking import DeadLetters
from grantwatch.publishing import TableSink
from grantwatch.service import Service
from grantwatch.settings import CloudSettings, has_managed_identity, is_connection

_A_MINUTE = 60.0


def service_of(settings: CloudSettings, sources: tuple[str, ...]) -> Service:
    """A service on the services that the settings name."""
    logging.getLogger("azure").setLevel(logging.WARNING)  # they write every request, with its address
    token = cache(lambda: credential(managed_identity=has_managed_identity(), client_id=settings.client_id or None))
    state = (
        TableStore.from_connection_string(settings.state, clock=now)
        if is_connection(settings.state)
        else TableStore.from_account(settings.state, token, clock=now)
    )
    place = (
        BlobPlace.from_connection_string(settings.parking)
        if is_connection(settings.parking)
        else BlobPlace.from_account(settings.parking, token)
    )
    clients = ExitStack()
    tables = LogAnalytics(lambda: ingestion_client(settings.ingestion_endpoint, token()), settings.ingestion_rule_id)
    for client in (state, place, tables):
        clients.callback(client.close)
    return Service(
        Engine(
            CATALOGUE,
            store=state,
            sink=TableSink(tables, place),
            parking=DeadLetters(place, Delivery("sweep_grants", ())),
            clock=now,
            settings=settings,
        ),
        state=state,
        tables=tables,
        place=place,
        clock=now,
        process=token_hex(8),
        sources=sources,
        later=_in_a_minute,
        measure=telemetry.measure,
        expire=state.expire,
        close=clients.close,
    )


def _in_a_minute(work: Callable[[], None]) -> None:
    timer = Timer(_A_MINUTE, work)
    timer.daemon = True
    timer.start()
