"""Secrets in what records and events show: there is one, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.canvas import JsonSchema
from engine.schema import as_schema, properties_of
from engine.values import BlobRef

HIDDEN: Final = "***"
"""What stands for a value whose schema says `"format": "password"`, and for that of a header known to hold a key."""
HEADERS: Final = "headers"
"""The input whose members, or pairs of name and value, are headers."""
SECRET_HEADERS: Final = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "proxy-authorization",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
    }
)

Path = tuple[str, ...]


def secrets_of(schema: JsonSchema) -> Iterator[Path]:
    """Where a value of this type holds secrets."""
    for name, member in properties_of(schema).items():
        inner = as_schema(member)
        if inner.get("format") == "password":
            yield (name,)
        else:
            yield from ((name, *path) for path in secrets_of(inner))


def without_secrets(values: Mapping[str, object], secrets: tuple[Path, ...]) -> dict[str, Any]:
    """The values with stars in the place of secrets. What is changed is copied: the step itself needs them."""
    made = dict(values)
    for path in secrets:
        _hide(made, path)
    return made


def without_secret_headers(values: Mapping[str, object]) -> dict[str, Any]:
    """The same for headers that are known to hold keys."""
    made = dict(values)
    match made.get(HEADERS):
        case dict() as headers:
            made[HEADERS] = {name: _header(name, value) for name, value in headers.items()}
        case list() as pairs:
            made[HEADERS] = [_pair(pair) for pair in pairs]
        case BlobRef():
            # Its preview would show the first of them.
            made[HEADERS] = HIDDEN
        case _:
            pass
    return made


def _hide(members: dict[str, Any], path: Path) -> None:
    name, rest = path[0], path[1:]
    value = members.get(name)
    if rest and isinstance(value, dict):
        members[name] = dict(value)
        _hide(members[name], rest)
    elif value not in (None, ""):
        members[name] = HIDDEN


def _header(name: object, value: object) -> object:
    secret = isinstance(name, str) and name.strip().lower() in SECRET_HEADERS
    return HIDDEN if secret and value not in (None, "") else value


def _pair(pair: object) -> object:
    if not isinstance(pair, dict) or "value" not in pair:
        return pair
    return pair | {"value": _header(pair.get("name", pair.get("key")), pair["value"])}
