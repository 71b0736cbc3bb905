"""Plugins, knowledge, databases and variables: what nodes read and change outside."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from engine.findings import short
from engine.interchange.coze.fields import Fields, shown, text_of
from engine.interchange.coze.nodes.models import history
from engine.interchange.coze.nodes.tools import search_settings, tool_name, version_here
from engine.interchange.coze.parameters import fixed, parameters, settings_of
from engine.interchange.coze.reader import Expr, Made, Reader, number_of
from engine.interchange.coze.values import block_input

CHUNK: Final = (50, 10_000)
"""How long a chunk may be."""
MOST_ROWS: Final = 1_000
_OPERATIONS: Final = frozenset(
    {
        "EQUAL", "NOT_EQUAL", "GREATER_THAN", "LESS_THAN", "GREATER_EQUAL", "LESS_EQUAL", "IN", "NOT_IN", "IS_NULL",
        "IS_NOT_NULL", "LIKE", "NOT_LIKE",
    }
)  # fmt: skip
_WITHOUT_RIGHT: Final = frozenset({"IS_NULL", "IS_NOT_NULL"})


# --- plugins ---


def plugin(reader: Reader) -> Made:
    """Plugin (4)."""
    said = settings_of(reader, reader.inputs, "apiParam")
    path = "data.inputs.apiParam"
    there, api = text_of(said.get("pluginID")), text_of(said.get("apiID"))
    for name, value in (("pluginID", there), ("apiID", api)):
        if not value:
            reader.error("no_value", f"The node does not say which {name} it means.", path)
    if "pluginVersion" not in said:
        reader.error("no_value", "The node does not say which pluginVersion it means; the newest is taken.", path)
    version = text_of(said.get("pluginVersion"))
    settings = {
        "plugin": reader.needs("plugin", there, path) if there else "coze:",
        "tool": tool_name(reader, api, text_of(said.get("apiName")), path) if api else "coze:",
        "version": "draft" if version == "0" else version_here(reader, version, path),
    }
    reader.inputs.skip(("pluginFrom", "outDocLink", "tips"))
    found = parameters(reader)
    return Made("plugin", found.inputs, found.types, settings, reader.declared)


# --- knowledge ---


def _datasets(reader: Reader) -> tuple[list[str], Fields]:
    """The knowledge bases of a node, and what else its `datasetParam` says."""
    there: list[str] = []
    others: dict[str, Any] = {}
    for number, one in enumerate(reader.objects(reader.inputs, "datasetParam")):
        name = text_of(one.get("name"))
        content = one.inner("input").inner("value").get("content")
        if number == 0:
            ids = content if isinstance(content, list) else [content]
            there = [text_of(each) for each in ids if text_of(each)]
        elif name:
            others[name] = content
    return there, Fields(others, "data.inputs.datasetParam")


def knowledge_retrieve(reader: Reader) -> Made:
    """Knowledge retrieval (6)."""
    there, said = _datasets(reader)
    path = "data.inputs.datasetParam"
    if not there:
        reader.error("no_value", "The node names no knowledge base.", path)
    settings: dict[str, Any] = {"bases": [reader.needs("knowledge", one, path) for one in there]}
    settings |= search_settings(reader, said, ("strategy", "topK", "minScore", "useRerank", "useRewrite"))
    settings |= history(reader)
    for name in ("isPersonalOnly", "useNl2sql"):
        if reader.truth(said, name):
            reader.not_kept(said.at(name), f"{name} has no counterpart here.")
    reader.unknown(said)
    inputs, types = fixed(reader, {"Query": "Query"})
    return Made("knowledge_retrieve", inputs, types, settings)


def knowledge_write(reader: Reader) -> Made:
    """Knowledge writing (27)."""
    base = _base(reader)
    strategy = reader.inputs.inner("strategyParam")
    parsing, chunks = strategy.inner("parsingStrategy"), strategy.inner("chunkStrategy")
    strategy.skip(("indexStrategy",))
    settings: dict[str, Any] = {"base": base}
    if parsing:
        settings["parsing"] = {
            "mode": "accurate" if parsing.get("parsingType") == "accurate" else "fast",
            "images": reader.truth(parsing, "imageExtraction"),
            "tables": reader.truth(parsing, "tableExtraction"),
            "ocr": reader.truth(parsing, "imageOcr"),
        }
    if chunks:
        chunking: dict[str, Any] = {"mode": "custom" if chunks.get("chunkType") == "custom" else "default"}
        if chunking["mode"] == "custom":
            separator = chunks.get("separator")
            if isinstance(separator, str) and separator:
                chunking["separator"] = separator.replace("\\n", "\n")
            if (most := number_of(chunks.get("maxToken"))) is not None and most >= 1:
                chunking["max_tokens"] = reader.bounded(int(most), *CHUNK, chunks.at("maxToken"))
            if (overlap := number_of(chunks.get("overlap"))) is not None:
                chunking["overlap"] = reader.bounded(float(overlap), 0.0, 0.9, chunks.at("overlap"))
        settings["chunking"] = chunking
    reader.unknown(parsing)
    reader.unknown(chunks, ("separatorType", "separator", "maxToken", "overlap"))
    reader.unknown(strategy)
    inputs, types = fixed(reader, {"knowledge": "knowledge"})
    return Made("knowledge_write", inputs, types, settings)


def knowledge_delete(reader: Reader) -> Made:
    """Knowledge deletion (60)."""
    settings = {"base": _base(reader)}
    inputs, types = fixed(reader, {"documentID": "documentID"})
    return Made("knowledge_delete", inputs, types, settings)


def _base(reader: Reader) -> str:
    there, _ = _datasets(reader)
    path = "data.inputs.datasetParam"
    if not there:
        reader.error("no_value", "The node names no knowledge base.", path)
        return "coze:"
    if len(there) > 1:
        reader.not_kept(path, "The node works with the first of its knowledge bases alone.")
    return reader.needs("knowledge", there[0], path)


# --- databases ---


class _Database:
    """The database of a node, and its fields."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        path = "data.inputs.databaseInfoList"
        listed = reader.objects(reader.inputs, "databaseInfoList")
        self.there = text_of(listed[0].get("databaseInfoID")) if listed else ""
        if not self.there:
            reader.error("no_value", "The node names no database.", path)
        self.id = reader.needs("database", self.there, path) if self.there else "coze:"

    def field(self, said: object, path: str) -> str:
        """A field's name here, by its id there."""
        there = text_of(said)
        if not there:
            self._reader.error("no_value", "A field has no id.", path)
            return "coze:"
        key = f"{self.there}/{there}"
        found = self._reader.needs("field", key, path)
        return found if self._reader.knows("field", key) else f"coze:{there}"

    def where(self, holder: Fields) -> tuple[dict[str, Expr], str]:
        """The input `where` (absent when there is no condition), and how its rows are joined."""
        said = holder.inner("condition")
        if not said:
            return {}, "and"
        reader = self._reader
        path = said.at("conditionList")
        rows = said.get("conditionList")
        made = [
            _condition(reader, row, f"{path}.{number}")
            for number, row in enumerate(rows if isinstance(rows, list) else ())
        ]
        logic = said.get("logic")
        if len(made) != 1 and logic not in ("AND", "OR"):
            reader.error("unknown_value", f"There is no logic {shown(logic)}; it is AND or OR.", said.at("logic"))
        reader.unknown(said)
        return ({"where": {"list": made}} if made else {}), "or" if logic == "OR" else "and"

    def values(self, holder: Fields) -> dict[str, Expr]:
        """The input `values`: what each field is set to."""
        reader, path = self._reader, holder.at("fieldInfo")
        members: dict[str, Expr] = {}
        rows = holder.get("fieldInfo")
        for number, row in enumerate(rows if isinstance(rows, list) else ()):
            found = _row(reader, row, f"{path}.{number}")
            key, value = found.get("fieldID"), found.get("fieldValue")
            there = key[0].get("value") if key is not None else None
            name = self.field(there, f"{path}.{number}")
            if value is None:
                reader.error("no_value", f"The field {short(name)} is given no value.", f"{path}.{number}")
                continue
            members[name] = value[0]
        return {"values": {"object": members}}


