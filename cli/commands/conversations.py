"""`mainspring conversations`: what users and workflows have said to each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_SHOWN: Final = 20

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_user = click.option("--user", "user_id", help="The end user, in any words.")
_app = click.option("--app", "app_id", help="The application, in any words.")
_channel = click.option("--channel", help="The channel through which the user comes, in any words.")


@click.group("conversations")
def command() -> None:
    """Look after conversations: `mainspring run --conversation` makes a run a turn of one.

    A server that is up on the data folder does the work; otherwise what is needed runs here for the moment.
    """


@command.command("list")
@_user
@_app
@_channel
@click.option("--draft/--online", "draft", default=None, help="Only those for test runs, or only the others.")
@_as_json
@data_dir_option
def list_(
    user_id: str | None,
    app_id: str | None,
    channel: str | None,
    draft: bool | None,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """List conversations, the newest first."""
    from cli.tables import moment, new_table, print_table

    only = {"user_id": user_id, "app_id": app_id, "channel": channel, "draft": draft}

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await client.get("/conversations", **only, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    found = _speak(data_dir, work)
    if as_json:
        _print_json(found)
        return 0
    table = new_table("Conversation", "Last change", "For", "Application", "User", "Channel", "Name")
    for one in found:
        kind = "tests" if one["draft"] else "runs"
        table.add_row(
            one["id"], moment(one["updated"]), kind, one["app_id"], one["user_id"], one["channel"], one["name"]
        )
    print_table(table)
    return 0


@command.command("create")
@click.argument("name", default="")
@_user
@_app
@_channel
@click.option("--draft", is_flag=True, help="For test runs, as `mainspring run` makes them.")
@_as_json
@data_dir_option
def create(
    name: str,
    user_id: str | None,
    app_id: str | None,
    channel: str | None,
    draft: bool,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Make a conversation, with a NAME or without, and print its id."""
    given = {"name": name, "user_id": user_id, "app_id": app_id, "channel": channel, "draft": draft}
    body = {word: value for word, value in given.items() if value is not None}
    made = _speak(data_dir, lambda client: client.post("/conversations", body))
    if as_json:
        _print_json(made)
    else:
        click.echo(made["id"])
    return 0


@command.command("show")
@click.argument("conversation")
@click.option("--limit", type=click.IntRange(1, 50), default=_SHOWN, show_default=True, help="How many messages.")
@_as_json
@data_dir_option
def show(conversation: str, limit: int, as_json: bool, data_dir: Path | None) -> int:
    """Show what was said last in CONVERSATION, the oldest first."""
    found = _speak(data_dir, lambda client: client.get(f"{_place(conversation)}/messages", limit=limit))
    messages = [*reversed(found["items"])]
    if as_json:
        _print_json(messages)
        return 0
    section = messages[0]["section_id"] if messages else ""
    for one in messages:
        if one["section_id"] != section:
            section = one["section_id"]
            click.echo(click.style("— cleared —", dim=True))
        click.echo(f"{click.style(one['role'], bold=True)}  {one['content']}")
    return 0


@command.command("say")
@click.argument("conversation")
@click.argument("content")
@click.option("--role", type=click.Choice(["user", "assistant"]), default="user", show_default=True, help="Who.")
@_as_json
@data_dir_option
def say(conversation: str, content: str, role: str, as_json: bool, data_dir: Path | None) -> int:
    """Put a message into CONVERSATION, without a run; print its id."""
    body = {"role": role, "content": content}
    made = _speak(data_dir, lambda client: client.post(f"{_place(conversation)}/messages", body))
    if as_json:
        _print_json(made)
    else:
        click.echo(made["id"])
    return 0


@command.command("rename")
@click.argument("conversation")
@click.argument("name")
@data_dir_option
def rename(conversation: str, name: str, data_dir: Path | None) -> int:
    """Give CONVERSATION another NAME."""
    _speak(data_dir, lambda client: client.patch(_place(conversation), {"name": name}))
    click.echo(f"The conversation {conversation} is called {name}.")
    return 0


@command.command("clear")
@click.argument("conversation")
@data_dir_option
def clear(conversation: str, data_dir: Path | None) -> int:
    """Let what was said in CONVERSATION be no context for models any more."""
    _speak(data_dir, lambda client: client.post(f"{_place(conversation)}/clear"))
    click.echo(f"The conversation {conversation} begins anew.")
    return 0


@command.command("delete")
@click.argument("conversation")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
def delete(conversation: str, yes: bool, data_dir: Path | None) -> int:
    """Delete CONVERSATION with everything that was said in it."""
    if not yes:
        click.confirm(f"Delete the conversation {conversation} with everything in it?", abort=True, err=True)
    _speak(data_dir, lambda client: client.delete(_place(conversation)))
    click.echo(f"The conversation {conversation} is gone.")
    return 0


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def _place(conversation: str) -> str:
    return f"/conversations/{quote(conversation, safe='')}"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
