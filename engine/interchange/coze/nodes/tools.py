"""The skills of an LLM node: workflows and plugins that the model may call, and knowledge that is looked up before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.canvas import JsonSchema
from engine.conversion import convert
from engine.interchange.coze.fields import Fields, text_of
from engine.interchange.coze.reader import Reader, number_of

MOST_SLICES: Final = 100
SEARCHES: Final[Mapping[str, str]] = {"0": "semantic", "1": "hybrid", "20": "fulltext"}
_TYPES: Final[Mapping[str, str]] = {"1": "string", "2": "integer", "3": "number", "4": "object", "5": "boolean",
                                    "6": "array", "string": "string", "integer": "integer", "number": "number",
                                    "float": "number", "object": "object", "boolean": "boolean", "bool": "boolean",
                                    "array": "array", "list": "array"}  # fmt: skip
_PLUGIN: Final = ("plugin_name", "plugin_from", "plugin_product_status", "fc_setting", "apiName", "pluginName")
_WORKFLOW: Final = ("plugin_id", "plugin_version", "fc_setting", "workflow_name", "name", "type")


def skills(reader: Reader) -> dict[str, Any]:
    """The settings `tools` and `knowledge` of an LLM node."""
    said = reader.inputs.inner("fcParam")
    if not said:
        return {}
    tools = [*_workflows(reader, said), *_plugins(reader, said)]
    made: dict[str, Any] = {"tools": tools} if tools else {}
    if (knowledge := _knowledge(reader, said)) is not None:
        made["knowledge"] = knowledge
    reader.unknown(said)
    return made


def version_here(reader: Reader, version: str, path: str) -> str:
    """The version to ask for: those of the source system are not known here."""
    if version in ("", "0"):
        return ""
    message = f"It asks for the version {version}, as it is counted there; here the newest one is taken."
    reader.warning("version_not_kept", message, path, version=version)
    return ""


def _workflows(reader: Reader, said: Fields) -> list[dict[str, Any]]:
    holder = said.inner("workflowFCParam")
    made: list[dict[str, Any]] = []
    for one in reader.objects(holder, "workflowList"):
        there = text_of(one.get("workflow_id"))
        if not there:
            reader.error("no_value", "A workflow among the tools has no id and is left out.", one.path)
            continue
        tool: dict[str, Any] = {
            "kind": "workflow",
            "workflow": reader.needs("workflow", there, one.at("workflow_id")),
            "version": version_here(reader, reader.text(one, "workflow_version"), one.at("workflow_version")),
        }
        made.append(tool | _overrides(reader, one))
        one.skip(("is_draft",))
        reader.unknown(one, _WORKFLOW)
    reader.unknown(holder)
    return made


def _plugins(reader: Reader, said: Fields) -> list[dict[str, Any]]:
    holder = said.inner("pluginFCParam")
    made: list[dict[str, Any]] = []
    for one in reader.objects(holder, "pluginList"):
        plugin, api = text_of(one.get("plugin_id")), text_of(one.get("api_id"))
        if not plugin or not api:
            reader.error("no_value", "A plugin among the tools lacks plugin_id or api_id and is left out.", one.path)
            continue
        tool: dict[str, Any] = {
            "kind": "plugin",
            "plugin": reader.needs("plugin", plugin, one.at("plugin_id")),
            "tool": tool_name(reader, api, text_of(one.get("api_name")), one.at("api_id")),
            "version": plugin_version(reader, one, "plugin_version"),
        }
        if reader.truth(one, "is_draft"):
            tool["version"] = "draft"
        made.append(tool | _overrides(reader, one))
        reader.unknown(one, _PLUGIN)
    reader.unknown(holder)
    return made


def plugin_version(reader: Reader, holder: Fields, name: str) -> str:
    """Ours for a plugin's version: 0 is the one that is still being changed."""
    said = text_of(holder.get(name))
    return "draft" if said == "0" else version_here(reader, said, holder.at(name))


