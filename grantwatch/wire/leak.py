"""A SAS in a text that somebody found: a mail, a ticket, a chat, a repository.

Such texts were wrapped, quoted and encoded once more on their way, and the hash of a signature forgives nothing.
"""

import re
from urllib.parse import unquote

from msgspec import Struct

from grantwatch.errors import NoSasError
from grantwatch.model.sas import Sas, sas_of, signature_hash
from grantwatch.wire.fields import safe
from grantwatch.wire.storage import STORAGE_HOST, account_of_host, service_of_host

_LONGEST = 65_536
_MOST_LAYERS = 4
_LINE_BREAK = re.compile(r"\s*[\r\n]+\s*")
_AMPERSAND = re.compile(r"&(?:amp;)+|&#38;|&#x26;|\\u0026", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([/&?=])|\^(?=&)")
_ENDPOINT = re.compile(r"Endpoint=(https?://[^;\s\"']+)", re.IGNORECASE)
_SHARED_ACCESS = re.compile(r"SharedAccessSignature=\??([^;\"'<>`]+)", re.IGNORECASE)
_SCHEME = r"https?(?:://|%(?:25)*3A%(?:25)*2F%(?:25)*2F)"
_START = re.compile(_SCHEME, re.IGNORECASE)
_STORAGE = re.compile(rf"({_SCHEME})?{STORAGE_HOST.pattern}", re.IGNORECASE)
_END = re.compile(r"[\"'<>`\\]")
_AFTER = ").,;]}"
# However often it was encoded. What is whole has 43 letters; what was masked or cut ends where its name does.
_SIGNED = re.compile(
    r"(?:^|[?&;=\s\"']|%(?:25)*(?:3F|26))(?:s|%73)(?:i|%69)(?:g|%67)(?:=|%(?:25)*3D)"
    r"(?:(?:[A-Za-z0-9+/ ]|%(?:25)*(?:2B|2F)){43}(?:=|%(?:25)*3D)?)?",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"(?:^|[?&;])(?:s|%73)(?:i|%69)(?:g|%67)=([^&#]*)", re.IGNORECASE)
# The HMAC-SHA256 of 32 bytes in base64. A plus that was decoded as one too many is a blank by now.
_WHOLE = re.compile(r"([A-Za-z0-9+/ ]{43})(?:=|(?![A-Za-z0-9+/]))")
_DISK = re.compile(r"https?://md-[\w-]+\.", re.IGNORECASE)


class Leak(Struct, frozen=True, kw_only=True):
    """What a found SAS says of itself, without its signature.

    ``address`` is the URL up to its query; ``account`` and ``service`` are None where the host does not tell them.
    ``is_whole`` is false where the signature was masked or cut, so that its hash finds nothing.
    """

    sas: Sas
    hash: str
    is_whole: bool
    address: str | None = None
    account: str | None = None
    service: str | None = None


def leak_in(text: str) -> Leak:
    """The SAS in a text: a URL, or its query alone. Raises NoSasError where there is none that can be looked for."""
    url = _unwrapped(_cleaned(text[:_LONGEST]))
    found = _SIGNATURE.search(url)
    if found is None or not found[1].strip():
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
        service=service_of_host(address) if address else None,
    )


def _cleaned(text: str) -> str:
    """Without what mail, shells and people put around a URL, and into it."""
    text = _in_one_line(_ESCAPE.sub(r"\1", _AMPERSAND.sub("&", text.strip().strip("\"'`<>()[]"))))
    given, endpoint = _SHARED_ACCESS.search(text), _ENDPOINT.search(text)
    if given:
        return _without_the_rest(f"{endpoint[1] if endpoint else ''}?{given[1]}")
    signed = _SIGNED.search(text)
    return _without_the_rest(_from_its_start(text, signed.start() if signed else len(text)))


def _in_one_line(text: str) -> str:
    """A text up to the line in which a URL that was broken into several ends: the signature is whole by then."""
    lines = _LINE_BREAK.split(text)
    signed = _SIGNED.search("".join(lines))
    begin, parts = 0, []
    for line in lines:
        if signed and begin >= signed.end() and not _goes_on(line):
            break
        parts += [" ", line] if _STORAGE.match(line) or _START.match(line) else [line]
        begin += len(line)
    return "".join(parts).strip()


def _goes_on(line: str) -> bool:
    """Whether a line has more parameters of a URL that began before it."""
    word = line.partition(" ")[0]
    return not _START.match(word) and any(mark in word for mark in "&=%")


def _from_its_start(text: str, signed: int) -> str:
    """From the storage host next before the signature on, else from the link that has it, else the query alone."""
    hosts = list(_STORAGE.finditer(text, 0, signed))
    if hosts:
        return text[hosts[-1].start() :] if hosts[-1][1] else f"https://{text[hosts[-1].start() :]}"
    links = [found.start() for found in _START.finditer(text, 0, signed)]
    words = max((text.rfind(blank, 0, signed + 1) for blank in " \t"), default=-1) + 1
    return text[links[-1] if links and links[-1] >= words else words :]


def _without_the_rest(url: str) -> str:
    """Up to the quote that closes it, or the blank after it; a plus in a signature may be a blank by now."""
    url = _END.split(url, maxsplit=1)[0]
    signed = _SIGNED.search(url)
    if signed is None:
        return url
    rest = (url[signed.end() :].split(maxsplit=1) or [""])[0] if not url[signed.end() :][:1].isspace() else ""
    return url[: signed.end()] + rest.rstrip(_AFTER)


def _unwrapped(url: str) -> str:
    """Out of one percent-encoding too many."""
    for _ in range(_MOST_LAYERS):
        found = _SIGNATURE.search(url)
        if (found is None and "%" in url) or (found and "%" in unquote(found[1])):
            url = unquote(url)
        else:
            break
    return url


def _signature(raw: str) -> tuple[str, bool]:
    """The decoded signature, and whether it is one."""
    decoded = unquote(raw).strip()
    whole = _WHOLE.match(decoded)
    return (f"{whole[1].replace(' ', '+')}=", True) if whole else (decoded, False)


def _without_signature(url: str) -> str:
    if "://" not in url and "=" not in url:
        return "This is no URL. Give the whole of it, up to the end of `sig`, in single quotes or on standard input."
    return "There is no `sig` in this URL: it opens nothing, and has no hash to look for."
