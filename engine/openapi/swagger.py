"""Swagger 2.0, rewritten as the OpenAPI 3.0 that it became."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.openapi.findings import Findings

_MOVED: Final = {
    "#/definitions/": "#/components/schemas/",
    "#/parameters/": "#/components/parameters/",
    "#/responses/": "#/components/responses/",
}
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_OF_A_PARAMETER: Final = frozenset({"name", "in", "description", "required", "collectionFormat", "allowEmptyValue"})
_STYLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "csv": {"explode": False},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
    "multi": {"explode": True},
}


def from_swagger(document: Mapping[str, Any], findings: Findings) -> dict[str, Any]:
    """The same document in the later language."""
    return _Rewriting(document, findings).document()


class _Rewriting:
    def __init__(self, document: Mapping[str, Any], findings: Findings) -> None:
        self._old: Mapping[str, Any] = _moved(document)
        self._findings = findings

    def document(self) -> dict[str, Any]:
        old = self._old
        parameters = _object(old.get("parameters"))
        made: dict[str, Any] = {
            "openapi": "3.0.3",
            "info": old.get("info", {}),
            "components": {
                "schemas": _object(old.get("definitions")),
                "parameters": {
                    name: self._parameter(one, f"parameters.{name}")
                    for name, one in parameters.items()
                    if isinstance(one, dict) and one.get("in") not in ("body", "formData")
                },
                "responses": {
                    name: self._response(one, self._media(old, "produces"))
                    for name, one in _object(old.get("responses")).items()
                },
                "securitySchemes": {
                    name: _scheme(one) for name, one in _object(old.get("securityDefinitions")).items()
                },
            },
            "paths": {path: self._path(one, f"paths.{path}") for path, one in _object(old.get("paths")).items()},
        }
        if "security" in old:
            made["security"] = old["security"]
        if host := old.get("host"):
            schemes = old.get("schemes")
            scheme = "https" if not isinstance(schemes, list) or not schemes or "https" in schemes else schemes[0]
            made["servers"] = [{"url": f"{scheme}://{host}{old.get('basePath', '')}"}]
        return made

    def _path(self, given: Any, place: str) -> Any:
        if not isinstance(given, dict):
            return given
        shared = given.get("parameters")
        made = {name: value for name, value in given.items() if name != "parameters"}
        for method in _METHODS:
            if isinstance(operation := given.get(method), dict):
                made[method] = self._operation(operation, _list(shared), f"{place}.{method}")
        return made

    def _operation(self, old: Mapping[str, Any], shared: list[Any], place: str) -> dict[str, Any]:
        made = {name: value for name, value in old.items() if name not in ("parameters", "consumes", "produces")}
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for one in (*shared, *_list(old.get("parameters"))):
            parameter = self._known(one)
            found[str(parameter.get("name")), str(parameter.get("in"))] = parameter
        plain = [one for one in found.values() if one.get("in") not in ("body", "formData")]
        made["parameters"] = [self._parameter(one, f"{place}.parameters") for one in plain]
        fields = [one for one in found.values() if one.get("in") == "formData"]
        media = self._media(old, "consumes") or self._media(self._old, "consumes")
        if body := next((one for one in found.values() if one.get("in") == "body"), None):
            kinds = [kind for kind in media if "form" not in kind] or ["application/json"]
            made["requestBody"] = {
                "required": body.get("required", False),
                "description": body.get("description", ""),
                "content": {kind: {"schema": body.get("schema", {})} for kind in kinds},
            }
        elif fields:
            whole = any(one.get("type") == "file" for one in fields)
            kind = "multipart/form-data" if whole or "multipart/form-data" in media else media_form(media)
            made["requestBody"] = {
                "required": any(one.get("required") is True for one in fields),
                "content": {kind: {"schema": _form(fields)}},
            }
        produced = self._media(old, "produces") or self._media(self._old, "produces")
        made["responses"] = {code: self._response(one, produced) for code, one in _object(old.get("responses")).items()}
        return made

    def _known(self, parameter: Any) -> dict[str, Any]:
        """A parameter; a shared one is looked up here, because a shared body is a parameter no more."""
        reference = parameter.get("$ref") if isinstance(parameter, dict) else None
        if isinstance(reference, str) and reference.startswith("#/components/parameters/"):
            parameter = _object(self._old.get("parameters")).get(reference.rpartition("/")[2], parameter)
        return parameter if isinstance(parameter, dict) else {}

    def _parameter(self, old: Mapping[str, Any], place: str) -> dict[str, Any]:
        if "$ref" in old:
            return dict(old)
        made = {name: value for name, value in old.items() if name in _OF_A_PARAMETER or name.startswith("x-")}
        made["schema"] = {name: value for name, value in old.items() if name not in _OF_A_PARAMETER}
        if old.get("type") == "array":
            wanted = str(old.get("collectionFormat", "csv"))
            if wanted in _STYLES and (old.get("in") == "query" or wanted == "csv"):
                made |= _STYLES[wanted]
            else:
                sentence = f"The collectionFormat {wanted[:20]!r} is read as csv."
                self._findings.warn(place, "unknown_collection_format", sentence)
                made["explode"] = False
        made.pop("collectionFormat", None)
        return made

    def _response(self, old: Any, media: list[str]) -> Any:
        if not isinstance(old, dict) or "schema" not in old:
            return old
        made = {name: value for name, value in old.items() if name != "schema"}
        return {**made, "content": {kind: {"schema": old["schema"]} for kind in media or ["application/json"]}}

    def _media(self, owner: Mapping[str, Any], word: str) -> list[str]:
        return [str(kind) for kind in _list(owner.get(word))]


def media_form(media: list[str]) -> str:
    """The type of a form without files."""
    return next((kind for kind in media if "form" in kind), "application/x-www-form-urlencoded")


def _form(fields: list[dict[str, Any]]) -> dict[str, Any]:
    members = {
        str(one.get("name", "")): {
            name: value for name, value in one.items() if name not in _OF_A_PARAMETER or name == "description"
        }
        for one in fields
    }
    return {
        "type": "object",
        "properties": members,
        "required": [str(one.get("name", "")) for one in fields if one.get("required") is True],
    }


def _scheme(old: Any) -> Any:
    if not isinstance(old, dict):
        return {}
    if old.get("type") == "basic":
        return {"type": "http", "scheme": "basic"}
    return dict(old)


def _moved(value: Any) -> Any:
    """The same value, its references leading where things are now."""
    if isinstance(value, dict):
        return {name: _reference(one) if name == "$ref" else _moved(one) for name, one in value.items()}
    return [_moved(one) for one in value] if isinstance(value, list) else value


def _reference(value: Any) -> Any:
    if isinstance(value, str):
        for before, after in _MOVED.items():
            if value.startswith(before):
                return after + value.removeprefix(before)
    return _moved(value)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
