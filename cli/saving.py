"""Saves canvases from files as workflows, over the API: what they call is saved and published before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cli.canvas_files import CanvasFile
from cli.complaint import CommandFailed
from cli.http_client import ApiClient, ApiRefused


@dataclass(frozen=True)
class Saved:
    """What has become of a file: the key of the workflow, and whether that is new."""

    key: str
    fresh: bool = False


async def save_family(client: ApiClient, files: Sequence[CanvasFile]) -> Saved:
    """Save the last file as a draft, and those before it, which it calls, as published versions."""
    *called, last = files
    changed: set[str] = set()
    for file in called:
        if file.key != file.path.stem:
            raise CommandFailed(
                f"{file.path.name} is called by its name, but the key of a workflow is made of lower-case letters,"
                f" digits and hyphens: call it {file.key}.json."
            )
        saved = await save_draft(client, file)
        if await publish(client, file, again=bool(changed.intersection(file.calls()))):
            changed.add(saved.key)
    return await save_draft(client, last)


async def save_draft(client: ApiClient, file: CanvasFile, *, keep: bool = False) -> Saved:
    """Make the workflow, or bring its draft up to what is in the file; with `keep` one that is there is left alone."""
    where = _path(file)
    try:
        draft = await client.get(f"{where}/draft")
    except ApiRefused as refused:
        if refused.facts.get("status") != 404:
            raise
        await client.post("/workflows", _new(file))
        return Saved(file.key, fresh=True)
    if keep or draft["canvas"] == file.document:
        return Saved(file.key)
    await client.put(f"{where}/draft", {"canvas": file.document, "revision": draft["revision"]})
    return Saved(file.key)


async def publish(client: ApiClient, file: CanvasFile, *, again: bool = False) -> bool:
    """Publish the draft, unless the latest version is just that (`again`: even then). Whether there is a new one."""
    where = _path(file)
    if not again:
        try:
            latest = await client.get(f"{where}/versions/latest")
        except ApiRefused as refused:
            if refused.facts.get("status") != 404:
                raise
        else:
            if latest["canvas"] == file.document:
                return False
    try:
        await client.post(f"{where}/versions")
    except ApiRefused as refused:
        raise CommandFailed(f"{file.path.name} cannot be published. {refused.message}") from refused
    return True


def _new(file: CanvasFile) -> dict[str, Any]:
    return {"name": file.title, "key": file.key, "description": file.description, "canvas": file.document}


def _path(file: CanvasFile) -> str:
    return f"/workflows/{quote(file.key, safe='')}"
