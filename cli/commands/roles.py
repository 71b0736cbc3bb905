"""`mainspring roles`: what people may, and to whom it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli.asking import ask, every, json_option, millis, show_json, show_rows
from cli.complaint import CommandFailed
from cli.configuration import data_dir_option
from cli.named import account_named, organisation_named, space_named
from cli.people import department_id as department_named


@click.group("roles")
def command() -> None:
    """Make roles of permissions, and give them to people and departments."""


@command.command("list")
@click.option("--search", help="Only those with this in their name, key or description.")
@json_option
@data_dir_option
def list_(search: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the built-in roles and those of organisations."""
    found = ask(data_dir, lambda client: every(client, "/roles", search=search))
    if as_json:
        return show_json(found)
    columns = {
        "Key": lambda one: one["key"],
        "Id": lambda one: one["id"],
        "Name": lambda one: one["name"] + (" (disabled)" if one["disabled"] else ""),
        "Of": lambda one: "everybody" if one["built_in"] else f"organisation {one['organisation_id']}",
        "About": lambda one: one["domain"],
        "Permissions": lambda one: str(len(one["permissions"])),
    }
    return show_rows(found, columns, "There are no roles.")


@command.command("permissions")
@json_option
@data_dir_option
def permissions(as_json: bool, data_dir: Path | None) -> int:
    """List all that there is to be allowed."""
    found = ask(data_dir, lambda client: client.get("/permissions"))["items"]
    if as_json:
        return show_json(found)
    rows = [one for row in found for one in row["permissions"]]
    columns = {
        "Permission": lambda one: one["permission"],
        "About": lambda one: one["domain"],
        "What": lambda one: f"{one['title']}. {one['description']}".strip(),
    }
    return show_rows(rows, columns, "There are none.")


@command.command("show")
@click.argument("role")
@json_option
@data_dir_option
def show(role: str, as_json: bool, data_dir: Path | None) -> int:
    """Show what ROLE lets one do, by its id or key."""

    async def work(client: Any) -> Any:
        return await client.get(_at(await _id(client, role)))

    found = ask(data_dir, work)
    if as_json:
        return show_json(found)
    click.echo(f"{click.style(found['name'], bold=True)}  {found['description']}".rstrip())
    for one in found["permissions"]:
        click.echo(f"  {one}")
    return 0


@command.command("create")
@click.argument("name")
@click.argument("permission", nargs=-1)
@click.option("--key", default="", help="For programs; otherwise one like the name.")
@click.option(
    "--domain", type=click.Choice(["organisation", "space"]), default="organisation", show_default=True,
    help="What its permissions are about.",
)  # fmt: skip
@click.option("--organisation", default="", help="The organisation that has it, by its id or key.")
@json_option
@data_dir_option
def create(
    name: str,
    permission: tuple[str, ...],
    key: str,
    domain: str,
    organisation: str,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Make a role NAME of PERMISSIONs."""
    body = {"name": name, "permissions": [*permission], "key": key, "domain": domain}

    async def work(client: Any) -> Any:
        return await client.post("/roles", {**body, "organisation_id": await organisation_named(client, organisation)})

    made = ask(data_dir, work)
    if as_json:
        return show_json(made)
    click.echo(f"The role {made['name']} has the key {made['key']} and the id {made['id']}.")
    return 0


@command.command("delete")
@click.argument("role")
@data_dir_option
def delete(role: str, data_dir: Path | None) -> int:
    """Take ROLE away, which nobody may have."""

    async def work(client: Any) -> None:
        await client.delete(_at(await _id(client, role)))

    ask(data_dir, work)
    click.echo(f"The role {role} is gone.")
    return 0


@command.command("grant")
@click.argument("role")
@click.option("--account", default="", help="To this account, by its e-mail address or id.")
@click.option(
    "--department", default="",
    help="To everybody of this department, and below it: its id, or its code or path in the organisation.",
)  # fmt: skip
@click.option("--organisation", default="", help="Where it holds, by its id or key; 0 is the instance.")
@click.option("--in-space", "space", default="", help="In this space alone, by its id or key.")
@click.option("--until", help="When it ends by itself: 2026-12-31.")
@json_option
@data_dir_option
def grant(
    role: str, account: str, department: str, organisation: str, space: str, until: str | None, as_json: bool,
    data_dir: Path | None,
) -> int:  # fmt: skip
    """Give ROLE to an account, or to a department."""
    expires = millis(until) if until else None

    async def work(client: Any) -> Any:
        named = department and not department.isdecimal()
        body = {
            "account_id": await account_named(client, account),
            "department_id": await department_named(client, _home(organisation), department) if named else department,
            "organisation_id": await organisation_named(client, organisation),
            "space_id": await space_named(client, space),
            "expires": expires,
        }
        return await client.post(f"{_at(await _id(client, role))}/grants", body)

    made = ask(data_dir, work)
    if as_json:
        return show_json(made)
    click.echo(f"{made['subject_name']} has the role {made['role_name']} (grant {made['id']}).")
    return 0


@command.command("grants")
@click.option("--account", help="To this account, by its e-mail address or id.")
@click.option("--department", help="To this department, by id.")
@click.option("--role", help="Of this role, by id or key.")
@json_option
@data_dir_option
def grants(account: str | None, department: str | None, role: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List what is given to whom, the newest first."""
    from cli.tables import moment

    async def work(client: Any) -> Any:
        number = await _id(client, role) if role else None
        whose = await account_named(client, account) if account else None
        return await every(client, "/role-grants", account=whose, department=department, role=number)

    found = ask(data_dir, work)
    if as_json:
        return show_json(found)
    columns = {
        "Grant": lambda one: one["id"],
        "Role": lambda one: one["role_key"],
        "To": lambda one: one["subject_name"] + (" (department)" if one["department_id"] else ""),
        "Organisation": lambda one: one["organisation_id"],
        "Space": lambda one: one["space_id"] or "",
        "Until": lambda one: moment(one["expires"]) if one["expires"] else "",
    }
    return show_rows(found, columns, "Nothing is given.")


@command.command("take")
@click.argument("grant_id", metavar="GRANT")
@data_dir_option
def take(grant_id: str, data_dir: Path | None) -> int:
    """Take a role back that was given, by the id of the GRANT."""
    ask(data_dir, lambda client: client.delete(f"/role-grants/{quote(grant_id, safe='')}"))
    click.echo(f"The grant {grant_id} is gone.")
    return 0


async def _id(client: Any, role: str) -> str:
    """The id of a role that is named by its id or key."""
    if role.isdecimal():
        return role
    same = [one["id"] for one in await every(client, "/roles", search=role) if one["key"] == role]
    if len(same) != 1:
        several = "Several organisations have" if same else "There is no"
        raise CommandFailed(f"{several} a role {role}: name it by its id." if same else f"{several} role {role}.")
    return str(same[0])


def _home(organisation: str) -> str:
    """Where a department is looked for by its name: what holds on the instance is nobody's organisation."""
    return organisation if organisation not in ("", "0") else "default"


def _at(role: str) -> str:
    return f"/roles/{quote(role, safe='')}"
