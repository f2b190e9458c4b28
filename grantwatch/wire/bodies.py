"""Request and response bodies, reduced to their declared fields."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_args, get_origin

import msgspec

from grantwatch.model.bodies import Body, folded
from grantwatch.wire.fields import safe

_DEEPEST = 16
_MOST_ENCODINGS = 3
_JSON = json.JSONDecoder(strict=False)
_Declared = Mapping[str, "_Declared"]


def reduced(value: Any, kinds: Sequence[type[Body]]) -> dict[str, dict[str, Any]]:
    """A body, as object or as JSON text, by the name of each type; empty where it cannot be read. Never raises."""
    if not kinds or not value:
        return {}
    value = _decoded(value)
    if not isinstance(value, dict):
        return {}
    return {kind.__name__: msgspec.to_builtins(_tolerant(_folded(value, _declared(kind)), kind)) for kind in kinds}


def prepare(kinds: Iterable[type[Body]]) -> None:
    """Have msgspec look at the types now. It does so when one is first needed, and crashes if two threads need one."""
    for kind in kinds:
        msgspec.convert({}, kind, strict=False)


def _decoded(value: Any) -> Any:
    """The object in a body that may be encoded, even twice, or stand alone in a list."""
    for _ in range(_MOST_ENCODINGS):
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        if not isinstance(value, str):
            break
        try:
            value = _JSON.decode(value.lstrip("\ufeff"))
        except (ValueError, RecursionError):
            return None
    return value


def _folded(value: Any, declared: _Declared, depth: int = 0) -> Any:
    """What is declared of a value, with every key in lower case; resource providers take any case.

    Of two alike keys the last holds, and objects under them are one: that is how Azure's usual JSON reader, which
    fills one object from left to right, takes them.
    """
    if isinstance(value, str):
        return safe(value)
    if depth > _DEEPEST:
        return None
    if isinstance(value, list):
        return [_folded(member, declared, depth + 1) for member in value[:1024]]
    if not isinstance(value, dict):
        return value
    spelled: dict[str, Any] = {}
    for key, member in value.items():
        name = key.lower()
        if name in declared:
            inner = _folded(member, declared[name], depth + 1)
            before = spelled.get(name)
            spelled[name] = {**before, **inner} if isinstance(before, dict) and isinstance(inner, dict) else inner
    return spelled


def _tolerant(value: Any, kind: Any) -> Any:
    """``value`` as ``kind``, reading as absent whatever has another type."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, ValueError, RecursionError):
        pass
    inner = _unwrapped(kind)
    if isinstance(inner, type) and issubclass(inner, Body):
        if not isinstance(value, dict):
            return inner() if inner is kind else None
        return inner(**{name: _tolerant(value.get(folded(name)), hint) for name, hint in _hints(inner)})
    if get_origin(inner) is tuple and isinstance(value, list):
        (member, _) = get_args(inner)
        return tuple(found for each in value if (found := _tolerant(each, member)) is not None)
    return None


def _unwrapped(kind: Any) -> Any:
    """``X`` for ``X | None``."""
    present = [each for each in get_args(kind) if each is not type(None)]
    return present[0] if len(present) == 1 and type(None) in get_args(kind) else kind


@lru_cache(maxsize=256)
def _declared(kind: Any) -> _Declared:
    """The keys of a type, in lower case, each with those of the objects under it; a plain value has none."""
    inner = _unwrapped(kind)
    if get_origin(inner) is tuple:
        inner = get_args(inner)[0]
    if not (isinstance(inner, type) and issubclass(inner, Body)):
        return {}
    return {folded(name): _declared(hint) for name, hint in _hints(inner)}


@lru_cache(maxsize=256)
def _hints(kind: type[Body]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.type) for field in msgspec.structs.fields(kind))
