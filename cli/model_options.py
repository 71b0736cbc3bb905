"""The options of `mainspring models add` and `change`, and the request that they make."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from cli.complaint import CommandFailed
from cli.key_input import KeySource, read_headers

F = TypeVar("F", bound=Callable[..., Any])

_PRICES: Final = ("input", "output", "cached_input", "currency")
_CAPABILITIES: Final = (
    "tools", "images", "audio", "video", "files", "reasoning", "json_schema", "json_object", "streaming",
)  # fmt: skip

_OPTIONS: Final = (
    click.option("--title", help="What people read."),
    click.option("--base-url", metavar="URL", help="Where it is reached, where that is not the provider's address."),
    click.option("--key-env", metavar="VARIABLE", help="The environment variable that holds the key."),
    click.option("--key-file", type=click.Path(path_type=Path), help="A file that holds the key; - is standard input."),
    click.option("--key-prompt", is_flag=True, help="Ask for the key."),
    click.option(
        "--header-env", "headers", multiple=True, metavar="NAME=VARIABLE", help="A further header, kept like the key."
    ),
    click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="What else its connection has."),
    click.option("--set", "defaults", multiple=True, metavar="NAME=VALUE", help="A default: temperature=0.7, for one."),
    click.option(
        "--can", "capabilities", multiple=True, metavar="NAME[=no]", help=f"What it can do: {', '.join(_CAPABILITIES)}."
    ),
    click.option("--concurrency", type=click.IntRange(0), help="The most calls at a time; 0 is no bound."),
    click.option("--requests-per-minute", type=click.IntRange(0), help="The most calls a minute."),
    click.option("--tokens-per-minute", type=click.IntRange(0), help="The most tokens a minute."),
    click.option("--first-token-seconds", type=click.FloatRange(0, min_open=True), help="The longest wait for it."),
    click.option("--gap-seconds", type=click.FloatRange(0, min_open=True), help="The longest wait between two pieces."),
    click.option(
        "--price", "prices", multiple=True, metavar="NAME=VALUE",
        help="What a million tokens cost: input=0.28, output=0.42, cached_input=0.03, currency=USD.",
    ),
    click.option("--fallback", multiple=True, metavar="MODEL", help="Who is asked when this one cannot be had."),
    click.option("--media", type=click.Choice(["inline", "url"]), help="Send pictures and files, or their addresses."),
    click.option("--default/--no-default", "is_default", default=None, help="What `default` means."),
    click.option("--test/--no-test", default=True, help="Try it with one short call before it is saved."),
    click.option("--json", "as_json", is_flag=True, help="Print it as JSON."),
)  # fmt: skip


def model_options(function: F) -> F:
    """Everything that may be said of a model, besides what it is."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@dataclass(frozen=True)
class Said:
    """What was said on the command line."""

    words: Mapping[str, Any]

    @property
    def key(self) -> KeySource:
        """Where the key is to be read from."""
        return KeySource(self.words["key_env"], self.words["key_file"], self.words["key_prompt"])

    def body(self) -> dict[str, Any]:
        """The request, with no more in it than was said, and without the key."""
        words = self.words
        plain = {name: words[name] for name in ("title", "base_url", "media", "is_default")}
        body: dict[str, Any] = {name: value for name, value in plain.items() if value is not None}
        if words["headers"]:
            body["headers"] = read_headers(words["headers"])
        if words["options"]:
            body["options"] = dict(_pairs(words["options"], "--option"))
        if words["defaults"]:
            body["defaults"] = {name: _value(text) for name, text in _pairs(words["defaults"], "--set")}
        if words["capabilities"]:
            body["capabilities"] = dict(_ability(one) for one in words["capabilities"])
        for field, names in (
            ("quota", ("concurrency", "requests_per_minute", "tokens_per_minute")),
            ("patience", ("first_token_seconds", "gap_seconds")),
        ):
            if given := {name: words[name] for name in names if words[name] is not None}:
                body[field] = given
        if words["prices"]:
            body["prices"] = _prices(words["prices"])
        if words["fallback"]:
            body["fallback"] = [*words["fallback"]]
        if not words["test"]:
            body["test"] = False
        return body


def _pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    pairs = [text.partition("=") for text in texts]
    for (name, equals, _), text in zip(pairs, texts, strict=True):
        if not equals or not name.strip():
            raise CommandFailed(f"{option} takes NAME=VALUE; {text!r} is not that.")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def _value(text: str) -> Any:
    """A number, a truth or a list as JSON writes them; anything else is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ability(text: str) -> tuple[str, bool]:
    name, _, answer = text.partition("=")
    if name not in _CAPABILITIES or answer not in ("", "yes", "no"):
        raise CommandFailed(f"--can takes one of {', '.join(_CAPABILITIES)}, perhaps with =no; {text!r} is not that.")
    return name, answer != "no"


def _prices(texts: Iterable[str]) -> dict[str, Any]:
    prices: dict[str, Any] = {}
    for name, text in _pairs(texts, "--price"):
        if name not in _PRICES:
            raise CommandFailed(f"A price is one of {', '.join(_PRICES)}; {name!r} is none.")
        prices[name] = text if name == "currency" else _value(text)
    return prices
