"""`mainspring spaces`: where people work together, and who does."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli.asking import ask, every, json_option, millis, show_json, show_rows
from cli.complaint import CommandFailed
from cli.configuration import data_dir_option
from cli.named import organisation_named

_ROLE = click.Choice(["owner", "admin", "editor", "viewer"])
_SAID = {
    "added": "{} is in now, as {}.",
    "already_member": "{} was in already, as {}.",
    "unknown": "{} is no account of this tree of organisations.",
    "disabled": "{} cannot log in: enable the account first.",
}


@click.group("spaces")
def command() -> None:
    """Make spaces, and say who works in them.

    In which space other commands work say `mainspring --space SPACE …` or MAINSPRING_SPACE.
    """


@command.command("list")
@click.option("--deleted", is_flag=True, help="Those that were deleted.")
@click.option("--search", help="Only those with this in their name, key or description.")
@json_option
@data_dir_option
def list_(deleted: bool, search: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the spaces, the newest first."""
    from cli.tables import moment

    async def work(client: Any) -> Any:
        return await every(client, "/spaces", deleted=deleted, search=search), await every(client, "/organisations")

    found, organisations = ask(data_dir, work)
    if as_json:
        return show_json(found)
    keys = {one["id"]: one["key"] for one in organisations}
    columns = {
        "Key": lambda one: one["key"],
        "Id": lambda one: one["id"],
        "Name": lambda one: one["name"],
        "Kind": lambda one: one["kind"],
        "Organisation": lambda one: keys.get(one["organisation_id"], one["organisation_id"]),
        "Made": lambda one: moment(one["created"]),
    }
    return show_rows(found, columns, "There are no spaces.")


@command.command("create")
@click.argument("name")
@click.option("--key", default="", help="For addresses; otherwise one like the name.")
@click.option("--description", default="", help="What it is for.")
@click.option("--owner", default="", help="Whom it shall belong to, by e-mail or id.")
@click.option("--organisation", default="", help="Where it belongs to, by its id or key.")
@json_option
@data_dir_option
def create(
    name: str, key: str, description: str, owner: str, organisation: str, as_json: bool, data_dir: Path | None
) -> int:
    """Make a team space NAME."""
    body = {"name": name, "key": key, "description": description, "owner": owner}

    async def work(client: Any) -> Any:
        return await client.post("/spaces", {**body, "organisation_id": await organisation_named(client, organisation)})

    made = ask(data_dir, work)
    if as_json:
        return show_json(made)
    click.echo(f"The space {made['name']} has the key {made['key']} and the id {made['id']}.")
    return 0


@command.command("delete")
@click.argument("space")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
def delete(space: str, yes: bool, data_dir: Path | None) -> int:
    """Take SPACE out of sight, with all that is in it. `restore` brings it back."""
    if not yes:
        click.confirm(f"Delete the space {space}, with all that is in it?", abort=True, err=True)
    ask(data_dir, lambda client: client.delete(_at(space)))
    click.echo(f"The space {space} is gone.")
    return 0


@command.command("restore")
@click.argument("space")
@data_dir_option
def restore(space: str, data_dir: Path | None) -> int:
    """Bring the deleted SPACE back, by its id."""
    made = ask(data_dir, lambda client: client.post(f"{_at(space)}/restore"))
    click.echo(f"The space {made['name']} is back, with the key {made['key']}.")
    return 0


@command.command("members")
@click.argument("space")
@json_option
@data_dir_option
def members(space: str, as_json: bool, data_dir: Path | None) -> int:
    """List who works in SPACE."""
    from cli.tables import moment

    found = ask(data_dir, lambda client: every(client, f"{_at(space)}/members"))
    if as_json:
        return show_json(found)
    columns = {
        "Account": lambda one: one["account_id"],
        "E-mail": lambda one: one["email"],
        "Name": lambda one: one["name"] + (" (disabled)" if one["disabled"] else ""),
        "Role": lambda one: one["role"],
        "Until": lambda one: moment(one["expires"]) if one["expires"] else "",
    }
    return show_rows(found, columns, "Nobody works there.")


@command.command("invite")
@click.argument("space")
@click.argument("people", nargs=-1, required=True)
@click.option("--role", type=_ROLE, default="editor", show_default=True, help="What they shall be.")
@click.option("--until", help="When it ends by itself: 2026-12-31.")
@data_dir_option
def invite(space: str, people: tuple[str, ...], role: str, until: str | None, data_dir: Path | None) -> int:
    """Let PEOPLE into SPACE, by their e-mail addresses or ids."""
    expires = millis(until) if until else None
    asked = [{("account_id" if one.isdecimal() else "email"): one, "role": role, "expires": expires} for one in people]
    done: Any = ask(data_dir, lambda client: client.post(f"{_at(space)}/members", {"members": asked}))
    for given, one in zip(people, done["items"], strict=True):
        now = one["member"]["role"] if one["member"] else ""
        click.echo(_SAID[one["outcome"]].format(given, now), err=one["outcome"] in ("unknown", "disabled"))
    return 1 if any(one["outcome"] in ("unknown", "disabled") for one in done["items"]) else 0


@command.command("remove")
@click.argument("space")
@click.argument("person")
@data_dir_option
def remove(space: str, person: str, data_dir: Path | None) -> int:
    """Take PERSON out of SPACE, by e-mail address or id."""

    async def work(client: Any) -> None:
        number = person
        if not person.isdecimal():
            found = await every(client, f"{_at(space)}/members", search=person)
            same = [one["account_id"] for one in found if one["email"] == person.strip().lower()]
            if not same:
                raise CommandFailed(f"{person} does not work in {space}.")
            number = same[0]
        await client.delete(f"{_at(space)}/members/{quote(number, safe='')}")

    ask(data_dir, work)
    click.echo(f"{person} works in {space} no longer.")
    return 0


def _at(space: str) -> str:
    return f"/spaces/{quote(space, safe='')}"
