"""Inputs with a type of the author's own: converted before anything reads them, and never absent."""

from __future__ import annotations

from typing import Final, cast

from engine.bindings import Bound
from engine.canvas import JsonSchema
from engine.conversion import convert, zero_fill
from engine.file_names import FILE_FORMATS, KEEPS_FILE_NAME, without_file_name
from engine.plan import Call, Compute, Converse, Emit, Finish, Step
from engine.schema import as_schema, items_of, properties_of

_NONE: Final = False
_USES_FILES: Final = (Call, Compute, Converse, Emit, Finish)


def declare(step: Step, bound: Bound) -> list[str]:
    """Give the bound inputs their declared types, in place; the warnings say what did not fit and is null.

    What is absent or null becomes the zero of its type, unless null is the default of that. A template still shows
    nothing for a source that was skipped: it looks at the source. A step that does something with a file, or says where
    it is, gets its URL without the name of the file, unless it asks for that; on the way through a run the name stays.
    """
    if step.types is None:
        return []
    warnings: list[str] = []
    for name, member in properties_of(step.types).items():
        if name in bound:
            bound[name], said = convert(bound[name], as_schema(member), path=name)
            warnings += said
            if isinstance(step.action, _USES_FILES) and not _keeps_names(step, name):
                bound[name] = _nameless(bound[name], as_schema(member))
    bound |= zero_fill(bound, _with_zeros(step.types))
    return warnings


def _with_zeros(types: JsonSchema) -> JsonSchema:
    """Without the types whose default is null: such an input stays absent, or null."""
    declared = properties_of(types)
    zeros = {name: one for name, one in declared.items() if as_schema(one).get("default", _NONE) is not None}
    return types if len(zeros) == len(declared) else {"properties": zeros}


def _keeps_names(step: Step, name: str) -> bool:
    own = as_schema(properties_of(step.input_schema or {}).get(name))
    return KEEPS_FILE_NAME.items() <= own.items()


def _nameless(value: object, schema: JsonSchema) -> object:
    """The value without the names of files in URLs, as far as the schema says where files are."""
    if isinstance(value, str):
        return without_file_name(value) if schema.get("format") in FILE_FORMATS else value
    if isinstance(value, list) and (items := items_of(schema)):
        return [_nameless(item, items) for item in cast("list[object]", value)]
    if isinstance(value, dict) and (members := properties_of(schema)):
        held = cast("dict[str, object]", value)
        return {name: _nameless(one, as_schema(members.get(name))) for name, one in held.items()}
    return value
