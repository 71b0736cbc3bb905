"""What happens when a node fails: `settingOnError` as our `on_error`."""

from __future__ import annotations

from typing import Any, Final, cast

from engine.canvas import JsonSchema
from engine.conversion import convert
from engine.errors import FlowError
from engine.interchange.coze.fields import Fields
from engine.interchange.coze.reader import Reader
from engine.schema import as_schema, properties_of, required_of, zero_of
from engine.values import Json

MOST_RETRIES: Final = 100
LONGEST_MS: Final = 86_400_000
BODY: Final = "errorBody"
SUCCESS: Final = "isSuccess"
_KNOWN: Final = ("ext", "switch", "dataOnErr")


def on_error(reader: Reader) -> dict[str, Any]:
    """Our `on_error`; empty when nothing is said. The declared outputs lose what every handled failure adds."""
    said = reader.inputs.inner("settingOnError")
    if not said:
        return {}
    given = said.get("dataOnErr")
    default = given if isinstance(given, str | dict) else ""
    process = reader.whole(said, "processType", 0)
    if process not in (0, 1, 2, 3):
        reader.error("unknown_value", f"There is no processType {process}; the node fails.", said.at("processType"))
        process = 1
    if process == 0:
        process = 2 if reader.truth(said, "switch") and default else 1
    made: dict[str, Any] = {}
    retries, timeout = reader.whole(said, "retryTimes"), reader.whole(said, "timeoutMs")
    retries = reader.bounded(retries, 0, MOST_RETRIES, said.at("retryTimes"))
    timeout = reader.bounded(timeout, 0, LONGEST_MS, said.at("timeoutMs"))
    if retries:
        made["retries"] = retries
    if timeout:
        made["timeout_ms"] = timeout
    if process != 1:
        made |= {"policy": "default" if process == 2 else "branch", "codes": "numbers"}
        _leave_to_engine(reader.declared)
    if process == 2:
        if not default:
            message = "dataOnErr is empty, and the node is to go on with it after a failure."
            reader.error("no_default", message, said.at("dataOnErr"))
        else:
            made["default"] = _default(reader, default, said)
    reader.unknown(said, _KNOWN)
    return made


def _leave_to_engine(declared: JsonSchema) -> None:
    """`errorBody` and `isSuccess` are added by whatever handles a failure."""
    properties: Any = declared["properties"]
    for name in (BODY, SUCCESS):
        properties.pop(name, None)
    if "required" in declared:
        declared["required"] = [name for name in required_of(declared) if name in properties]


def _default(reader: Reader, text: str | dict[str, Any], said: Fields) -> dict[str, Json]:
    """The output that stands in, converted once and for all; what cannot be read is the text itself."""
    path = said.at("dataOnErr")
    try:
        value = reader.around.inner.read(text) if isinstance(text, str) else text
        problem = "" if isinstance(value, dict) else "It is no object."
    except ValueError as error:
        value, problem = {}, str(error)
    if not problem:
        missing = [name for name in required_of(reader.declared) if name not in value]
        problem = f'The required output "{missing[0]}" is missing.' if missing else ""
    if problem:
        message = f"dataOnErr does not fit the outputs, so each text among them is all of it. {problem}"
        reader.warning("default_output", message, path)
        return {
            name: cast("Json", text) if (schema := as_schema(one)).get("type") == "string" else zero_of(schema)
            for name, one in properties_of(reader.declared).items()
        }
    try:
        made, problems = convert(value, reader.declared, path="dataOnErr")
    except FlowError as error:
        reader.warning("default_output", f"{error.message} It stands as it is.", path)
        return cast("dict[str, Json]", value)
    for one in problems:
        reader.warning("default_output", f"{one} It is null now.", path)
    return cast("dict[str, Json]", made)
