"""Saves canvases from files as workflows, over the API: what they call is saved and published before them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from cli.canvas_files import CanvasFile
from cli.complaint import CommandFailed
from cli.http_client import ApiClient, ApiRefused


async def save_family(client: ApiClient, files: Sequence[CanvasFile]) -> str:
    """Save the last file as a draft, and those before it, which it calls, as published versions; gives its key."""
    *called, last = files
    changed: set[str] = set()
    for file in called:
        if file.key != file.path.stem:
            raise CommandFailed(
                f"{file.path.name} is called by its name, but the key of a workflow is made of lower-case letters,"
                f" digits and hyphens: call it {file.key}.json."
            )
        await save_draft(client, file)
        # A version calls the very version that was there when it was published, so a change below makes new ones above.
        if await publish(client, file, again=bool(changed.intersection(file.calls()))):
            changed.add(file.key)
    await save_draft(client, last)
    return last.key


async def save_draft(client: ApiClient, file: CanvasFile) -> None:
    """Make the workflow, or bring its draft up to what is in the file."""
    where = _path(file)
    try:
        draft = await client.get(f"{where}/draft")
    except ApiRefused as refused:
        if refused.facts.get("status") != HTTPStatus.NOT_FOUND:
            raise
        await create(client, file)
        return
    if draft["canvas"] != file.document:
        await client.put(f"{where}/draft", {"canvas": file.document, "revision": draft["revision"]})


async def create(client: ApiClient, file: CanvasFile) -> None:
    """Make the workflow. Raises `ApiRefused` when there is one of that key."""
    new = {"name": file.title, "key": file.key, "description": file.description, "canvas": file.document}
    await client.post("/workflows", new)


async def publish(client: ApiClient, file: CanvasFile, *, again: bool = False) -> bool:
    """Publish the draft, unless the latest version is just that (`again`: even then). Whether there is a new one."""
    where = _path(file)
    if not again:
        try:
            latest = await client.get(f"{where}/versions/latest")
        except ApiRefused as refused:
            if refused.facts.get("status") != HTTPStatus.NOT_FOUND:
                raise
        else:
            if latest["canvas"] == file.document:
                return False
    try:
        await client.post(f"{where}/versions")
    except ApiRefused as refused:
        raise CommandFailed(f"{file.path.name} cannot be published. {refused.message}") from refused
    return True


def _path(file: CanvasFile) -> str:
    return f"/workflows/{quote(file.key, safe='')}"
