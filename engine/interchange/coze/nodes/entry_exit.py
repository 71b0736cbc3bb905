"""Entry, exit, output and input form: where values come in, and what is said."""

from __future__ import annotations

from typing import Any

from engine.findings import short
from engine.interchange.coze.fields import shown
from engine.interchange.coze.parameters import parameters
from engine.interchange.coze.reader import Made, Reader
from engine.interchange.coze.templates import Template
from engine.schema import properties_of

_EDITOR = ("outputDefs", "trigger_parameters", "callTransferVoice", "chatHistoryWriting", "historySetting")


def entry(reader: Reader) -> Made:
    """Entry (1): the run's input."""
    if reader.place.source != "100001":
        message = f'The entry of a Coze canvas has the id 100001; this one has "{short(reader.place.source)}".'
        reader.error("unusual_id", message, "id")
    reader.inputs.skip(("inputParameters", "settingOnError", *_EDITOR))
    return Made("start", outputs=reader.declared)


def exit_node(reader: Reader) -> Made:
    """Exit (2): the run's output, as variables or as a text."""
    if reader.place.source != "900001":
        message = f'The exit of a Coze canvas has the id 900001; this one has "{short(reader.place.source)}".'
        reader.error("unusual_id", message, "id")
    plan = reader.inputs.get("terminatePlan")
    found = parameters(reader)
    reader.inputs.skip(_EDITOR)
    if plan not in ("returnVariables", "useAnswerContent"):
        message = f"The terminatePlan is {shown(plan)}; it is returnVariables or useAnswerContent."
        reader.error("unknown_value", message, "data.inputs.terminatePlan")
    if plan != "useAnswerContent":
        reader.inputs.skip(("content", "streamingOutput"))
        outputs: dict[str, Any] = {"type": "object", "properties": dict(found.types)}
        return Made("end", found.inputs, found.types, {"mode": "variables"}, outputs)
    template = Template(reader, found.names)
    answer = template.made(content(reader))
    return Made(
        "end",
        inputs={**found.inputs, **template.hidden},
        types=found.types,
        settings={"mode": "answer", "answer": answer},
    )


def output(reader: Reader) -> Made:
    """Output (13): a message."""
    found = parameters(reader)
    template = Template(reader, found.names)
    text = template.made(content(reader))
    reader.inputs.skip(_EDITOR)
    return Made("message", inputs={**found.inputs, **template.hidden}, types=found.types, settings={"content": text})


def content(reader: Reader) -> str:
    """The template of an exit or an output."""
    streaming = reader.inputs.get("streamingOutput")
    if streaming not in (None, True, False):
        reader.error("wrong_shape", "streamingOutput is true or false.", "data.inputs.streamingOutput")
    given = reader.inputs.inner("content")
    if not given:
        return ""
    value = given.inner("value")
    kind, form, text = given.get("type"), value.get("type"), value.get("content")
    if kind not in (None, "string") or form not in (None, "literal") or not isinstance(text, str | None):
        message = "The content is a text with placeholders; this is none, and nothing is said."
        reader.error("wrong_shape", message, given.path)
        return ""
    value.skip(("rawMeta",))
    reader.unknown(value)
    reader.unknown(given, ("assistType", "schema"))
    return text or ""


def form(reader: Reader) -> Made:
    """Input (30): a form."""
    schema = reader.inputs.get("outputSchema")
    reader.inputs.skip(("inputParameters",))
    if isinstance(schema, str) and schema.strip():
        _compare(reader, schema)
    elif schema is not None and not isinstance(schema, str | list):
        reader.error("wrong_shape", "outputSchema is the JSON text of a list of variables.", "data.inputs.outputSchema")
    return Made("form", outputs=reader.declared)


def _compare(reader: Reader, text: str) -> None:
    """The form that is shown and the fields that are read are one here."""
    path = "data.inputs.outputSchema"
    try:
        variables = reader.around.inner.read(text)
    except ValueError as error:
        reader.warning("wrong_shape", f"outputSchema cannot be read; the declared outputs are the form. {error}", path)
        return
    if not isinstance(variables, list):
        reader.warning("wrong_shape", "outputSchema is no list; the declared outputs are the form.", path)
        return
    shown_form = reader.types.record(variables, path)
    if not reader.outputs:
        reader.declared.clear()
        reader.declared.update(shown_form)
    elif {*properties_of(shown_form)} != {*reader.outputs}:
        reader.not_kept(path, "The form shows other fields than the node hands on; it shows what is handed on now.")
