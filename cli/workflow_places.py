"""What the commands about workflows share: addresses, all pages of a list, and who speaks."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import click

from cli.configuration import load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient


def speak_about(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    """Do work that needs a server and no worker."""
    from cli.session import speak

    return speak(load_settings(data_dir=data_dir), work, reading=True)


def place(workflow: str) -> str:
    """The address of a workflow, by its id or key."""
    return f"/workflows/{quote(workflow, safe='')}"


def forced(path: str, force: bool) -> str:
    """The address, with the word that somebody insists."""
    return f"{path}?{urlencode({'force': 'true'})}" if force else path


async def every(client: ApiClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """All of a list."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await client.get(path, cursor=cursor, limit=200, **params)
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return found


def print_json(value: Any) -> None:
    """As JSON, 中文 as it is."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
