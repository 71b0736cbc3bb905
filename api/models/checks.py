"""Whether the settings of a model fit what its provider takes: every finding at once, each with what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from api.errors import InvalidRequest
from api.models.draft import ModelDraft
from conf.catalogue import Catalogue, ConnectionFacts, ModelFacts, Parameter

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OURS: Final = frozenset({"connection", "content-length", "content-type", "expect", "host", "te", "transfer-encoding"})
"""Headers that say how a request is sent: whoever sends it says so."""
_STOPS: Final = 16
_LONGEST_STOP: Final = 200
_LONGEST_OPTION: Final = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    field: str
    message: str


def check(draft: ModelDraft, catalogue: Catalogue) -> None:
    """Raise `InvalidRequest` with everything that is wrong."""
    if findings := [*_findings(draft, catalogue)]:
        more = f" And {len(findings) - 1} more." if len(findings) > 1 else ""
        errors: list[JsonValue] = [
            {"field": one.field, "code": "invalid_model", "message": one.message} for one in findings
        ]
        raise InvalidRequest(f"{findings[0].message}{more}", errors=errors)


def _findings(draft: ModelDraft, catalogue: Catalogue) -> Iterator[Finding]:
    provider = catalogue.provider(draft.provider)
    if provider is None:
        known = ", ".join(sorted(catalogue.providers))
        yield Finding("provider", f"There is no provider {draft.provider!r}; there are: {known}.")
        return
    facts = catalogue.facts(draft.provider, draft.vendor_model, draft.kind)
    if facts is None:
        kinds = ", ".join(provider.kinds)
        yield Finding("kind", f"{provider.title} has no {draft.kind} models; it has: {kinds}.")
    else:
        yield from _defaults(draft, facts)
    yield from _address(draft.base_url, provider.connection, provider.title)
    yield from _options(draft, provider.connection, provider.title)
    yield from _headers(draft.secret.headers)
    key = draft.secret.api_key
    if provider.connection.needs_key and not draft.secret:
        yield Finding("api_key", f"{provider.title} needs a key.")
    if key != key.strip() or any(not character.isprintable() and character not in "\n\r\t" for character in key):
        yield Finding("api_key", "The key has blanks around it, or characters that no key has.")


def _defaults(draft: ModelDraft, facts: ModelFacts) -> Iterator[Finding]:
    for name, value in draft.defaults.items():
        field = f"defaults.{name}"
        if name == "stop" and draft.kind == "chat":
            yield from _stop(value)
        elif (parameter := facts.parameter(name)) is None:
            names = ", ".join([one.name for one in facts.parameters] + ["stop"] * (draft.kind == "chat"))
            yield Finding(field, f"{draft.vendor_model} does not take {name[:64]}; it takes: {names or 'nothing'}.")
        elif value is None:
            yield Finding(field, f"{name} has no value: leave it out instead.")
        elif complaint := parameter.complaint(value):
            yield Finding(field, f"{name} {complaint}{_usual(parameter)}.")


def _usual(parameter: Parameter) -> str:
    return "" if parameter.default is None else f"; usual is {parameter.default}"


def _stop(value: JsonValue) -> Iterator[Finding]:
    good = isinstance(value, list) and len(value) <= _STOPS
    if not good or not all(isinstance(one, str) and 0 < len(one) <= _LONGEST_STOP for one in value or ()):  # type: ignore[union-attr]
        yield Finding("defaults.stop", f"stop must be a list of at most {_STOPS} texts.")


def _address(base_url: str, connection: ConnectionFacts, title: str) -> Iterator[Finding]:
    if not base_url:
        if connection.needs_base_url:
            yield Finding("base_url", f"{title} needs an address, such as https://models.example.com/v1.")
        return
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    else:
        if parts.username is not None or parts.password is not None:
            yield Finding("base_url", "An address holds no name and no password: they would be shown. Give a key.")
        if parts.fragment or any(character.isspace() for character in base_url):
            usable = False
    if not usable:
        yield Finding("base_url", "The address must look like https://models.example.com/v1.")


def _options(draft: ModelDraft, connection: ConnectionFacts, title: str) -> Iterator[Finding]:
    known = {one.name: one for one in connection.options if draft.kind in one.kinds}
    for name, value in draft.options.items():
        if (option := known.get(name)) is None:
            names = ", ".join(known) or "none"
            yield Finding(
                f"options.{name[:64]}", f"{title} has no such option for {draft.kind} models; it has: {names}."
            )
        elif complaint := option.complaint(value):
            yield Finding(f"options.{name}", f"{option.title} {complaint}.")
        elif len(value) > _LONGEST_OPTION or not value.isprintable():
            yield Finding(f"options.{name}", f"{option.title} must be a text of at most {_LONGEST_OPTION} characters.")
    for name, option in known.items():
        if option.required and not option.default and not draft.options.get(name):
            yield Finding(f"options.{name}", f"{title} needs this: {option.description}")


def _headers(headers: Mapping[str, str]) -> Iterator[Finding]:
    for name, value in headers.items():
        if _HEADER.fullmatch(name) is None or name.lower() in _OURS:
            yield Finding("headers", f"{name[:64]!r} cannot be the name of a further header.")
        elif not value.isascii() or not value.isprintable():
            yield Finding(f"headers.{name}", "The value of a header has visible ASCII characters and blanks alone.")
