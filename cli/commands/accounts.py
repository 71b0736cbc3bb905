"""`mainspring accounts`: who can log in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option, load_settings
from cli.named import organisation_named

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_account = click.argument("account", metavar="EMAIL|ID")


@click.group("accounts")
def command() -> None:
    """Look after the accounts of people: list, make, disable them, and give them new passwords.

    It works with the token in the data folder, also for who is locked out. A server that is up there does the work;
    otherwise what is needed runs here for the moment.
    """


@command.command("list")
@click.option("--search", default="", help="Only those with this in their name or address.")
@click.option("--disabled/--enabled", default=None, help="Only those that are disabled, or are not.")
@_as_json
@data_dir_option
def list_(search: str, disabled: bool | None, as_json: bool, data_dir: Path | None) -> int:
    """List accounts, the newest first."""
    from cli.tables import moment, new_table, print_table

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await client.get("/accounts", search=search, disabled=disabled, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    found = _speak(data_dir, work)
    if as_json:
        _print_json(found)
        return 0
    table = new_table("Id", "Address", "State", "Last login", "Name")
    for one in found:
        last = "" if one["last_login"] is None else moment(one["last_login"])
        table.add_row(one["id"], one["email"], _state(one), last, one["name"])
    print_table(table)
    return 0


@command.command("create")
@click.argument("email")
@click.option("--name", help="What people read; the first part of the address when absent.")
@click.option("--organisation", help="Where it is at home, by its id or key; the default organisation when absent.")
@click.option("--locale", type=click.Choice(["en", "zh"]), help="The language of messages.")
@_as_json
@data_dir_option
def create(
    email: str, name: str | None, organisation: str | None, locale: str | None, as_json: bool, data_dir: Path | None
) -> int:
    """Make an account for EMAIL. Prints the password for its first login."""
    body = {
        "email": email,
        "name": name or email.partition("@")[0],
        "locale": locale or "",
    }

    async def work(client: ApiClient) -> Any:
        home = None if organisation is None else await organisation_named(client, organisation)
        return await client.post("/accounts", {**body, "organisation_id": home})

    made = _speak(data_dir, work)
    if as_json:
        _print_json(made)
        return 0
    click.echo(f"{made['id']}  {made['email']}")
    _show(made["one_time_password"])
    return 0


@command.command("disable")
@_account
@data_dir_option
def disable(account: str, data_dir: Path | None) -> int:
    """Let nobody log in with an account. Its sessions end and its tokens open nothing."""
    found = _speak(data_dir, lambda client: _do(client, account, "disable"))
    click.echo(f"{found['email']} is disabled.")
    return 0


@command.command("enable")
@_account
@data_dir_option
def enable(account: str, data_dir: Path | None) -> int:
    """Let an account be used again."""
    found = _speak(data_dir, lambda client: _do(client, account, "enable"))
    click.echo(f"{found['email']} is enabled.")
    return 0


@command.command("reset-password")
@_account
@data_dir_option
def reset_password(account: str, data_dir: Path | None) -> int:
    """Give an account a new password, for one login. Its sessions end."""
    found = _speak(data_dir, lambda client: _do(client, account, "reset-password"))
    _show(found["one_time_password"])
    return 0


async def _do(client: ApiClient, account: str, what: str) -> Any:
    if "@" in account:
        page = await client.get("/accounts", email=account)
        if not page["items"]:
            raise CommandFailed(f"There is no account with the address {account}.")
        account = page["items"][0]["id"]
    if not account.isdecimal():
        raise CommandFailed(f"An account is named by its address or its id, but {account!r} came.")
    return await client.post(f"/accounts/{account}/{what}")


def _state(account: dict[str, Any]) -> str:
    if account["disabled"]:
        return "disabled"
    return "new password" if account["change_password"] else "active"


def _show(password: str) -> None:
    click.echo(f"{password}  (shown this once, to be changed at the first login)")


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