def _row(reader: Reader, row: object, path: str) -> dict[str, tuple[Expr, Any]]:
    """A row of named block inputs."""
    made: dict[str, tuple[Expr, Any]] = {}
    for number, one in enumerate(row if isinstance(row, list) else ()):
        fields = Fields(one, f"{path}.{number}")
        name = text_of(fields.get("name"))
        given = fields.get("input")
        if name and given is not None:
            made[name] = block_input(reader, given, fields.at("input"))
    return made


def _condition(reader: Reader, row: object, path: str) -> Expr:
    found = _row(reader, row, path)
    members: dict[str, Expr] = {}
    for name in ("left", "operation"):
        word = found[name][0].get("value") if name in found else None
        if not isinstance(word, str) or not word:
            reader.error("no_value", f"A condition lacks its {name}.", path)
            word = ""
        members["operator" if name == "operation" else name] = {"value": word}
    word = members["operator"]["value"]
    if word and word not in _OPERATIONS:
        reader.error("unknown_operator", f"There is no operation {shown(word)}.", path)
    if word not in _WITHOUT_RIGHT:
        if "right" not in found:
            reader.error("no_value", "A condition lacks its right side.", path)
        members["right"] = found["right"][0] if "right" in found else {"value": None}
    return {"object": members}


def database_sql(reader: Reader) -> Made:
    """Custom SQL (12): the template stays as it is, its values are bound by the node."""
    database = _Database(reader)
    settings = {"database": database.id, "sql": reader.text(reader.inputs, "sql")}
    found = parameters(reader)
    return Made("database_sql", found.inputs, found.types, settings, reader.declared)


