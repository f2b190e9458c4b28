"""An HTTP server on loopback that answers what a test tells it to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SECRET = "c2VjcmV0LXNpZ25hdHVyZQ=="


@contextmanager
def server(answer: Callable[[str], int], headers: dict[str, str] | None = None) -> Iterator[int]:
    """Answers each method with a status, these headers and no body; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(answer(self.command))
            for name, value in {"Content-Length": "0", **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = Thread(target=running.serve_forever, args=[0.02])
        thread.start()
        try:
            yield running.server_port
        finally:
            running.shutdown()
            thread.join()


def connection_to(service: str, port: int) -> str:
    """The connection string of an account there, with a secret in it."""
    endpoint = f"{service}Endpoint=http://127.0.0.1:{port}/account"
    return f"DefaultEndpointsProtocol=http;AccountName=account;AccountKey={SECRET};{endpoint};"
