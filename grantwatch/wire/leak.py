"""A SAS in a text that somebody found: a mail, a ticket, a chat, a repository.

Such texts were wrapped, quoted and encoded once more on their way, and the hash of a signature forgives nothing.
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from grantwatch.errors import NoSasError
from grantwatch.model.sas import Sas, sas_of, signature_hash
from grantwatch.wire.fields import safe
from grantwatch.wire.storage import account_of_host

_LONGEST = 65_536
_MOST_LAYERS = 4
_LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")
_AMPERSAND = re.compile(r"&(?:amp;)+|&#38;|&#x26;|\\u0026", re.IGNORECASE)
_CONNECTION_STRING = re.compile(r";[^?]*SharedAccessSignature=\??", re.IGNORECASE)
_START = re.compile(r"https?(?:://|%(?:25)*3A%)", re.IGNORECASE)
_END = re.compile(r"[\"'<>`\\]")
_SIGNATURE = re.compile(r"(?:^|[?&;])(?:s|%73)(?:i|%69)(?:g|%67)=([^&#]*)", re.IGNORECASE)
_REWRITTEN_BY_MAIL = ".safelinks.protection.outlook.com"
# The HMAC-SHA256 of 32 bytes in base64. A plus that was decoded as one too many is a blank by now.
_WHOLE = re.compile(r"([A-Za-z0-9+/ ]{43})(?:=|(?![A-Za-z0-9+/]))")
_DISK = re.compile(r"https?://md-[\w-]+\.", re.IGNORECASE)


class Leak(Struct, frozen=True, kw_only=True):
    """What a found SAS says of itself, without its signature.

    ``address`` is the URL up to its query, ``account`` is None where the host does not tell it. ``is_whole`` is false
    where the signature was masked or cut, so that its hash finds nothing.
    """

    sas: Sas
    hash: str
    is_whole: bool
    address: str | None = None
    account: str | None = None


def leak_in(text: str) -> Leak:
    """The SAS in a text: a URL, or its query alone. Raises NoSasError where there is none that can be looked for."""
    url = _unwrapped(_cleaned(text[:_LONGEST]))
    found = _SIGNATURE.search(url)
    if found is None:
        raise NoSasError(_without_signature(url))
    if _DISK.match(url):
        raise NoSasError(
            "This is the export address of a managed disk or snapshot, whose use no storage log of yours shows: look "
            "for findings of disk_access_granted, and end it with `az disk revoke-access` or `az snapshot "
            "revoke-access`."
        )
    has_host = "://" in url.partition("?")[0]
    sas = sas_of(url if has_host else f"?{url.lstrip('?')}")
    if sas is None:
        raise NoSasError("This has a signature, but not as the parameter of a URL.")
    signature, is_whole = _signature(found[1])
    address = url.partition("?")[0] if has_host else None
    account = account_of_host(address) if address else None
    return Leak(
        sas=sas,
        hash=signature_hash(signature),
        is_whole=is_whole,
        address=safe(address) if address else None,
        account=account.removesuffix("-secondary") if account else None,
    )


def _cleaned(text: str) -> str:
    """Without what mail and people put around a URL, and into it."""
    text = _AMPERSAND.sub("&", _LINE_BREAK.sub("", text.strip().strip("\"'`<>()[]")))
    start = _START.search(text)
    url = _END.split(text[start.start() :] if start else text, maxsplit=1)[0]
    return _CONNECTION_STRING.sub("?", url)


def _unwrapped(url: str) -> str:
    """Out of what was made around it: a mail filter's own link, or one percent-encoding too many."""
    for _ in range(_MOST_LAYERS):
        target = _target_of_filter(url)
        found = _SIGNATURE.search(url)
        if target:
            url = target
        elif (found and "%" in unquote(found[1])) or (found is None and "%" in url):
            url = unquote(url)
        else:
            break
    return url


def _target_of_filter(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if not (parts.hostname or "").endswith(_REWRITTEN_BY_MAIL):
        return None
    return next(iter(parse_qs(parts.query).get("url", ())), None)


def _signature(raw: str) -> tuple[str, bool]:
    """The decoded signature, and whether it is one."""
    decoded = unquote(raw).strip()
    whole = _WHOLE.match(decoded)
    return (f"{whole[1].replace(' ', '+')}=", True) if whole else (decoded, False)


def _without_signature(url: str) -> str:
    if "://" not in url and "=" not in url:
        return "This is no URL. Give the whole of it, up to the end of `sig=…`, in single quotes or on standard input."
    return "This URL has no signature: without `sig=…` it opens nothing, and there is no hash to look for."
