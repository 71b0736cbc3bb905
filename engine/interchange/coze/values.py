"""Values: what a block input of Coze says (a literal, a reference, an object put together) as an expression of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from engine.canvas import SCOPES, JsonSchema
from engine.conversion import convert
from engine.errors import FlowError
from engine.findings import short
from engine.interchange.coze.fields import Fields, shown, text_of
from engine.interchange.coze.places import LOOP, Place
from engine.interchange.coze.reader import UNSET, Expr, Reader
from engine.interchange.coze.schemas import is_file
from engine.references import LONGEST_PATH
from engine.schema import items_of

FILE_NAME: Final = "x-wf-file_name"
"""The query parameter by which the URL of a file tells its name."""
_SCOPES: Final[Mapping[str, str]] = {
    "global_variable_user": "user",
    "global_variable_app": "app",
    "global_variable_system": "system",
}
_DEEPEST: Final = 20
_OUTPUT: Final = 2
"""Parts of a reference to a whole output; one with more goes into it."""


def block_input(reader: Reader, value: object, path: str, depth: int = 0) -> tuple[Expr, JsonSchema]:
    """The expression and the declared type of a block input. What makes no sense is reported and stays unset."""
    if not isinstance(value, dict):
        reader.error("no_value", "There is no value where one is needed.", path)
        return dict(UNSET), {}
    fields = Fields(value, path)
    schema = reader.types.of(fields)
    given = fields.inner("value")
    word = given.get("type")
    content = given.get("content")
    raw_meta = given.get("rawMeta")
    expression: Expr
    match word:
        case "literal":
            expression = _literal(reader, content, schema, raw_meta, given)
        case "ref":
            expression = reference(reader, content, given.at("content"))
        case "object_ref":
            expression = _object(reader, fields, depth)
        case _ if not given:
            reader.error("no_value", "There is no value where one is needed.", path)
            expression = dict(UNSET)
        case _:
            message = f"There is no kind of value {shown(word)}: there are literal, ref and object_ref."
            reader.error("unknown_value", message, given.at("type"))
            expression = dict(UNSET)
    reader.unknown(given)
    reader.unknown(fields, ("rawMeta", "name", "required", "description", "readOnly", "defaultValue"))
    return expression, schema


def _object(reader: Reader, fields: Fields, depth: int) -> Expr:
    members: dict[str, Expr] = {}
    if depth > _DEEPEST:
        reader.error("too_deep", "Objects within objects go too deep here; the inner ones are left out.", fields.path)
        return {"object": members}
    for one in reader.objects(fields, "schema"):
        name = text_of(one.get("name"))
        if not name:
            reader.error("nameless", "A member without a name is left out.", one.path)
            continue
        if name in members:
            reader.warning("declared_twice", f'"{short(name)}" stands twice; the last one counts.', one.path)
        inner = one.get("input")
        if inner is None and "value" in one:
            # Some versions of the editor write the block input straight into the member.
            members[name], _ = block_input(reader, dict(one.items()), one.path, depth + 1)
            continue
        members[name], _ = block_input(reader, inner, one.at("input"), depth + 1)
        reader.unknown(one, ("name", "type", "required", "description", "readOnly", "assistType", "schema"))
    return {"object": members}


# --- references ---


def reference(reader: Reader, content: object, path: str) -> Expr:
    """What a reference reads."""
    if content is None or content == "" or not isinstance(content, dict):
        reader.error("empty_reference", "The reference names nothing.", path)
        return dict(UNSET)
    fields = Fields(content, path)
    source = fields.get("source")
    strict = False
    if isinstance(source, str) and source in _SCOPES:
        found = _variable(reader, _SCOPES[source], fields)
    elif source == "block-output" or (source is None and "blockID" in fields):
        name = fields.get("name")
        keys = name.split(".") if isinstance(name, str) and name else []
        found = block_output(reader, text_of(fields.get("blockID")), keys, path)
        strict = found is not None and len(found) > _OUTPUT and found[0] not in SCOPES
    else:
        reader.error("unknown_source", f"There is no source {shown(source)} of references.", fields.at("source"))
        found = None
    reader.unknown(fields, ("name", "blockID", "path", "source"))
    if found is None:
        return dict(UNSET)
    return {"ref": found, "strict": True} if strict else {"ref": found}


def _variable(reader: Reader, scope: str, fields: Fields) -> list[str | int] | None:
    path = fields.get("path")
    if path is None:
        name = fields.get("name")
        path = name.split(".") if isinstance(name, str) else None
    if isinstance(path, str):
        path = [path]
    if not isinstance(path, list) or not path or not all(isinstance(part, str) and part for part in path):
        reader.error("empty_reference", "The reference names no variable.", fields.at("path"))
        return None
    return _fitting(reader, [scope, *path], fields.path)


def block_output(reader: Reader, block: str, keys: list[str], path: str) -> list[str | int] | None:
    """The way to an output of a node, or to what the composite around this one gives its turns. None where none is."""
    if not block:
        reader.error("empty_reference", "The reference names no node: its blockID is empty.", path)
        return None
    owner = reader.owner
    if owner is not None and block == owner.source:
        return _fitting(reader, _of_the_turn(reader, owner, keys, path), path)
    place = reader.around.places.by_source.get(block)
    if place is None:
        reader.error("unknown_node", f'The reference names the node "{short(block)}", which is not there.', path)
        return _fitting(reader, [block, *keys], path)
    first = [place.outputs.get(key, key) for key in keys[:1]]
    return _fitting(reader, [place.id, *first, *keys[1:]], path)


def _of_the_turn(reader: Reader, owner: Place, keys: list[str], path: str) -> list[str | int]:
    name = keys[0] if keys else ""
    if name in owner.variables:
        return ["loop", *keys]
    if name in owner.arrays:
        return ["item", *keys]
    if name == "index" and len(keys) == 1:
        return ["index"]
    message = (
        f'"{short(name)}" is no list and no variable of the {"loop" if owner.type == LOOP else "batch"} around this'
        " node, so its turns do not know it: there is no value here. Refer to what lies outside instead."
    )
    reader.warning("unreadable_in_body", message, path)
    # An item has no such member, so that the value is absent, as it is there.
    return ["item", *keys] if keys else ["item", ""]


def _fitting(reader: Reader, ref: list[Any], path: str) -> list[str | int] | None:
    if len(ref) > LONGEST_PATH:
        reader.error("path_too_long", f"A reference has at most {LONGEST_PATH} parts; this one has more.", path)
        return None
    return ref


# --- literals ---


def _literal(reader: Reader, content: Any, schema: JsonSchema, raw_meta: object, given: Fields) -> Expr:
    path = given.at("content")
    if content is None:
        reader.error("literal_null", "The literal has no content; it is null now.", path)
        return {"value": None}
    kind = schema.get("type")
    if kind in ("object", "array") and isinstance(content, str):
        made = _parsed(reader, content, str(kind), path)
    elif kind is None:
        made = content
    else:
        made = _converted(reader, content, schema, path)
    file_of = schema if kind == "string" else items_of(schema)
    return {"value": _named_files(reader, made, raw_meta, given) if is_file(file_of) else made}


def _parsed(reader: Reader, text: str, kind: str, path: str) -> Any:
    what = "a list" if kind == "array" else "an object"
    if not text.strip():
        reader.error("literal_type", f"The literal is empty, and {what} is needed; it is null now.", path)
        return None
    try:
        made = reader.around.inner.read(text)
    except ValueError as error:
        reader.error("literal_type", f"The literal is to be the JSON text of {what}. {error}", path)
        return None
    if not isinstance(made, list if kind == "array" else dict):
        reader.error("literal_type", f"The literal is to be {what}, and it is none; it is null now.", path)
        return None
    return made


def _converted(reader: Reader, content: Any, schema: JsonSchema, path: str) -> Any:
    if isinstance(content, str) and schema.get("type") == "string":
        return content
    try:
        made, problems = convert(content, schema, path="The literal")
    except FlowError as error:
        made, problems = None, [error.message]
    if problems:
        reader.error("literal_type", f"{problems[0]} It is null now.", path)
        return None
    return made


def _named_files(reader: Reader, made: Any, raw_meta: object, given: Fields) -> Any:
    """URLs of files with the names that the editor knows them by."""
    if not isinstance(raw_meta, dict):
        return made
    names = Fields(raw_meta, given.at("rawMeta")).get("fileName")
    if names is None:
        reader.error("no_file_name", "The file has no name: its rawMeta lacks fileName.", given.at("rawMeta"))
        return made
    if isinstance(made, str):
        return _with_name(made, names[0] if isinstance(names, list) and names else names)
    if isinstance(made, list):
        given_names = names if isinstance(names, list) else [names]
        return [
            _with_name(url, given_names[number] if number < len(given_names) else None)
            for number, url in enumerate(made)
        ]
    return made


def _with_name(url: Any, name: object) -> Any:
    if not isinstance(url, str) or not isinstance(name, str) or not name or f"{FILE_NAME}=" in url:
        return url
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{FILE_NAME}={quote(name, safe='')}{mark}{fragment}"
