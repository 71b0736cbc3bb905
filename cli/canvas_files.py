"""Canvases in files: one is read together with the sub-workflows it calls, which lie beside it as `<key>.json`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.complaint import CommandFailed

_UNFIT: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_KEY: Final = 48


@dataclass(frozen=True)
class CanvasFile:
    """A file that holds a JSON object. Whether that is a canvas is for the validation to say."""

    path: Path
    data: bytes
    document: dict[str, Any]

    @property
    def key(self) -> str:
        """The key of the workflow that is made of it: its name, made fit for addresses."""
        key = _UNFIT.sub("-", self.path.stem.lower()).strip("-")
        if not key:
            key = f"canvas-{hashlib.sha256(self.path.stem.encode(errors='surrogateescape')).hexdigest()[:8]}"
        return (key if key[0].isalpha() else f"canvas-{key}")[:_LONGEST_KEY].rstrip("-")

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self._meta.get("title") or "").strip()[:200] or self.path.stem[:200]

    @property
    def description(self) -> str:
        """What it is for."""
        return str(self._meta.get("description") or "")[:4_000]

    def calls(self) -> tuple[str, ...]:
        """The workflows that it calls, by id or key, in the order of the document."""
        return tuple(dict.fromkeys(_calls(self.document.get("nodes"))))

    def inputs(self) -> dict[str, Any]:
        """What its start declares: the schema of each input."""
        nodes = self.document.get("nodes")
        for node in nodes if isinstance(nodes, list) else []:
            match node:
                case {"type": "start", "data": {"outputs": {"properties": dict(properties)}}}:
                    return properties
        return {}

    @property
    def _meta(self) -> Mapping[str, Any]:
        meta = self.document.get("meta")
        return meta if isinstance(meta, dict) else {}


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises `CommandFailed` that names it."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{path} cannot be read: {error.strerror or error}.") from error


def read_canvas_file(path: Path) -> CanvasFile:
    """Read a canvas. Raises `CommandFailed` when there is none, or when it is no JSON object."""
    data = read_file(path)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise CommandFailed(f"{path} is no canvas: a canvas is a JSON object.")
    if _is_of_coze(document):
        raise CommandFailed(
            f"{path} is a canvas of Coze. Import it: mainspring import {path} --from coze. Then name it by its key."
        )
    return CanvasFile(path, data, document)


def _is_of_coze(document: Mapping[str, Any]) -> bool:
    """Whether its nodes have the numbers that Coze's editor gives to types."""
    nodes = document.get("nodes")
    types = [node.get("type") for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []
    return bool(types) and all(isinstance(one, str) and one.isdecimal() for one in types)


def family(path: Path) -> list[CanvasFile]:
    """The canvas in a file and the sub-workflows beside it that it needs, each after those it calls: itself comes last.

    What is called and has no file is left to whoever knows more workflows; so is a canvas that calls itself.
    """
    found: dict[Path, CanvasFile] = {}

    def visit(file: Path, above: tuple[Path, ...]) -> None:
        if file in found or file in above:
            return
        read = read_canvas_file(file)
        for name in read.calls():
            # A name, not a path: a canvas reads nothing from elsewhere.
            if Path(name).name == name and (beside := file.with_name(f"{name}.json")).is_file():
                visit(beside, (*above, file))
        found[file] = read

    visit(path, ())
    return [*found.values()]


def _calls(nodes: object) -> Iterator[str]:
    for node in nodes if isinstance(nodes, list) else []:
        match node:
            case {"type": "subworkflow", "data": {"settings": {"workflow": str(name)}}}:
                yield name
            case {"data": {"settings": {"tools": list(tools)}}}:
                yield from (str(tool["workflow"]) for tool in tools if isinstance(tool, dict) and "workflow" in tool)
            case {"blocks": list(blocks)}:
                yield from _calls(blocks)
