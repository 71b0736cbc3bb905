"""Files named by their ids where a run expects their URLs: each becomes the URL that runs read it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from api.access import Member
from engine.canvas import JsonSchema
from engine.file_names import FILE_FORMATS
from engine.schema import as_schema, items_of, properties_of
from engine.values import Json
from storage.ids import parse_id
from storage.stores import Stores


async def with_own_files(
    inputs: Mapping[str, Json], schema: JsonSchema, member: Member, stores: Stores
) -> dict[str, Json]:
    """The inputs, with a URL for each `{"file_id": "…"}`, or the same as JSON in a text, where a file is declared.

    Raises `NotFound` for a file that whoever asks does not see.
    """
    given: dict[str, Any] = dict(inputs)
    for name, declared in properties_of(schema).items():
        if name in given:
            given[name] = await _resolved(given[name], as_schema(declared), member, stores)
    return given


async def inner_url(file_id: str, member: Member, stores: Stores) -> str:
    """The URL by which runs read a file. Raises `NotFound` for one that whoever asks does not see."""
    person = None if member.guest is None else member.person
    files = stores.files.of(member.org_id, member.space_id, person)
    row = await files.get(parse_id(file_id, "file"))
    return stores.links.inner(row.org_id, row.id)


async def _resolved(value: Any, schema: JsonSchema, member: Member, stores: Stores) -> Any:
    if _is_file(schema):
        return value if (file_id := _file_id(value)) is None else await inner_url(file_id, member, stores)
    if isinstance(value, list) and _is_file(items_of(schema)):
        return [await _resolved(item, items_of(schema), member, stores) for item in value]
    if isinstance(value, dict) and (inner := properties_of(schema)):
        return {
            name: await _resolved(member_value, as_schema(inner[name]), member, stores)
            if name in inner
            else member_value
            for name, member_value in value.items()
        }
    return value


def _is_file(schema: JsonSchema) -> bool:
    declared = schema.get("format")
    return isinstance(declared, str) and declared in FILE_FORMATS


def _file_id(value: Any) -> str | None:
    """The id in `{"file_id": "…"}`; None when the value is something else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    found = value.get("file_id") if isinstance(value, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None
