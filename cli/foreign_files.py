"""Workflows of other systems in files: whatever shape they were saved in, each with its id, its name and its canvas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cli.canvas_files import read_file
from cli.complaint import CommandFailed
from engine.interchange.bundle import KIND

_IDS: Final = ("workflow_id", "workflowId", "id")
_CANVASES: Final = ("schema_json", "schema", "canvas")
_DESCRIPTIONS: Final = ("desc", "description")


def read_documents(paths: Sequence[Path], *, besides: Path | None = None) -> list[dict[str, Any]]:
    """The documents in files, and in the JSON files of folders, as an import takes them.

    A file holds a canvas by itself (its id is then the file's name), a workflow as the API of Coze gives it
    (`workflow_id`, `name`, `desc`, `schema_json`), an answer of that API, or a list of these. A folder may hold
    `besides` too, which is passed over. Raises `CommandFailed`.
    """
    found: list[dict[str, Any]] = []
    for file in _files(paths, besides):
        before = len(found)
        value = _read(file)
        if is_bundle(value):
            raise CommandFailed(f"{file} is a bundle of Mainspring: import it without --from coze.")
        found += _documents(value, file, lone=True)
        if len(found) == before:
            raise CommandFailed(f"{file} holds no workflow: neither a canvas nor one in `schema_json`.")
    return found


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises `CommandFailed`."""
    value = _read(path)
    if not isinstance(value, dict):
        raise CommandFailed(f"{path} holds no JSON object.")
    return value


def read_bundle(path: Path) -> dict[str, Any]:
    """The bundle in a file, as `mainspring export` wrote it. Raises `CommandFailed`."""
    value = read_object(path)
    if not is_bundle(value):
        raise CommandFailed(
            f"{path} is no bundle, which is what `mainspring export` writes. For workflows of Coze add --from coze."
        )
    return value


def is_bundle(value: object) -> bool:
    """Whether it says that it is one."""
    return isinstance(value, dict) and value.get("kind") == KIND


def _files(paths: Sequence[Path], besides: Path | None) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(one for one in path.iterdir() if one.suffix == ".json" and not _same(one, besides))
        if not inside:
            raise CommandFailed(f"There is no file *.json in {path}.")
        yield from inside


def _same(file: Path, other: Path | None) -> bool:
    return other is not None and file.resolve() == other.resolve()


def _read(path: Path) -> Any:
    try:
        return json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise CommandFailed(f"{path} is not JSON: {error}.") from error


def _documents(value: Any, file: Path, *, lone: bool) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _documents(one, file, lone=lone and len(value) == 1)
    elif isinstance(value, dict):
        if isinstance(value.get("nodes"), list):
            meta = value.get("meta")
            title = meta.get("title") if isinstance(meta, dict) else None
            yield {"id": file.stem if lone else "", "name": str(title or file.stem)[:200], "canvas": value}
        elif (canvas := next((value[key] for key in _CANVASES if value.get(key)), None)) is not None:
            yield _named(value, canvas, file, lone)
        else:
            # An answer of the API, or a list under a name.
            for key in ("data", "workflow", "workflows", "items"):
                if isinstance(value.get(key), dict | list):
                    yield from _documents(value[key], file, lone=lone)


def _named(value: Mapping[str, Any], canvas: Any, file: Path, lone: bool) -> dict[str, Any]:
    id_ = next((str(value[key]) for key in _IDS if value.get(key)), file.stem if lone else "")
    description = next((str(value[key]) for key in _DESCRIPTIONS if value.get(key)), "")
    return {
        "id": id_,
        "name": str(value.get("name") or id_ or file.stem)[:200],
        "description": description[:4_000],
        "canvas": canvas,
    }
