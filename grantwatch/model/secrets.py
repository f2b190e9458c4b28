"""Secrets that a log can carry, and their masks.

Callers choose object names, agents and request bodies, and producers forget to mask, so whatever is kept of a record
goes through here. A secret is replaced by the start of its SHA-256: the same secret keeps the same mask.

Works on bytes, and looks for a literal before it looks closer: broken bodies of a megabyte come through here too.
"""

import hashlib
import re
import zlib
from collections.abc import Callable

LARGEST_UNPACKED = 64 * 1024 * 1024
"""Bytes that gzip data may unpack to; what is beyond them is not read."""

_GZIP = b"\x1f\x8b"
_DEEPEST = 3
_PIECE = 65536
_SHORTEST = 12
_EQUALS = rb"(?P<equals>=|:|%3d|%253d)"
_VALUE = rb"[^\s\"'&;,<>{}\[\]\\]+"
# A signature in base64, in whatever encoding, which no punctuation of a sentence behind it can be part of.
_SIGNATURE = rb"[\w%+/=-]{43,}+(?=[:.!?)`]{1,8}+(?:\s|\Z))|" + _VALUE
_MASK = b"sha256:"
_MASKED = re.compile(rb"sha256:(?:[0-9a-f]{12}|too-many)(?![\w+/-])")
_LONGEST_KEY = 86
_MOST_SECRETS = 4096
"""In one body; what follows them is cut off, for it is there to keep this busy."""


def _named(name: bytes, value: bytes = _VALUE) -> re.Pattern[bytes]:
    """What follows a name in a query, a connection string or, quoted and escaped to any depth, in JSON."""
    return re.compile(name + rb"[\"'\\]{0,8}\s{0,8}" + _EQUALS + rb"\s{0,8}[\"'\\]{0,8}(?P<secret>" + value + rb")")


# By a literal that is part of whatever the pattern finds; all in lower case, as the text is when it is searched. What
# a pattern begins with is looked for much faster than alternatives or what stands before it.
_PATTERNS: tuple[tuple[bytes, re.Pattern[bytes]], ...] = (
    (b"sig", _named(rb"sig", _SIGNATURE)),
    (b"%73", _named(rb"%73(?:i|%69)(?:g|%67)", _SIGNATURE)),
    (b"%69", _named(rb"s%69(?:g|%67)", _SIGNATURE)),
    (b"%67", _named(rb"si%67", _SIGNATURE)),
    (b"key", _named(rb"key(?<!objectkey)(?:1|2|_?value)?")),  # objectKey is a path
    (b"signature", _named(rb"signature(?<!resultsignature)")),  # resultSignature is a status
    (b"secret", _named(rb"secret")),
    (b"token", _named(rb"token")),
    (b"passw", _named(rb"passw(?:or)?d")),
    (b"pwd", _named(rb"pwd")),
    (b"bearer", re.compile(rb"bearer\s{1,8}(?P<secret>[\w.~+/=-]{8,})")),
    # From the begin of a run of letters, so that each is looked at once, however many tokens seem to begin in it.
    (b"eyj", re.compile(rb"(?<![\w-])(?P<head>[\w-]{11,}+)(?=(?P<rest>\.[\w-]{8,}+(?:\.[\w-]*+)?))")),
    (b"=", re.compile(rb"=(?<=[a-z0-9+/]{43}=)")),
)
_ESCAPES = ((rb"\/", b"/"), (rb"\u0026", b"&"), (rb"\u003d", b"="), (rb"\u003D", b"="))
_SET_ASIDE = b"\xff\xfe\xff"  # no text has this
# Every secret has one of these in or before it; most texts have none, and looking closer is slow.
_MARKS = (b"=", b":", b"%3", b"%25", b"eyj", b"bearer")
_BASE64_BEFORE = re.compile(rb"[A-Za-z0-9+/]{43,86}$")


