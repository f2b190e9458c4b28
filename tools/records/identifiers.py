"""Identifiers, hashes and times in the notations of Azure, all of them visibly synthetic."""

import hashlib
from datetime import datetime
from functools import cache
from random import Random


@cache
def synthetic_guid(*words: str) -> str:
    """Return the GUID that these words always get; its eight leading zeros tell that nobody owns it."""
    return _guid(hashlib.sha256("/".join(words).encode()).hexdigest())


def random_guid(rng: Random) -> str:
    """Return a fresh GUID with the same eight leading zeros."""
    return _guid(f"{rng.getrandbits(92):023x}")


def _guid(digits: str) -> str:
    return f"00000000-{digits[:4]}-4{digits[4:7]}-8{digits[7:10]}-{digits[10:22]}"


def undashed(guid: str) -> str:
    """Return the 32-digit notation in which the evidence of an authorization gives its ids."""
    return guid.replace("-", "")


@cache
def sha256_upper(*words: str) -> str:
    """Return an upper-case SHA-256, the notation of every `tokenHash`."""
    return hashlib.sha256("/".join(words).encode()).hexdigest().upper()


def signature_hash(label: str) -> str:
    """Return the SHA-256 by which storage logs name the SAS with this label."""
    return sha256_upper("signature", label)


def storage_request_id(rng: Random) -> str:
    """Return an `x-ms-request-id`: shaped like a GUID, but not one."""
    digits = f"{rng.getrandbits(80):020x}"
    return f"{digits[:8]}-{digits[8:11]}e-00{digits[11:13]}-{digits[13:17]}-{digits[14:20]}000000"


def timestamp(at: datetime) -> str:
    """Return a UTC time with the seven fractional digits of Azure Monitor."""
    return f"{at.isoformat(timespec='microseconds')[:26]}{at.microsecond * 7 % 10}Z"