def database_query(reader: Reader) -> Made:
    """Query (43)."""
    database = _Database(reader)
    said = reader.inputs.inner("selectParam")
    where, logic = database.where(said)
    limit = reader.whole(said, "limit")
    if limit <= 0:
        reader.error("unknown_value", "The limit of a query is at least 1; it is 100 now.", said.at("limit"))
        limit = 100
    limit = reader.bounded(limit, 1, MOST_ROWS, said.at("limit"))
    fields = []
    for one in reader.objects(said, "fieldList"):
        field = {"name": database.field(one.get("fieldID"), one.path), "distinct": reader.truth(one, "isDistinct")}
        fields.append(field)
        reader.unknown(one)
    order = []
    for one in reader.objects(said, "orderByList"):
        field = {"name": database.field(one.get("fieldID"), one.path), "ascending": reader.truth(one, "isAsc")}
        order.append(field)
        reader.unknown(one)
    reader.unknown(said)
    settings = {"database": database.id, "fields": fields, "order_by": order, "limit": limit, "logic": logic}
    return _on_rows(reader, "database_query", where, settings)


def database_insert(reader: Reader) -> Made:
    """Insert (46)."""
    database = _Database(reader)
    said = reader.inputs.inner("insertParam")
    values = database.values(said)
    reader.unknown(said)
    return _on_rows(reader, "database_insert", values, {"database": database.id})


def database_update(reader: Reader) -> Made:
    """Update (42)."""
    database = _Database(reader)
    said = reader.inputs.inner("updateParam")
    where, logic = database.where(said)
    values = database.values(said)
    reader.unknown(said)
    return _on_rows(reader, "database_update", {**values, **where}, {"database": database.id, "logic": logic})


def database_delete(reader: Reader) -> Made:
    """Delete (44)."""
    database = _Database(reader)
    said = reader.inputs.inner("deleteParam")
    where, logic = database.where(said)
    reader.unknown(said)
    return _on_rows(reader, "database_delete", where, {"database": database.id, "logic": logic})


def _on_rows(reader: Reader, kind: str, inputs: dict[str, Expr], settings: dict[str, Any]) -> Made:
    fixed(reader, {})
    if "outputList" not in reader.outputs:
        message = "A database node declares outputList, a list of objects; this one does not."
        reader.error("no_value", message, "data.outputs")
    return Made(kind, inputs, {}, settings, reader.declared)


# --- variables ---


def assign_variables(reader: Reader) -> Made:
    """Variable assignment (40)."""
    made = Made("assign_variables")
    scopes: dict[str, str] = {}
    names: dict[str, str] = {}
    for one in reader.objects(reader.inputs, "inputParameters"):
        target = one.inner("left")
        target = target.inner("input") if "input" in target else target
        content = target.inner("value").inner("content")
        source, way = content.get("source"), content.get("path")
        scope = {"global_variable_user": "user", "global_variable_app": "app"}.get(
            source if isinstance(source, str) else ""
        )
        expression, schema = block_input(reader, one.get("input"), one.at("input"))
        reader.unknown(one, ("name",))
        parts = way if isinstance(way, list) else [way]
        name = text_of(parts[0]) if parts else ""
        if scope is None or not name:
            message = "Only variables of the user or of the app can be set; this one is left out."
            reader.error("invalid_target", message, one.at("left"))
            continue
        if len(parts) > 1:
            message = f'A whole variable is set, so "{short(name)}" is, and not a part of it.'
            reader.warning("whole_variable", message, one.at("left"))
        given = name
        if given in made.inputs:
            # A variable of the user and one of the app, or one that is set again: each has an input of its own.
            given = next(free for number in count(2) if (free := f"{name}_{number}") not in made.inputs)
            names[given] = name
        made.inputs[given] = expression
        scopes[given] = scope
        if schema:
            made.types[given] = {**schema, "default": None}
    reader.inputs.skip(("variableTypeMap",))
    made.settings["scopes"] = scopes
    if names:
        made.settings["names"] = names
    return made


__all__ = [
    "assign_variables", "database_delete", "database_insert", "database_query", "database_sql", "database_update",
    "knowledge_delete", "knowledge_retrieve", "knowledge_write", "plugin",
]  # fmt: skip
