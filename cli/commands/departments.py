"""`mainspring departments`: the tree of departments of an organisation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option
from cli.people import as_json, department_id, of_organisation, place_of, print_json, speak_of_people

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.group("departments")
def command() -> None:
    """Make departments of an organisation, and see their tree.

    Where a department is asked for, it is its id, its code, or its path within the organisation: 研发部/平台组.
    """


@command.command("tree")
@of_organisation
@as_json
@data_dir_option
def tree(organisation: str, as_json: bool, data_dir: Path | None) -> int:
    """Show the departments, and how many people work in each."""
    from cli.people import print_departments

    async def work(client: ApiClient) -> Any:
        return await client.get(place_of(organisation, "departments", "tree"), counts="true")

    found = speak_of_people(data_dir, work)["items"]
    if as_json:
        return print_json(found)
    print_departments(found)
    return 0


@command.command("create")
@click.argument("name")
@of_organisation
@click.option("--below", metavar="DEPARTMENT", help="Below which it stands; otherwise right below the organisation.")
@click.option("--code", help="Unique in the organisation.")
@as_json
@data_dir_option
def create(
    name: str, organisation: str, below: str | None, code: str | None, as_json: bool, data_dir: Path | None
) -> int:
    """Make a department NAME."""

    async def work(client: ApiClient) -> Any:
        parent = None if below is None else await department_id(client, organisation, below)
        body = {"name": name, "parent_id": parent, "code": code}
        return await client.post(place_of(organisation, "departments"), body)

    made = speak_of_people(data_dir, work)
    if as_json:
        return print_json(made)
    click.echo(f"The department {made['path']} is there; the id is {made['id']}.")
    return 0


@command.command("delete")
@click.argument("department")
@of_organisation
@data_dir_option
def delete(department: str, organisation: str, data_dir: Path | None) -> int:
    """Delete DEPARTMENT, in which nothing stands and nobody works."""

    async def work(client: ApiClient) -> Any:
        found = await department_id(client, organisation, department)
        await client.delete(place_of(organisation, "departments", found))

    speak_of_people(data_dir, work)
    click.echo(f"The department {department} is gone.")
    return 0
