"""Secrets that a log can carry, and their masks.

Callers choose object names, agents and request bodies, and producers forget to mask, so whatever is kept of a record
goes through here. A secret is replaced by the start of its SHA-256: the same secret keeps the same mask.
"""

import hashlib
import re

_SHORTEST = 12
_SECRET = re.compile(
    r"""
    (?P<named>
        (?<![\w])(?:s|%73)(?:i|%69)(?:g|%67)(?:=|%3d)                            # signature of a SAS
      | \b(?:account_?key|shared_?access_?key|shared_?access_?signature|client_?secret|password|passwd|pwd|secret
            |access_?token|refresh_?token|api_?key|key1|key2)["']?\s*[=:]\s*["']?
      | \bbearer\s+
    ) (?P<value>[^&;\s"'<>,}]+)
  | (?P<token>eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)                               # JSON web token
  | (?P<key>(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=)(?![A-Za-z0-9+/=]))   # base64 of 64 or 32
    """,
    re.IGNORECASE | re.VERBOSE,
)


def masked(text: str) -> str:
    """The text with every secret in it replaced by its mask, ``sha256:`` and twelve hex digits."""
    return _SECRET.sub(_mask, text) if len(text) >= _SHORTEST and _is_suspicious(text) else text


def _is_suspicious(text: str) -> bool:
    """Every secret has one of these in or before it; most texts have none, and looking closer is slow."""
    return "=" in text or ":" in text or "%3" in text or "eyJ" in text or "bearer" in text.lower()


def _mask(found: re.Match[str]) -> str:
    secret = found["value"] or found["token"] or found["key"]
    if secret.startswith("sha256:"):
        return found[0]
    return f"{found['named'] or ''}sha256:{hashlib.sha256(secret.encode()).hexdigest()[:12]}"