def masked(text: str) -> str:
    """The text with every secret in it replaced by its mask, ``sha256:`` and twelve hex digits."""
    if len(text) < _SHORTEST or not _is_suspicious(text):
        return text
    return masked_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def printable(text: str) -> str:
    """The text with what would steer a terminal replaced."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def masked_bytes(body: bytes) -> bytes:
    """The same for a message body, of which nothing else changes but JSON's escapes of ``/``, ``&`` and ``=``."""
    body = _unescaped(_unpacked(body))
    searched = body.lower()
    if not any(mark in searched for mark in _MARKS):
        return body
    for literal, pattern in _PATTERNS:
        if literal in searched:
            cleaned = _without(body, searched, pattern, _SPANS.get(literal, _span))
            if cleaned is not body:
                body, searched = cleaned, cleaned.lower()
    return body


def _unescaped(body: bytes) -> bytes:
    """With the escapes of JSON that hide what secrets are told by; a backslash that is itself escaped begins none."""
    if b"\\" not in body:
        return body
    body = body.replace(b"\\\\", _SET_ASIDE)
    for escape, plain in _ESCAPES:
        body = body.replace(escape, plain)
    return body.replace(_SET_ASIDE, b"\\\\")


def _is_suspicious(text: str) -> bool:
    """Whether a text has one of the marks, without making bytes of it."""
    if "=" in text or ":" in text or "%3" in text or "%25" in text:
        return True
    folded = text.lower()
    return "eyj" in folded or "bearer" in folded


def _without(
    body: bytes,
    searched: bytes,
    pattern: re.Pattern[bytes],
    span: Callable[[bytes, re.Match[bytes]], tuple[int, int]],
) -> bytes:
    pieces: list[bytes] = []
    end = 0
    for number, found in enumerate(pattern.finditer(searched)):
        if number == _MOST_SECRETS:
            return b"".join((*pieces, body[end : found.start()][:-_LONGEST_KEY], _MASK, b"too-many"))
        start, stop = span(body, found)
        if end <= start < stop and not _MASKED.match(body, start):
            mask = _MASK + hashlib.sha256(body[start:stop]).hexdigest()[:12].encode()
            pieces += [body[end:start], b'"%b"' % mask if _is_bare_number(searched, found) else mask]
            end = stop
    return b"".join((*pieces, body[end:])) if pieces else body


def _span(_: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    """Of a value, but for those of JSON that are no text."""
    start, stop = found.span("secret")
    return (start, start) if found["secret"] in (b"null", b"true", b"false") else (start, stop)


def _is_bare_number(searched: bytes, found: re.Match[bytes]) -> bool:
    """Whether it is a number in JSON, whose mask needs quotes to be JSON as well."""
    if "equals" not in found.re.groupindex or found["equals"] != b":":
        return False
    return found["secret"][:1] in b"-0123456789" and searched[found.start("secret") - 1] not in b"\"'\\"


def _token(_: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    """From where a token begins in a run of letters, to its end."""
    begin = found["head"].find(b"eyj")
    return (found.start() + begin, found.end("rest")) if 0 <= begin <= len(found["head"]) - 11 else (0, 0)


def _key_before(body: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    """The 32 or 64 bytes in base64 that end in this sign."""
    before = _BASE64_BEFORE.search(body, max(0, found.start() - _LONGEST_KEY), found.start())
    return before.start() if before else found.start(), found.end()


_SPANS = {b"eyj": _token, b"=": _key_before}


def _unpacked(body: bytes) -> bytes:
    """The text of a body that hides it in gzip, or in two bytes a letter: what can be read of it at least."""
    for _ in range(_DEEPEST):
        if not body.startswith(_GZIP):
            break
        body = _inflated(body)
    nulls = body[1:64:2].count(0), body[0:64:2].count(0)
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace").encode("utf-8", "surrogatepass")
    if max(nulls) > 8 and min(nulls) == 0:
        return body.decode("utf-16-le" if nulls[0] else "utf-16-be", "replace").encode("utf-8", "surrogatepass")
    return body


def _inflated(body: bytes) -> bytes:
    """What gzip data unpacks to, as far as it is whole and of a size that is read."""
    reader, parts, size = zlib.decompressobj(31), [], 0
    try:
        for start in range(0, len(body), _PIECE):
            parts.append(reader.decompress(body[start : start + _PIECE], LARGEST_UNPACKED - size))
            size += len(parts[-1])
            if size >= LARGEST_UNPACKED or reader.eof:
                break
    except zlib.error:
        pass
    return b"".join(parts)
