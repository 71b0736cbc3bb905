"""`mainspring tokens`: tokens for programs, made by the operator on behalf of an account, and his own replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_account = click.option(
    "--account", default=None, metavar="EMAIL", help="The account that it acts for; the first administrator's without."
)


@click.group("tokens")
def command() -> None:
    """Make tokens for programs, list and revoke them.

    A server that is up on the data folder does the work; otherwise what is needed runs here for the moment.
    """


@command.command("create")
@click.argument("name")
@_account
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True, help="For how long it is good.")
@click.option("--scope", "scopes", multiple=True, help="A permission, or resource.*; several times. All without.")
@click.option("--space", "spaces", multiple=True, metavar="ID", help="A space that it opens alone; several times.")
@click.option("--home", metavar="ID", help="The space of requests that name none.")
@_as_json
@data_dir_option
def create(
    name: str,
    account: str | None,
    days: int,
    scopes: tuple[str, ...],
    spaces: tuple[str, ...],
    home: str | None,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Make the token NAME, and print it: nobody is told again."""
    body: dict[str, Any] = {"name": name, "days": days, "spaces": [*spaces], "space_id": home, "account": account}
    if scopes:
        body["scopes"] = [*scopes]
    made = _speak(data_dir, lambda client: client.post("/tokens", body))
    click.echo(json.dumps(made, ensure_ascii=False, indent=2) if as_json else made["token"])
    return 0


@command.command("list")
@_account
@_as_json
@data_dir_option
def list_(account: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the tokens of an account, the newest first."""
    from cli.tables import moment, new_table, print_table

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await client.get("/tokens", account=account, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    found = _speak(data_dir, work)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return 0
    if not found:
        click.echo("There are no tokens.")
        return 0
    table = new_table("Id", "Name", "Begins with", "Scopes", "Spaces", "Expires", "Last used")
    for one in found:
        used = f"{moment(one['last_used'])} {one['last_ip']}".strip() if one["last_used"] else "never"
        ends = f"{moment(one['expires'])}{' (over)' if one['expired'] else ''}"
        spaces = ", ".join(one["spaces"]) or "all"
        table.add_row(one["id"], one["name"], one["prefix"], ", ".join(one["scopes"]), spaces, ends, used)
    print_table(table)
    return 0


@command.command("revoke")
@click.argument("token")
@_account
@data_dir_option
def revoke(token: str, account: str | None, data_dir: Path | None) -> int:
    """Revoke TOKEN, by its id. It opens nothing from the next request on."""
    from urllib.parse import quote

    whose = "" if account is None else f"?account={quote(account)}"
    _speak(data_dir, lambda client: client.delete(f"/tokens/{quote(token, safe='')}{whose}"))
    click.echo(f"The token {token} opens nothing any more.")
    return 0


@command.command("replace-instance")
@data_dir_option
def replace_instance(data_dir: Path | None) -> int:
    """Make a new token of the operator's. It lies in the data folder and opens everything.

    The old one is worthless at once. What was given it by hand has to be given the new one.
    """
    from cli.data_folder import DataFolder

    settings = load_settings(data_dir=data_dir)
    folder = DataFolder(settings.data_dir)

    async def work(client: ApiClient) -> None:
        made = await client.post("/instance-token")
        # Should this process end right here, the next start makes the token that lies there good again.
        folder.replace_token(made["token"])

    from cli.session import speak

    speak(settings, work, reading=True)
    click.echo(f"The token in {folder.token_file} is a new one.")
    return 0


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)
