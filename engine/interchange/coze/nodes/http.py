"""HTTP requests: their templates name outputs and variables in a language of their own."""

from __future__ import annotations

import re
from typing import Any, Final

from engine.canvas import SCOPES
from engine.findings import short
from engine.interchange.coze.fields import Fields, shown
from engine.interchange.coze.parameters import named_values
from engine.interchange.coze.reader import Expr, Made, Reader, number_of
from engine.interchange.coze.schemas import is_file
from engine.interchange.coze.templates import pieces
from engine.interchange.coze.values import block_input, block_output
from engine.references import Path, parse_placeholder

LONGEST_SECONDS: Final = 600
MOST_RETRIES: Final = 10
"""How often our node sends a request again that got no answer."""
_BLOCK: Final = "block_output_"
_VARIABLE: Final = re.compile(r"global_variable_(user|app|system)((?:\[(?:\"[^\"\]]*\"|[0-9]{1,9})\]|\.[^.\[\]]+)+)")
_SEGMENT: Final = re.compile(r"\[\"([^\"\]]*)\"\]|\[([0-9]{1,9})\]|\.([^.\[\]]+)")
_OWN: Final = frozenset({"method", "url", "params", "headers", "auth", "body_type", "body", "timeout_seconds"})
_BODIES: Final = {
    "EMPTY": "none",
    "JSON": "json",
    "RAW_TEXT": "raw_text",
    "FORM_DATA": "form_data",
    "FORM_URLENCODED": "form_urlencoded",
    "BINARY": "binary",
}


def http_request(reader: Reader) -> Made:
    """HTTP request (45)."""
    info = reader.inputs.inner("apiInfo")
    method = reader.text(info, "method", "GET").upper() or "GET"
    inputs: dict[str, Expr] = {
        "method": {"value": method},
        "url": _template(reader, reader.text(info, "url"), info.at("url")),
    }
    for name in ("params", "headers"):
        if found := named_values(reader, reader.inputs, name):
            inputs[name] = {"object": {key: expression for key, (expression, _) in found.items()}}
    if (auth := _auth(reader)) is not None:
        inputs["auth"] = auth
    kind, body = _body(reader)
    if kind != "none":
        inputs |= {"body_type": {"value": kind}, "body": body}
    seconds, retries = _setting(reader)
    if seconds is not None:
        inputs["timeout_seconds"] = {"value": seconds}
    reader.unknown(info)
    reader.inputs.skip(("inputParameters",))
    declared = reader.declared if reader.outputs else None
    return Made("http_request", inputs=inputs, settings={"retries": retries}, outputs=declared)


def _setting(reader: Reader) -> tuple[float | None, int]:
    """The time of a request, and how often one that got no answer is sent again, which nothing else is."""
    said = reader.inputs.inner("setting")
    seconds, retries = number_of(said.get("timeout")), reader.whole(said, "retryTimes")
    if not 0 <= retries <= MOST_RETRIES:
        message = f"{retries} retries are asked for where nothing is reached; there are 0 to {MOST_RETRIES} here."
        reader.not_kept(said.at("retryTimes"), message)
    retries = min(max(retries, 0), MOST_RETRIES)
    reader.unknown(said)
    if seconds is None or seconds <= 0:
        return None, retries
    if seconds > LONGEST_SECONDS:
        message = f"{seconds} seconds become {LONGEST_SECONDS}, which is the longest time of a request."
        reader.not_kept(said.at("timeout"), message)
    return min(seconds, LONGEST_SECONDS), retries


def _auth(reader: Reader) -> Expr | None:
    said = reader.inputs.inner("auth")
    if not reader.truth(said, "authOpen"):
        said.skip(("authType", "authData"))
        return None
    kind, data = said.get("authType"), said.inner("authData")
    if kind == "BEARER_AUTH":
        tokens = named_values(reader, data, "bearerTokenData")
        data.skip(("customData",))
        token = next((one for one, _ in tokens.values()), {"value": ""})
        if not tokens:
            reader.error("no_value", "The authorisation has no token.", data.path)
        return {"object": {"kind": {"value": "bearer"}, "token": token}}
    if kind != "CUSTOM_AUTH":
        message = f"There is no authorisation of the kind {shown(kind)}; it is left out."
        reader.error("unknown_value", message, said.at("authType"))
        return None
    custom = data.inner("customData")
    data.skip(("bearerTokenData",))
    place = custom.get("addTo")
    if place not in ("header", "query"):
        reader.error("unknown_value", f"addTo is header or query, not {shown(place)}.", custom.at("addTo"))
        place = "header"
    pair = {name.lower(): one for name, (one, _) in named_values(reader, custom, "data").items()}
    members: dict[str, Expr] = {"kind": {"value": "custom"}, "place": {"value": place}}
    for name, ours in (("key", "name"), ("value", "value")):
        if name not in pair:
            reader.error("no_value", f"The authorisation has no {name}.", custom.at("data"))
        members[ours] = pair.get(name, {"value": ""})
    return {"object": members}


