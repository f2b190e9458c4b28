"""The Logs Ingestion API on loopback, as strict as the service, and stricter where the service changes rows in silence.

It refuses columns that the table does not have, and what the real one would alter it alters and calls a violation. Told
to misbehave, it does so once for each trouble, in order, and then behaves again.
"""

import gzip
import itertools
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

from azure.core.credentials import AccessToken
from pydantic import BaseModel

from grantwatch.model import finding, grant_row, health
from grantwatch.ports import Clock
from tests.stand_ins.log_tables import Row, altered, columns_by_name, fits

RULE = "dcr-00000000000000000000000000000000"
TOKEN = "a-token-that-nobody-may-read"
MOST_IN_CALL = 1_048_576
OUTPUT_TABLES: Mapping[str, type[BaseModel]] = {
    finding.TABLE: finding.Finding,
    grant_row.TABLE: grant_row.GrantRow,
    health.TABLE: health.Health,
}


@dataclass(frozen=True, slots=True)
class Status:
    """It answers so, and keeps nothing."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hang:
    """It says nothing for so many seconds, then closes the connection."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """It closes the connection after the first bytes of an answer. ``stored``: it had kept the rows by then."""

    answer: bytes = b""
    stored: bool = False


Trouble = Status | Hang | Cut


@dataclass(frozen=True, slots=True)
class Call:
    """What came in a call, and what it was answered; None where it was not."""

    stream: str
    compressed: int
    size: int
    status: int | None


class LogsIngestion:
    """The server. It keeps the rows that it took, by stream, and runs as long as its context."""

    def __init__(self, tables: Mapping[str, type[BaseModel]] | None = None, clock: Clock | None = None) -> None:
        """``tables`` are those that the rule has streams for: the output tables, if not given."""
        tables = OUTPUT_TABLES if tables is None else tables
        self.rows: dict[str, list[Row]] = {f"Custom-{name}": [] for name in tables}
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.most_in_call = MOST_IN_CALL
        self.closing = threading.Event()
        self._columns = {f"Custom-{name}": columns_by_name(table) for name, table in tables.items()}
        self._clock = clock or (lambda: datetime.now(UTC))
        self._troubles: Iterator[Trouble | None] = iter(())
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def client_options(self) -> Mapping[str, object]:
        """What a client needs to come here: no proxy."""
        return {"use_env_settings": False}

    def misbehave(self, *troubles: Trouble | None, for_ever: bool = False) -> None:
        """What to do at the next calls instead of what it should; None is a call that it treats well."""
        self._troubles = itertools.cycle(troubles) if for_ever else iter(troubles)

    def next_trouble(self) -> Trouble | None:
        with self._lock:
            return next(self._troubles, None)

    def receive(self, path: str, headers: Message, body: bytes) -> HTTPStatus:
        """Keep the rows of a call, all or none, and return its status."""
        try:
            stream = self._addressed(path, headers)
            rows = self._decoded(headers, body)
        except _StatusError as error:
            return error.status
        if not all(fits(self._columns[stream], row) for row in rows):
            return HTTPStatus.BAD_REQUEST
        with self._lock:
            for row in rows:
                changes = altered(row, self._clock())
                self.violations += (f"{name} is altered" for name in changes)
                self.rows[stream].append(row | changes)
        return HTTPStatus.NO_CONTENT

    def _addressed(self, path: str, headers: Message) -> str:
        url = urlsplit(path)
        if headers["Authorization"] != f"Bearer {TOKEN}":
            raise _StatusError(HTTPStatus.UNAUTHORIZED)
        if parse_qs(url.query) != {"api-version": ["2023-01-01"]}:
            raise _StatusError(HTTPStatus.BAD_REQUEST)
        folder, _, stream = url.path.rpartition("/")
        if folder != f"/dataCollectionRules/{RULE}/streams" or stream not in self.rows:
            raise _StatusError(HTTPStatus.NOT_FOUND)
        return stream

    def _decoded(self, headers: Message, body: bytes) -> list[Row]:
        if headers["Content-Type"] != "application/json":
            raise _StatusError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        plain = _plain(headers, body)
        if max(len(body), len(plain)) > self.most_in_call:
            raise _StatusError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            rows = json.loads(plain)
        except ValueError:
            raise _StatusError(HTTPStatus.BAD_REQUEST) from None
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise _StatusError(HTTPStatus.BAD_REQUEST)
        return rows


class KnownCaller:
    """A credential with the one token that the server accepts."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        assert scopes == ("https://monitor.azure.com/.default",)
        return AccessToken(TOKEN, 32_503_680_000)


class _StatusError(Exception):
    """The status that a call gets instead of 204."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


def _plain(headers: Message, body: bytes) -> bytes:
    return gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for them

    def __init__(self, service: LogsIngestion) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service

    def handle_error(self, *_: object) -> None:
        """A client may go away; anything else is a fault of this server, and fails the test."""
        if not isinstance(error := sys.exception(), ConnectionError):
            self.service.violations.append(repr(error))


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        service = self.server.service
        body = self.rfile.read(int(self.headers["Content-Length"]))
        plain = _plain(self.headers, body)
        trouble = service.next_trouble()
        status: int | None = trouble.status if isinstance(trouble, Status) else None
        if trouble is None or (isinstance(trouble, Cut) and trouble.stored):
            status = service.receive(self.path, self.headers, body)
        stream = urlsplit(self.path).path.rpartition("/")[2]
        service.calls.append(Call(stream, len(body), len(plain), status))
        match trouble:
            case Hang(seconds=seconds):
                service.closing.wait(seconds)
            case Cut(answer=answer):
                self.wfile.write(answer)
            case _:
                self._answer(status or 0, trouble.headers if trouble else {}, plain)

    def _answer(self, status: int, headers: Mapping[str, str], plain: bytes) -> None:
        """With an error that quotes whatever there is to quote, as services may."""
        quoted = f"{self.headers['Authorization']} {plain[:1000].decode(errors='replace')}"
        error = json.dumps({"error": {"code": "Refused", "message": quoted}}).encode()
        content = b"" if status == HTTPStatus.NO_CONTENT else error
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Silence."""
