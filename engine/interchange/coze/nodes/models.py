"""Nodes that ask a model: LLM, intent recognition, question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.canvas import JsonSchema
from engine.conversion import convert
from engine.findings import short
from engine.interchange.coze.fields import Fields, shown, text_of
from engine.interchange.coze.nodes.kept import unavailable
from engine.interchange.coze.nodes.tools import skills
from engine.interchange.coze.parameters import parameters, settings_of
from engine.interchange.coze.reader import SOURCE, Expr, Made, Reader, number_of
from engine.interchange.coze.templates import Template
from engine.interchange.coze.values import block_input
from engine.schema import required_of

THERE: Final = f"{SOURCE}:"
"""What stands before an id that nothing here is known by."""
USUAL_ROUNDS: Final = 3
MOST_ROUNDS: Final = 100
MOST_ANSWERS: Final = 50
_FORMATS: Final = {"0": "text", "1": "markdown", "2": "json"}
_IGNORED: Final = frozenset(
    {
        "generationdiversity",
        "frequencypenalty",
        "presencepenalty",
        "modlename",
        "modelname",
        "apimode",
        "prompt_mode",
    }
)
_OWN: Final = frozenset(
    {
        "model", "fallback_models", "prompt", "system_prompt", "temperature", "top_p", "max_tokens", "thinking",
        "images", "response_format",
    }
)  # fmt: skip
_QUESTION_OWN: Final = _OWN | {"question", "options"}
_INTENT_OWN: Final = _OWN | {"query"}


def llm(reader: Reader) -> Made:
    """LLM (3)."""
    settings: dict[str, Any] = skills(reader)
    if lacking := [
        tool["workflow"] for tool in settings.get("tools", ()) if tool.get("workflow", "").startswith(THERE)
    ]:
        names = ", ".join(short(one.removeprefix(THERE)) for one in lacking[:10])
        return unavailable(
            reader,
            f"Its model may call the workflows {names} of Coze, and nothing here is known by these ids. Import them"
            " too, or say in the table of the import which ones they are here.",
        )
    said = settings_of(reader, reader.inputs, "llmParam")
    path = "data.inputs.llmParam"
    if not said:
        reader.error("no_model", "The node names no model: its llmParam is missing.", path)
    values = {name.lower(): value for name, value in said.items()}
    found = parameters(reader, _OWN)
    inputs = _model(reader, values, path)
    template = Template(reader, found.names, _OWN)
    inputs["prompt"] = template.expression(_text(reader, values, "prompt", path))
    if system := _text(reader, values, "systemprompt", path):
        inputs["system_prompt"] = template.expression(system)
    response = text_of(number_of(values.get("responseformat", "0")))
    if response not in _FORMATS:
        reader.error("unknown_value", f"There is no responseFormat {shown(values['responseformat'])}.", path)
    inputs["response_format"] = {"value": _FORMATS.get(response, "text")}
    if _is_true(values.get("enablechathistory")):
        settings |= _rounds(reader, values.get("chathistoryround"), path)
    if (backup := _backup(reader)) is not None:
        model, wishes = backup
        inputs["fallback_models"] = {"value": [model]}
        if wishes:
            settings["fallback_options"] = [wishes]
    for name, value in values.items():
        if name not in _KNOWN_PARAMETERS and name not in _IGNORED and value not in (None, ""):
            reader.not_kept(path, f'Models here have no setting "{short(name)}".')
    reader.inputs.skip(("fcParamVar", "spaceID"))
    return Made(
        "llm",
        inputs={**inputs, **template.hidden, **found.inputs},
        types=found.types,
        settings=settings,
        outputs=reader.declared,
    )


_KNOWN_PARAMETERS: Final = frozenset(
    {
        "modeltype", "temperature", "topp", "maxtokens", "responseformat", "prompt", "systemprompt",
        "enablechathistory", "chathistoryround",
    }
)  # fmt: skip


def intent(reader: Reader) -> Made:
    """Intent recognition (22)."""
    said, path = _model_object(reader)
    found = parameters(reader, _INTENT_OWN - {"query"})
    inputs = _model(reader, said, path)
    template = Template(reader, found.names, _INTENT_OWN - {"query"})
    if system := _prompt_of(reader, said.get("systemprompt"), f"{path}.systemPrompt"):
        inputs["system_prompt"] = template.expression(system)
    if "query" not in found.inputs:
        reader.error("no_value", "There is nothing to recognise: the input query is missing.", "data.inputs")
    mode = reader.inputs.get("mode")
    if mode not in ("all", "top_speed", None, ""):
        reader.error("unknown_value", f"There is no mode {shown(mode)}; it is all.", "data.inputs.mode")
    intents: list[str] = []
    for one in reader.objects(reader.inputs, "intents"):
        intents.append(reader.text(one, "name"))
        reader.unknown(one, ("id",))
    settings: dict[str, Any] = {"intents": intents, "mode": "fast" if mode == "top_speed" else "full"}
    settings |= history(reader)
    return Made(
        "intent",
        inputs={**inputs, **template.hidden, **found.inputs},
        types=found.types,
        settings=settings,
        outputs=reader.declared if reader.outputs else None,
    )


def question(reader: Reader) -> Made:
    """Question (18)."""
    inputs_of = reader.inputs
    found = parameters(reader, _QUESTION_OWN)
    template = Template(reader, found.names, _QUESTION_OWN)
    inputs: dict[str, Expr] = {"question": template.expression(reader.text(inputs_of, "question"))}
    settings: dict[str, Any] = {}
    extracts = reader.truth(inputs_of, "extra_output")
    kind, option_kind = inputs_of.get("answer_type"), inputs_of.get("option_type")
    limit = reader.whole(inputs_of, "limit", 0)
    if kind not in ("text", "option"):
        reader.error("unknown_value", f"There is no answer_type {shown(kind)}.", "data.inputs.answer_type")
    options = _options(reader, template)
    dynamic = inputs_of.get("dynamic_option")
    if kind == "option" and option_kind == "dynamic":
        expression, schema = block_input(reader, dynamic, "data.inputs.dynamic_option")
        inputs["options"] = expression
        found.types["options"] = schema or {"type": "array", "items": {"type": "string"}}
        settings["dynamic"] = True
    elif kind == "option":
        if option_kind not in ("static", None, ""):
            reader.error("unknown_value", f"There is no option_type {shown(option_kind)}.", "data.inputs.option_type")
        if not options:
            reader.error("no_options", "The question has no options to choose from.", "data.inputs.options")
        settings["options"] = options
    elif extracts:
        settings["extract"] = True
        if limit > 0:
            settings["limit"] = reader.bounded(limit, 1, MOST_ANSWERS, "data.inputs.limit")
    model, path = _model_object(reader, needed=kind == "option" or extracts)
    if model and (kind == "option" or extracts):
        inputs |= _model(reader, model, path)
        if persona := _prompt_of(reader, model.get("systemprompt"), f"{path}.systemPrompt"):
            inputs["system_prompt"] = template.expression(persona)
    own = ("USER_RESPONSE", "optionId", "optionContent")
    fields = {name: one for name, one in reader.outputs.items() if name not in own}
    outputs: JsonSchema | None = None
    if fields and settings.get("extract"):
        outputs = {"type": "object", "properties": {"answer": {"type": "string"}, **fields}}
        if required := [name for name in required_of(reader.declared) if name in fields]:
            outputs["required"] = [*required]
    return Made(
        "question",
        inputs={**inputs, **template.hidden, **found.inputs},
        types=found.types,
        settings=settings,
        outputs=outputs,
    )


def _options(reader: Reader, template: Template) -> list[str]:
    made: list[str] = []
    for one in reader.objects(reader.inputs, "options"):
        made.append(template.made(reader.text(one, "name")))
        reader.unknown(one, ("id",))
    return made


def history(reader: Reader) -> dict[str, Any]:
    """How much of the conversation a node reads: `chatHistorySetting`."""
    said = reader.inputs.inner("chatHistorySetting")
    if not reader.truth(said, "enableChatHistory"):
        said.skip(("chatHistoryRound",))
        return {}
    return _rounds(reader, said.get("chatHistoryRound"), said.at("chatHistoryRound"))


def _rounds(reader: Reader, value: object, path: str) -> dict[str, Any]:
    found = number_of(value)
    rounds = USUAL_ROUNDS if found is None else int(found)
    return {"history": {"rounds": reader.bounded(rounds, 1, MOST_ROUNDS, path)}} if rounds > 0 else {}


def _model_object(reader: Reader, *, needed: bool = True) -> tuple[dict[str, Any], str]:
    """`llmParam` of nodes that have it as an object, by lower-case keys."""
    path = "data.inputs.llmParam"
    value = reader.inputs.get("llmParam")
    if isinstance(value, list):
        said = settings_of(reader, reader.inputs, "llmParam")
        return {name.lower(): one for name, one in said.items()}, path
    if not isinstance(value, dict):
        if needed:
            reader.error("no_model", "The node names no model: its llmParam is no object.", path)
        return {}, path
    said = {str(name).lower(): one for name, one in value.items()}
    for name, value in said.items():
        if name not in _KNOWN_PARAMETERS and name not in _IGNORED and value not in (None, "", False):
            reader.not_kept(f"{path}.{short(name)}", f'Models here have no setting "{short(name)}".')
    return said, path


def _model(reader: Reader, said: Mapping[str, Any], path: str) -> dict[str, Expr]:
    """Which model is asked, and how freely it answers."""
    inputs: dict[str, Expr] = {}
    there = text_of(number_of(said.get("modeltype"))) or text_of(said.get("modeltype"))
    if there:
        inputs["model"] = {"value": reader.needs("model", there, f"{path}.modelType")}
    elif said:
        reader.error("no_model", "The node names no model: its modelType is missing.", path)
    if (heat := number_of(said.get("temperature"))) is not None:
        inputs["temperature"] = {"value": reader.bounded(float(heat), 0.0, 2.0, f"{path}.temperature")}
    if (share := number_of(said.get("topp"))) is not None and share > 0:
        inputs["top_p"] = {"value": reader.bounded(float(share), 0.0, 1.0, f"{path}.topP")}
    if (most := number_of(said.get("maxtokens"))) is not None and most >= 1:
        inputs["max_tokens"] = {"value": int(most)}
    for name in ("temperature", "topp", "maxtokens", "modeltype"):
        if said.get(name) not in (None, "") and number_of(said.get(name)) is None and name != "modeltype":
            reader.error(
                "wrong_shape", f"{shown(said[name])} is no number; the model's own is taken.", f"{path}.{name}"
            )
    return inputs


def _backup(reader: Reader) -> tuple[str, dict[str, Any]] | None:
    """The model that is asked once the first has failed, and the wishes that it has of its own."""
    said = reader.inputs.inner("settingOnError")
    ext = said.inner("ext")
    text = ext.get("backupLLMParam")
    path = "data.inputs.settingOnError.ext.backupLLMParam"
    if not isinstance(text, str) or not text.strip():
        return None
    if reader.whole(said, "retryTimes") <= 0:
        reader.not_kept(path, "A backup model is asked by a retry, and the node has none: it is left out.")
        return None
    try:
        value = reader.around.inner.read(text)
    except ValueError as error:
        reader.error("wrong_shape", f"The backup model cannot be read. {error}", path)
        return None
    fields = Fields(value, path)
    there = text_of(number_of(fields.get("modelType"))) or text_of(fields.get("modelType"))
    if not there:
        reader.error("no_model", "The backup model has no modelType.", path)
        return None
    own = {name.lower(): one for name, one in settings_of(reader, reader.inputs, "llmParam").items()}
    other = [
        name
        for name in ("responseFormat", "systemPrompt")
        if fields.get(name) not in (None, "") and not _same(fields.get(name), own.get(name.lower()))
    ]
    if other:
        message = (
            f"The backup model is asked with the settings of the first, so its own {', '.join(other)} are left out."
        )
        reader.not_kept(path, message)
    given = {name.lower(): fields.get(name) for name in ("modelType", "temperature", "topP", "maxTokens")}
    made: dict[str, Any] = _model(reader, given, path)
    return made["model"]["value"], {name: one["value"] for name, one in made.items() if name != "model"}


def _same(one: object, other: object) -> bool:
    first, second = number_of(one), number_of(other)
    return first == second if first is not None and second is not None else one == other


def _text(reader: Reader, values: Mapping[str, Any], name: str, path: str) -> str:
    value = values.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    made, problems = convert(value, {"type": "string"}, path=name)
    if problems:
        reader.error("wrong_shape", f"{problems[0]} It is left out.", path)
    return made if isinstance(made, str) else ""


def _prompt_of(reader: Reader, value: Any, path: str) -> str:
    """A prompt that stands as a text, or as a block input with a literal."""
    if value is None or isinstance(value, str):
        return value or ""
    fields = Fields(value, path)
    inner = fields.inner("value")
    content = inner.get("content") if inner else fields.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    reader.error("wrong_shape", "The prompt is a text; this is none and is left out.", path)
    return ""


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
