"""The endpoint at which the Functions host gives out tokens of its managed identity."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HEADER = "stand-in"


class _Handler(BaseHTTPRequestHandler):
    token = ""

    def do_GET(self) -> None:
        allowed = self.headers.get("X-IDENTITY-HEADER") == HEADER
        expires = int(time.time()) + 3600
        answer = {"access_token": self.token, "expires_on": str(expires), "resource": "any", "token_type": "Bearer"}
        body = json.dumps(answer if allowed else {}).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def identity_endpoint(token: str) -> Iterator[dict[str, str]]:
    """A running endpoint that gives out this token, as the environment variables that the host sets."""
    handler = type("Handler", (_Handler,), {"token": token})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield {
                "IDENTITY_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}/token",
                "IDENTITY_HEADER": HEADER,
            }
        finally:
            server.shutdown()
            thread.join()
