"""Reads a request body strictly, once: what JSON leaves open is refused instead of guessed.

Duplicate keys, bad UTF-8, endless nesting and endless integers are not JSON to us (400). NaN, infinities, NUL and lone
surrogates, and integers beyond 64 bits are values we do not accept (422, with a pointer).
"""

import json
import math
from typing import Any

from app.core.errors import invalid_json, json_pointer, validation

MAX_DEPTH = 64
MAX_INTEGER = 2**63 - 1


class _NotFinite:
    """Stands where the text had NaN, an infinity or a number too large to be one."""


_NOT_FINITE = _NotFinite()


class _Duplicate(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Duplicate
    return found


def _float(text: str) -> float | _NotFinite:
    value = float(text)
    return value if math.isfinite(value) else _NOT_FINITE


def _constant(_name: str) -> _NotFinite:
    return _NOT_FINITE


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def check_json(data: bytes) -> None:
    """Raise the problem of a body that is not acceptable JSON; what remains is for its schema to judge."""
    try:
        value = _decoder.decode(data.decode("utf-8"))
    except _Duplicate:
        raise invalid_json("An object has the same key twice.") from None
    except UnicodeDecodeError:
        raise invalid_json("The body is not UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    errors: list[dict[str, str]] = []
    _inspect(value, errors)
    if errors:
        raise validation(errors)


def _not_json(error: Exception) -> Exception:
    if isinstance(error, json.JSONDecodeError):
        return invalid_json(f"The body is not JSON: line {error.lineno}, column {error.colno}.")
    if isinstance(error, RecursionError):
        return invalid_json(f"The body is nested deeper than {MAX_DEPTH} levels.")
    return invalid_json("The body has a number that is too long.")


def _inspect(value: Any, errors: list[dict[str, str]]) -> None:
    pending: list[tuple[Any, tuple[Any, ...]]] = [(value, ())]
    while pending:
        item, path = pending.pop()
        if len(path) > MAX_DEPTH:
            raise invalid_json(f"The body is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(item, dict):
            for key, child in item.items():
                if not is_storable(key):
                    errors.append(_error(path, "character_refused", "A key has a NUL or a lone surrogate."))
                pending.append((child, (*path, key)))
        elif isinstance(item, list):
            pending.extend((child, (*path, index)) for index, child in enumerate(item))
        elif isinstance(item, str) and not is_storable(item):
            errors.append(_error(path, "character_refused", "Has a NUL or a lone surrogate."))
        elif isinstance(item, _NotFinite):
            errors.append(_error(path, "number_not_finite", "Must be a finite number."))
        elif isinstance(item, int) and not -MAX_INTEGER - 1 <= item <= MAX_INTEGER:
            errors.append(_error(path, "integer_too_large", "Must fit into 64 bits."))


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, and encodable as UTF-8."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def _error(path: tuple[Any, ...], code: str, detail: str) -> dict[str, str]:
    safe = tuple(part if not isinstance(part, str) or is_storable(part) else "?" for part in path)
    return {"pointer": json_pointer(safe), "code": code, "detail": detail}
