"""Conditions, code, sub-workflows, texts, JSON and merged variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.findings import short
from engine.interchange.coze.fields import Fields, shown, text_of
from engine.interchange.coze.nodes.kept import unavailable
from engine.interchange.coze.nodes.tools import version_here
from engine.interchange.coze.parameters import fixed, parameters, settings_of
from engine.interchange.coze.reader import UNSET, Expr, Made, Reader, number_of
from engine.interchange.coze.templates import Template
from engine.interchange.coze.values import block_input

_OPERATORS: Final[Mapping[int, str]] = {
    1: "equal",
    2: "not_equal",
    3: "length_greater",
    4: "length_greater_equal",
    5: "length_less",
    6: "length_less_equal",
    7: "contains",
    8: "not_contains",
    9: "empty",
    10: "not_empty",
    11: "is_true",
    12: "is_false",
    13: "greater",
    14: "greater_equal",
    15: "less",
    16: "less_equal",
}
_UNARY: Final = frozenset({9, 10, 11, 12})
_LANGUAGES: Final[Mapping[int, str]] = {3: "python", 5: "javascript"}
_TEXT_OWN: Final = frozenset({"template"})


def condition(reader: Reader) -> Made:
    """Condition (8): each branch has the port it had."""
    cases: list[dict[str, Any]] = []
    for number, branch in enumerate(reader.objects(reader.inputs, "branches")):
        said = branch.inner("condition")
        comparisons = [_comparison(reader, one) for one in reader.objects(said, "conditions")]
        logic = number_of(said.get("logic"))
        if logic not in (1, 2) and len(comparisons) > 1:
            reader.error("unknown_value", f"There is no logic {shown(said.get('logic'))}; all must hold.", said.path)
        if not comparisons:
            reader.error("no_value", "The branch has no conditions.", said.path)
        port = f"true_{number}" if number else "true"
        cases.append({"port": port, "logic": "or" if logic == 1 else "and", "comparisons": comparisons})
        reader.unknown(said)
        reader.unknown(branch, ("name", "id"))
    reader.inputs.skip(("inputParameters",))
    return Made("condition", settings={"cases": cases})


def _comparison(reader: Reader, said: Fields) -> dict[str, Any]:
    code = number_of(said.get("operator"))
    operator = _OPERATORS.get(int(code)) if code is not None else None
    if operator is None:
        message = f"There is no operator {shown(said.get('operator'))}; it compares for equality now."
        reader.error("unknown_operator", message, said.at("operator"))
        operator, code = "equal", 1
    left = said.inner("left")
    made: dict[str, Any] = {"operator": operator}
    made["left"], left_type = block_input(reader, left.get("input"), f"{left.path}.input")
    if left_type:
        made["left_type"] = left_type
    right = said.inner("right").get("input")
    path = f"{said.at('right')}.input"
    if not isinstance(right, dict) or Fields(right, path).inner("value").get("type") is None:
        if code not in _UNARY:
            made["right"] = {"value": None}
    else:
        made["right"], right_type = block_input(reader, right, path)
        if right_type:
            made["right_type"] = right_type
    reader.unknown(said, ("id",))
    return made


def code(reader: Reader) -> Made:
    """Code (5)."""
    number = number_of(reader.inputs.get("language"))
    language = _LANGUAGES.get(int(number)) if number is not None else "python"
    if language is None:
        reason = f"Code in the language {int(number or 0)} of Coze cannot run here; Python (3) and JavaScript (5) can."
        return unavailable(reader, reason)
    found = parameters(reader)
    settings = {"language": language, "source": reader.text(reader.inputs, "code")}
    return Made("code", found.inputs, found.types, settings, reader.declared)


def subworkflow(reader: Reader) -> Made:
    """Sub-workflow (9); one that is not known here keeps its place."""
    there = text_of(reader.inputs.get("workflowId"))
    version = reader.text(reader.inputs, "workflowVersion")
    reader.inputs.skip(("spaceId", "inputDefs", "workflowName"))
    ends = number_of(reader.inputs.get("type"))
    path = "data.inputs.workflowId"
    if not there:
        reader.error("no_value", "The node names no workflow.", path)
        return unavailable(reader, "The node named no workflow in the document that it came from.")
    here = reader.needs("workflow", there, path)
    if not reader.knows("workflow", there):
        return unavailable(
            reader,
            f"It calls the workflow {short(there)} of Coze, and nothing here is known by that id. Import that workflow"
            " too, or say in the table of the import which one it is here.",
        )
    found = parameters(reader, zeros=False)
    settings: dict[str, Any] = {
        "workflow": here,
        "version": version_here(reader, version, "data.inputs.workflowVersion"),
    }
    if ends in (0, 1):
        settings["answers"] = ends == 1
    return Made("subworkflow", found.inputs, found.types, settings, reader.declared if reader.outputs else None)


def text(reader: Reader) -> Made:
    """Text processing (15)."""
    method = reader.inputs.get("method")
    if method == "split":
        reader.inputs.skip(("concatParams",))
        said = settings_of(reader, reader.inputs, "splitParams")
        inputs, types = fixed(reader, {"String": "text"})
        inputs.setdefault("text", dict(UNSET))
        given = said.get("delimiters")
        delimiters = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
        if not delimiters:
            reader.error("no_value", "There is no delimiter to split by.", "data.inputs.splitParams")
        return Made("text_split", inputs, types, {"delimiters": delimiters})
    if method != "concat":
        reader.error("unknown_value", f"There is no method {shown(method)}; it is concat.", "data.inputs.method")
    reader.inputs.skip(("splitParams",))
    said = settings_of(reader, reader.inputs, "concatParams")
    found = parameters(reader, _TEXT_OWN)
    template = Template(reader, found.names, _TEXT_OWN)
    result, joiner = said.get("concatResult"), said.get("arrayItemConcatChar")
    if not isinstance(result, str) or not result:
        reader.error("no_value", "There is no text to put together: concatResult is empty.", "data.inputs.concatParams")
    inputs = {"template": template.expression(result if isinstance(result, str) else "")}
    settings = {"joiner": joiner if isinstance(joiner, str) else ""}
    return Made("text_concat", {**inputs, **template.hidden, **found.inputs}, found.types, settings)


def json_to(reader: Reader) -> Made:
    """JSON serialisation (58)."""
    inputs, types = fixed(reader, {"input": "input"})
    return Made("json_to", inputs, types)


def json_from(reader: Reader) -> Made:
    """JSON deserialisation (59)."""
    inputs, types = fixed(reader, {"input": "input"})
    inputs.setdefault("input", dict(UNSET))
    if "output" not in reader.outputs:
        reader.error("no_value", "The node does not declare its output.", "data.outputs")
    return Made("json_from", inputs, types, outputs=reader.declared)


def merge(reader: Reader) -> Made:
    """Variable merge (32)."""
    groups: dict[str, list[Expr]] = {}
    for group in reader.objects(reader.inputs, "mergeGroups"):
        name = text_of(group.get("name"))
        if not name:
            reader.error("nameless", "A group without a name is left out.", group.path)
            continue
        given = group.get("variables")
        variables = given if isinstance(given, list) else []
        groups[name] = [
            block_input(reader, one, f"{group.at('variables')}.{number}")[0] for number, one in enumerate(variables)
        ]
        if not groups[name]:
            reader.error("no_value", f'The group "{short(name)}" has no variables.', group.path)
        reader.unknown(group, ("id",))
    reader.inputs.skip(("inputParameters",))
    return Made("merge_variables", settings={"groups": groups}, outputs=reader.declared)
