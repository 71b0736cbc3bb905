"""The pages about node types, one each and an index, made from the node types themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from engine.canvas import JsonSchema
from engine.node_type import Category, NodeType, Role
from engine.schema import as_schema, items_of, others_of, properties_of, required_of
from engine.values import Json
from nodes.library import built_in_library
from nodes.palette import CATEGORY_TITLES, starting_ports
from nodes.schema import schema_of

FOLDER: Final = "docs/nodes"
COVERAGE: Final = f"{FOLDER}/coverage.md"
"""Stands beside the pages, and is written by the tests: what of imported canvases is tried out."""
DEEPEST: Final = 3
"""Members of members are told in the same table, down to here."""


def render_docs() -> dict[str, str]:
    """Every page by its path from the project's root. Only our own node types: the same on every machine."""
    types = list(built_in_library().types.values())
    pages = {f"{FOLDER}/{node_type.name}.md": docs_page(node_type) for node_type in types}
    return {f"{FOLDER}/index.md": _index(types), **dict(sorted(pages.items()))}


def stale_docs(root: Path) -> list[str]:
    """The paths of pages that are missing, out of date, or about nothing any more."""
    pages = render_docs()
    old = [path for path, text in pages.items() if _read(root / path) != text]
    there = {path.relative_to(root).as_posix() for path in (root / FOLDER).glob("*.md")}
    return [*old, *sorted(there - pages.keys() - {COVERAGE})]


def _read(page: Path) -> str | None:
    return page.read_text("utf-8") if page.is_file() else None


def write_docs(root: Path) -> list[str]:
    """Bring the pages under `root` up to date; the paths of those that were not."""
    pages = render_docs()
    changed = stale_docs(root)
    for path in changed:
        if path in pages:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(pages[path], "utf-8")
        else:
            (root / path).unlink()
    return changed


def docs_page(node_type: NodeType) -> str:
    """The page of a node type, in Markdown."""
    return "\n".join(_page(node_type)).rstrip() + "\n"


def _index(types: list[NodeType]) -> str:
    lines = [
        "# Node types",
        "",
        "Made from the node types by `mainspring docs`; `mainspring nodes` lists those installed here.",
    ]
    for category in Category:
        group = [one for one in types if one.category is category]
        if group:
            lines += ["", f"## {CATEGORY_TITLES[category]}", "", "| Node type | What it does |", "| --- | --- |"]
            lines += [f"| [{one.title}]({one.name}.md) `{one.name}` | {_cell(_first_sentence(one))} |" for one in group]
    return "\n".join(lines) + "\n"


def _first_sentence(node_type: NodeType) -> str:
    paragraph = " ".join(node_type.description.partition("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + "." if stop else paragraph


def _page(node_type: NodeType) -> Iterator[str]:
    yield f"# {node_type.title}"
    yield ""
    yield f"`{node_type.name}` · {CATEGORY_TITLES[node_type.category]} · version {node_type.version}"
    yield ""
    yield node_type.description
    yield from _inputs(node_type.inputs)
    if node_type.settings is not None:
        yield from ("", "## Settings", "", "Fixed when the canvas is drawn: no reference fills them.", "")
        yield from _table(schema_of(node_type.settings))
    yield from _outputs(node_type)
    yield from _ways_out(node_type)
    yield from _examples(node_type)


def _inputs(schema: JsonSchema) -> Iterator[str]:
    named, free = properties_of(schema), schema.get("additionalProperties") not in (None, False)
    if not named and not free:
        return
    yield from ("", "## Inputs", "")
    if named:
        yield from _table(schema)
    if free:
        yield from ("",) if named else ()
        yield "Further inputs may have any name." if named else "Inputs may have any name."


def _outputs(node_type: NodeType) -> Iterator[str]:
    closed = node_type.outputs is not None and node_type.outputs.get("additionalProperties") in (None, False)
    if closed and not properties_of(node_type.outputs or {}):
        return
    yield from ("", "## Output", "")
    if node_type.outputs is not None and not properties_of(node_type.outputs):
        yield "The inputs."
    elif node_type.outputs is not None:
        yield from _table(node_type.outputs, required=False)
    elif node_type.role is Role.COMPOSITE:
        yield "A value for each name in `results`."
    elif node_type.role is Role.END:
        yield "The inputs; with a declared output they are converted to its types."
    else:
        yield "As the canvas declares it."


def _ways_out(node_type: NodeType) -> Iterator[str]:
    ports = starting_ports(node_type)
    if callable(node_type.ports):
        shown = ", ".join(f"`{port}`" for port in ports) or "the plain one"
        yield from ("", "## Ways out", "", f"They depend on the settings. A new node has: {shown}.")
    elif ports:
        yield from ("", "## Ways out", "", ", ".join(f"`{port}`" for port in ports) + ".")
    if node_type.handles_errors:
        yield from ("", "## Errors", "", "`on_error` may hand on a default output, or leave by the port `error`.")


def _examples(node_type: NodeType) -> Iterator[str]:
    if node_type.examples:
        yield from ("", "## Examples" if len(node_type.examples) > 1 else "## Example")
    for example in node_type.examples:
        yield ""
        if example.title:
            yield from (f"{example.title}:", "")
        given: dict[str, Json] = {"inputs": dict(example.inputs)}
        if example.settings:
            given["settings"] = dict(example.settings)
        yield from ("```json", _json({**given, "output": example.output}), "```")


def _table(schema: JsonSchema, *, required: bool = True) -> Iterator[str]:
    """The members of an object, one a row; members of members with their path."""
    yield from ("| Name | Type | Meaning |", "| --- | --- | --- |")
    for path, member, needed in _rows(schema, "", 1):
        meaning = str(member.get("description", ""))
        if needed and required:
            meaning = f"Required. {meaning}".strip()
        if (default := member.get("default")) not in (None, "", [], {}):
            meaning = f"{meaning} Default: `{_short(default)}`.".strip()
        yield f"| `{path}` | {_cell(_type(member))} | {_cell(meaning)} |"


def _rows(schema: JsonSchema, prefix: str, depth: int) -> Iterator[tuple[str, JsonSchema, bool]]:
    needed = required_of(schema)
    for name, part in properties_of(schema).items():
        member, path = as_schema(part), f"{prefix}{name}"
        yield path, member, name in needed
        if depth < DEEPEST:
            inner = items_of(member) if member.get("type") == "array" else member
            yield from _rows(inner, f"{path}[]." if inner is not member else f"{path}.", depth + 1)


def _type(schema: Mapping[str, Json]) -> str:
    if isinstance(choices := schema.get("enum"), list):
        return " or ".join(f"`{choice}`" for choice in choices)
    if schema.get("format") == "expression":
        return "expression"
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(items_of(dict(schema)))}"
    if kind == "object" and (others := others_of(dict(schema))):
        return f"object of {_type(others)}"
    return kind if isinstance(kind, str) else "any"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _short(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json(value: Json) -> str:
    """JSON with one line for each member, short lists and objects on one line: an example is read, not parsed."""
    return _laid_out(value, 0)


def _laid_out(value: Json, indent: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (indent and len(line) + indent <= 100):
        return line
    pad, end = " " * (indent + 2), " " * indent
    if isinstance(value, dict):
        members = [
            f"{pad}{json.dumps(name, ensure_ascii=False)}: {_laid_out(one, indent + 2)}" for name, one in value.items()
        ]
        return "{\n" + ",\n".join(members) + f"\n{end}}}"
    return "[\n" + ",\n".join(f"{pad}{_laid_out(one, indent + 2)}" for one in value) + f"\n{end}]"