def tool_name(reader: Reader, api: str, name: str, path: str) -> str:
    """A tool by its id there; without an entry by its name, which tools have here."""
    return name if name and not reader.knows("tool", api) else reader.needs("tool", api, path)


def _overrides(reader: Reader, one: Fields) -> dict[str, Any]:
    """What the model is not asked for, and what it does not see."""
    setting = one.inner("fc_setting")
    fixed: dict[str, Any] = {}
    hidden: list[str] = []
    for parameter, name in _disabled(reader, setting, "request_params"):
        hidden.append(name)
        default = parameter.get("local_default")
        if default in (None, ""):
            continue
        schema: JsonSchema = {}
        if (kind := _TYPES.get(text_of(parameter.get("type")))) is not None:
            schema = {"type": kind}
        value, problems = convert(default, schema, path=f"The default of {name}")
        if problems:
            reader.error("default_type", f"{problems[0]} It is left out.", parameter.path)
        else:
            fixed[name] = value
    results = [name for _, name in _disabled(reader, setting, "response_params")]
    made: dict[str, Any] = {}
    if fixed:
        made["fixed"] = fixed
    if hidden:
        made["hidden"] = hidden
    if results:
        made["hidden_results"] = results
    return made


def _disabled(reader: Reader, holder: Fields, name: str, prefix: str = "", depth: int = 0) -> list[tuple[Fields, str]]:
    found: list[tuple[Fields, str]] = []
    for one in reader.objects(holder, name):
        called = f"{prefix}{text_of(one.get('name'))}"
        if reader.truth(one, "local_disable"):
            found.append((one, called))
        elif depth < 20:
            found += _disabled(reader, one, "sub_parameters", f"{called}.", depth + 1)
    return found


def _knowledge(reader: Reader, said: Fields) -> dict[str, Any] | None:
    holder = said.inner("knowledgeFCParam")
    if not holder:
        return None
    bases: list[str] = []
    for one in reader.objects(holder, "knowledgeList"):
        if there := text_of(one.get("id")):
            bases.append(reader.needs("knowledge", there, one.at("id")))
        reader.unknown(one, ("name",))
    setting = holder.inner("global_setting")
    made: dict[str, Any] = {"bases": bases}
    made |= search_settings(reader, setting, ("search_mode", "top_k", "min_score", "use_rerank", "use_rewrite"))
    if reader.truth(setting, "use_nl2_sql"):
        reader.not_kept(setting.at("use_nl2_sql"), "Tables in a knowledge base are not asked in SQL here.")
    customise = number_of(setting.get("no_recall_reply_mode")) == 1
    reply = reader.text(setting, "no_recall_reply_customize_prompt")
    made["no_recall"] = reply if customise else None
    reader.unknown(setting, ("auto", "show_source", "show_source_mode", "use_nl2_sql"))
    reader.unknown(holder)
    return made if bases else None


def search_settings(reader: Reader, holder: Fields, names: tuple[str, str, str, str, str]) -> dict[str, Any]:
    """How knowledge is looked up, from the keys that say so."""
    mode, top, least, rerank, rewrite = names
    made: dict[str, Any] = {}
    word = text_of(number_of(holder.get(mode)))
    if word in SEARCHES:
        made["search"] = SEARCHES[word]
    elif word:
        reader.error("unknown_value", f"There is no way of searching with the number {word}.", holder.at(mode))
    if (most := number_of(holder.get(top))) is not None and most >= 1:
        made["top_k"] = reader.bounded(int(most), 1, MOST_SLICES, holder.at(top))
    if (score := number_of(holder.get(least))) is not None:
        made["min_score"] = reader.bounded(float(score), 0.0, 1.0, holder.at(least))
    made["rerank"] = reader.truth(holder, rerank)
    made["rewrite"] = reader.truth(holder, rewrite)
    return made
