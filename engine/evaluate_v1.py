"""The operations of `Compute` steps, version 1. Frozen: a published plan gives tomorrow what it gave today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, cast

from engine.canvas import JsonSchema
from engine.conditions import type_name
from engine.conversion import convert
from engine.errors import InvalidInput, LimitExceeded, NodeFailed
from engine.json_text import read_json, write_json
from engine.limits import DEFAULT_LIMITS, Limits
from engine.schema import as_schema, properties_of
from engine.templates import Filled, render, to_text
from engine.values import MISSING, Json

MOST_DELIMITERS: Final = 50


@dataclass(frozen=True, slots=True)
class Computed:
    """An operation's output, and what its author should know."""

    output: dict[str, object]
    warnings: tuple[str, ...] = ()


class Operation(Protocol):
    """A pure, total, bounded function of bound inputs and fixed settings; `schema` is the declared output."""

    def __call__(
        self,
        inputs: Mapping[str, object],
        settings: Mapping[str, Json],
        schema: JsonSchema | None,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> Computed: ...


def concat(parts: Iterable[str | Filled], joiner: str, *, limit_bytes: int = DEFAULT_LIMITS.rendered_bytes) -> str:
    """The text of a template's parts, with `joiner` between the elements of a list that fills a placeholder."""
    return render(_laid_out(parts, joiner), limit_bytes=limit_bytes)


def _laid_out(parts: Iterable[str | Filled], joiner: str) -> Iterator[str | Filled]:
    # One by one, so that the limit is hit before a long joiner between many elements fills the memory.
    for part in parts:
        if isinstance(part, Filled) and isinstance(part.value, list) and not part.skipped:
            for number, element in enumerate(cast("list[object]", part.value)):
                if number:
                    yield joiner
                yield to_text(element)
        else:
            yield part


def split(text: str, delimiters: Sequence[str]) -> list[str]:
    """Cut at the first delimiter, each piece at the next, and so on; empty pieces stay.

    An empty delimiter cuts between all characters.
    """
    if not delimiters:
        raise InvalidInput("A text cannot be split without a delimiter: name at least one.", field="delimiters")
    if len(delimiters) > MOST_DELIMITERS:
        raise LimitExceeded(
            f"A text can be split at up to {MOST_DELIMITERS} delimiters; these are {len(delimiters)}.",
            limit=MOST_DELIMITERS,
            field="delimiters",
        )
    pieces = [text]
    for delimiter in delimiters:
        if delimiter == "":
            pieces = [character for piece in pieces for character in piece]
        else:
            pieces = [cut for piece in pieces for cut in piece.split(delimiter)]
    return pieces


def _text_concat(
    inputs: Mapping[str, object],
    settings: Mapping[str, Json],
    schema: JsonSchema | None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Computed:
    """Input `template`: the parts of a template, or any value in the place of a whole one. Setting `joiner`."""
    template, joiner = inputs.get("template"), settings.get("joiner")
    parts: list[str | Filled] = [Filled(template, "")]
    if isinstance(template, list) and all(isinstance(part, (str, Filled)) for part in cast("list[object]", template)):
        parts = cast("list[str | Filled]", template)
    text = concat(parts, joiner if isinstance(joiner, str) else "", limit_bytes=limits.rendered_bytes)
    return Computed({"output": text})


def _text_split(
    inputs: Mapping[str, object],
    settings: Mapping[str, Json],
    schema: JsonSchema | None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Computed:
    """Input `text`. `delimiters` are a setting, or an input where the settings have none."""
    text, delimiters = inputs.get("text"), settings.get("delimiters", cast("Json", inputs.get("delimiters")))
    if not isinstance(text, str):
        raise NodeFailed(f"Only a text can be split, but {type_name(text)} came.", field="text")
    given = delimiters if isinstance(delimiters, list) else []
    return Computed({"output": split(text, [delimiter for delimiter in given if isinstance(delimiter, str)])})


def _json_to(
    inputs: Mapping[str, object],
    settings: Mapping[str, Json],
    schema: JsonSchema | None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Computed:
    """Input `input`: any value; an absent one is null."""
    value = inputs.get("input")
    return Computed({"output": write_json(None if value is MISSING else value)})


def _json_from(
    inputs: Mapping[str, object],
    settings: Mapping[str, Json],
    schema: JsonSchema | None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Computed:
    """Input `input`: a JSON text. Its value is converted to the type declared for `output`."""
    text = inputs.get("input")
    if not isinstance(text, str):
        raise NodeFailed(f"Only a text can be read as JSON, but {type_name(text)} came.", field="input")
    try:
        value = read_json(text)
    except InvalidInput as error:
        raise NodeFailed(error.message, **error.facts) from error
    declared = as_schema(properties_of(schema or {}).get("output"))
    due = {"object": "an object", "array": "a list"}.get(str(declared.get("type")))
    if due is not None and value is not None and type_name(value) != due:
        raise NodeFailed(
            f"The JSON text holds {type_name(value)}, but the output is declared as {due}.", field="output"
        )
    converted, warnings = convert(value, declared, path="output")
    return Computed({"output": converted}, tuple(warnings))


def _nothing(
    inputs: Mapping[str, object],
    settings: Mapping[str, Json],
    schema: JsonSchema | None,
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> Computed:
    """For what is drawn and does nothing."""
    return Computed({})


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "text.concat": _text_concat,
        "text.split": _text_split,
        "json.to": _json_to,
        "json.from": _json_from,
        "nothing": _nothing,
    }
)
