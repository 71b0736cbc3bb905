"""`mainspring organisations`: the tree of organisations, each with spaces and people of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option
from cli.people import as_json, place_of, print_json, speak_of_people

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.group("organisations")
def command() -> None:
    """Make organisations and see their tree: groups, companies, branches.

    A server that is up on the data folder does it; otherwise what is needed runs here for the moment.
    """


@command.command("tree")
@click.argument("organisation", required=False)
@click.option("--departments", is_flag=True, help="With their departments.")
@as_json
@data_dir_option
def tree(organisation: str | None, departments: bool, as_json: bool, data_dir: Path | None) -> int:
    """Show the tree, and how many work there. With ORGANISATION (its id or key) only what is below it."""
    from cli.people import print_organisations

    async def work(client: ApiClient) -> Any:
        asked = {"departments": str(departments).lower(), "counts": "true"}
        return await client.get("/organisation-tree", root=organisation, **asked)

    found = speak_of_people(data_dir, work)["items"]
    if as_json:
        return print_json(found)
    print_organisations(found)
    return 0


@command.command("create")
@click.argument("name")
@click.option("--key", default="", help="Unique; otherwise one like its name.")
@click.option("--kind", type=click.Choice(["group", "company", "branch"]), default="company", show_default=True)
@click.option("--below", metavar="ORGANISATION", help="Below which it stands, by id or key; otherwise at the top.")
@as_json
@data_dir_option
def create(name: str, key: str, kind: str, below: str | None, as_json: bool, data_dir: Path | None) -> int:
    """Make an organisation NAME, with a first space."""

    async def work(client: ApiClient) -> Any:
        parent = None if below is None else (await client.get(place_of(below)))["id"]
        return await client.post("/organisations", {"name": name, "key": key, "kind": kind, "parent_id": parent})

    made = speak_of_people(data_dir, work)
    if as_json:
        return print_json(made)
    click.echo(f"The organisation {made['path']} is there; its key is {made['key']}.")
    return 0