def _body(reader: Reader) -> tuple[str, Expr]:
    said = reader.inputs.inner("body")
    word = said.get("bodyType")
    kind = _BODIES.get(word if isinstance(word, str) and word else "EMPTY")
    data = said.inner("bodyData")
    # The editor keeps what was written for the other kinds.
    data.skip(("json", "rawText", "formData", "formURLEncoded", "binary"))
    reader.unknown(data)
    reader.unknown(said)
    if kind is None:
        reader.error("unknown_value", f"There is no bodyType {shown(word)}; nothing is sent.", said.at("bodyType"))
        return "none", {}
    match kind:
        case "json":
            return kind, _template(reader, reader.text(data, "json"), data.at("json"))
        case "raw_text":
            return kind, _template(reader, reader.text(data, "rawText"), data.at("rawText"))
        case "form_data":
            return kind, _form(reader, data.inner("formData"))
        case "form_urlencoded":
            found = named_values(reader, data, "formURLEncoded")
            return kind, {"object": {name: one for name, (one, _) in found.items()}}
        case "binary":
            holder = data.inner("binary")
            return kind, block_input(reader, holder.get("fileURL"), holder.at("fileURL"))[0]
        case _:
            return kind, {}


def _form(reader: Reader, holder: Fields) -> Expr:
    """The fields of a form; a file is fetched from its URL."""
    fields: list[Expr] = []
    for name, (expression, schema) in named_values(reader, holder, "data").items():
        key = "file_url" if is_file(schema) else "value"
        fields.append({"object": {"name": {"value": name}, key: expression}})
    holder.skip(("typeMapping",))
    reader.unknown(holder)
    return {"list": fields}


# --- templates ---


def _template(reader: Reader, text: str, path: str) -> Expr:
    """A template with implicit references; everything else in braces is text."""
    if "{{" not in text:
        return {"value": text}
    made = "".join(one if inner is None else _placeholder(reader, one, inner, path) for one, inner in pieces(text))
    return {"template": made} if "{{" in made else {"value": made}


def _placeholder(reader: Reader, text: str, inner: str, path: str) -> str:
    found = _reference(reader, inner, path)
    if found is not None:
        if (written := _written(found)) is not None:
            return written
        message = f'"{short(text)}" names something that no placeholder can name here; it stays text.'
        reader.error("unwritable_placeholder", message, path)
        return text
    parsed = parse_placeholder(inner)
    root = str(parsed[0]) if parsed else ""
    if root in _OWN or root in SCOPES or root in reader.around.places.ids:
        message = f'"{short(text)}" is plain text there, but a placeholder here: it names "{root}".'
        reader.warning("becomes_placeholder", message, path)
    return text


def _reference(reader: Reader, inner: str, path: str) -> list[Any] | None:
    """What a placeholder refers to; None when it is no reference."""
    if (match := _VARIABLE.fullmatch(inner)) is not None:
        parts: list[str | int] = []
        for name, index, key in _SEGMENT.findall(match[2]):
            parts.append(int(index) if index else name or key)
        return [match[1], *parts]
    if not inner.startswith(_BLOCK):
        return None
    parsed = parse_placeholder(inner)
    if parsed is None or len(parsed) < 2:
        return None
    block = str(parsed[0]).removeprefix(_BLOCK)
    # Indexes stand apart: a key behind one is a key still.
    keys = [str(part) for part in parsed[1:]]
    indexes = {number for number, part in enumerate(parsed[1:]) if isinstance(part, int)}
    found = block_output(reader, block, keys, path)
    if found is None:
        return None
    lead = len(found) - len(keys)
    return [int(part) if number - lead in indexes else part for number, part in enumerate(found)]


def _written(ref: list[Any]) -> str | None:
    """A reference as a placeholder; None when its keys cannot stand in one."""
    text = str(ref[0]) + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in ref[1:])
    read: Path | None = parse_placeholder(text) if "}" not in text else None
    return f"{{{{{text}}}}}" if read == tuple(ref) else None
