"""The phrases that no reading of the source finds, each group with the reason why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from itertools import count
from typing import Final

from pydantic_core._pydantic_core import list_all_errors

from api.problems import STATUSES, sentence_of
from tests.api.phrases_further import FURTHER

NEVER_SAID: Final = frozenset(
    {
        ": {0} is left out.",
        "There is no field The document here{0}",
        "The variable {0} .",
    }
)
"""The search joins every beginning with every end; these two never meet."""
TOO_COMMON: Final = frozenset({"{0} {1}"})
"""Any two words would be one: the sentences that are joined so stand in `JOINED`."""
JOINED: Final = (
    "{0} The last one is taken.",
    "{0} The sign for an unreadable character stands in for it.",
    "There are {0} more findings.",
    "The {0} {1} is missing: {2}",
    "The {0} {1} is missing.",
    "There is no {0} {1}; this node takes: {2}.",
    "There is no {0} {1}.",
    "The {0} {1} is {2}. {3}.",
    "The {0} {1} is {2}; it must be {3}.",
    "The {0} {1}: {2}",
    "The SQL cannot be read near “{0}” (line {1}, column {2}).",
)
"""Put together out of parts (nodes/reading.py, engine/interchange/coze/document.py, the guard of SQL)."""
ENDS: Final = ('; did you mean "{0}"?', ".")
"""The end of a sentence about a word that is not known: `engine.findings.did_you_mean`."""
MISSING: Final = tuple(
    f"There is no such {kind}."
    for kind in (
        "OAuth application",
        "conversation",
        "folder",
        "deleted space",
        "grant",
        "key",
        "knowledge base",
        "member",
        "message",
        "plugin",
        "secret",
        "thing",
        "workspace",
    )
)
"""`storage.ids.parse_id` and `api.open.entering` are given the word; the other kinds say it somewhere in full."""
WORDS: Final = (
    "a list",
    "a text",
    "a number",
    "a boolean",
    "an object",
    "an object of lists",
    "an empty list",
    "no JSON value",
    "a whole number",
    "a whole number of usual size",
    "a whole number of at most 64 bits",
    "true or false",
    "of any type",
    "one of: {0}",
    "one of: {0}, …",
    "something else",
    "nothing",
    "none",
    "the output",
    "the number {0}",
    'the text "{0}"',
    "turns of a loop",
    "items of a batch",
    "compares two numbers, two booleans, or a text with anything",
    "compares the length of a text or a list with a number",
    "looks for a text in a text, a value in a list, or a key in an object",
    "takes no right value",
    "takes a boolean and no right value",
    "compares two numbers",
    "greater than",
    "at least",
    "less than",
    "at most",
    "{0} or more characters",
    "no more than {0} characters",
    "{0} or more entries",
    "no more than {0} entries",
    "{0} or more",
    "The value",
    "The default",
    "The default of {0}",
    "The literal",
    "The draft is no canvas",
    "The canvas cannot be published",
    "asked",
    "started runs",
    "workflow {0}",
    "plugin {0}",
    "Imported workflow {0}",
    "image flow",
    "image generation",
    "image reference",
    "drawing board",
    "scene variables",
    "scene chat",
    "database insert (old)",
    "an internal test",
    "that is not named",
)
"""What a sentence is filled with: the source takes it from tables and functions of types."""
KINDS: Final = (
    "workflow",
    "plugin",
    "tool",
    "model",
    "database",
    "knowledge base",
    "department",
    "organisation",
    "space",
    "instance",
    "departments",
    "organisations",
    "input",
    "setting",
    "title",
    "description",
    "left",
    "operation",
    "plugin key",
    "variable",
)
"""Words that could be somebody's names as well: the translation asks for them by `{0!}`, they stand as `word!`."""
PICKED: Final = (
    "its archive is cut off",
    "something follows the archive that it is",
    "it has more than {0} parts",
    "its archive does not say where its own directory is",
    "it is encrypted",
    "a part of it unpacks to more than {0} times its size",
    "it unpacks to more than {0} MB",
    "it unpacks to more than {0} times its size",
    "parts of it overlap, or something stands before them",
    "its directory does not fit its parts",
    "parts of it overlap",
    "it is no .{0}",
    "it holds macros",
    "it cannot be read",
    "there is more than one document in the text",
    "it is nested more than {0} levels deep",
    "the tag {0} is not taken",
    "the alias *{0} stands for nothing that is whole",
    "with what its aliases stand for it has more than {0} parts",
    "a key must be a text",
    "<< takes an object, or a list of objects",
    "the key {0} stands twice in one object",
    "there is a number with thousands of digits",
)
"""Why a file or a document is refused: raised within, told by another sentence."""
READERS: Final = (
    "Expecting value",
    "Expecting property name enclosed in double quotes",
    "Expecting ',' delimiter",
    "Expecting ':' delimiter",
    "Extra data",
    "Invalid control character at",
    "Unterminated string starting at",
    "Unterminated string",
    "Invalid \\escape",
)
"""What Python's reader of JSON says."""
_STATUSES: Final = sorted({*STATUSES.values(), 400, 405, 406, 408, 416, 500, 503})
_PLURAL: Final = "{expected_plural}"
_NOT_OURS: Final = frozenset(
    {
        "arguments_type",
        "callable_type",
        "complex_str_parsing",
        "complex_type",
        "counter_type",
        "dataclass_exact_type",
        "default_factory_not_called",
        "deque_type",
        "ellipsis_error",
        "fraction_parsing",
        "fraction_type",
        "frozen_dict_type",
        "frozen_field",
        "frozen_instance",
        "frozen_set_type",
        "get_attribute_error",
        "invalid_key",
        "is_instance_of",
        "is_subclass_of",
        "iterable_type",
        "iteration_error",
        "mapping_type",
        "missing_argument",
        "missing_keyword_only_argument",
        "missing_positional_only_argument",
        "missing_sentinel_error",
        "multiple_argument_values",
        "named_tuple_type",
        "needs_python_object",
        "no_such_attribute",
        "ordered_dict_type",
        "set_item_not_hashable",
        "unexpected_keyword_argument",
        "unexpected_positional_argument",
        "value_error",
        "assertion_error",
    }
)
"""Kinds that only values of Python have, no JSON; and the two whose sentence is our own."""


def by_hand() -> Iterator[str]:
    """Every phrase that is listed here."""
    yield from (*JOINED, *ENDS, *MISSING, *WORDS, *PICKED, *READERS, *FURTHER)
    yield from (f"{word}!" for word in KINDS)
    yield from ("List", "Tuple", "Set", "Dictionary", "Value error, {0}", "Assertion failed, {0}")


def statuses() -> Iterator[str]:
    """What an answer says of its status."""
    yield "Something broke on our side. The log says more under the request's id."
    for status in _STATUSES:
        yield HTTPStatus(status).phrase
        yield sentence_of(status)


def checks() -> Iterator[str]:
    """What pydantic says of a field, with its gaps numbered."""
    for error in list_all_errors():
        if error["type"] not in _NOT_OURS:
            for said in {error["message_template_python"], error.get("message_template_json", "")} - {""}:
                yield from (_numbered(said.replace(_PLURAL, plural)) for plural in {"", "s" if _PLURAL in said else ""})


def _numbered(said: str) -> str:
    number = count()
    return re.sub(r"\{\w+\}", lambda _: f"{{{next(number)}}}", said)
