"""`mainspring workflows`: find, copy, move and delete them, and see who uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option
from cli.named import space_named
from cli.workflow_places import every, forced, place, print_json, speak_about

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.group("workflows")
def command() -> None:
    """Find workflows, copy, move and delete them, and see who uses them.

    A server that is up on the data folder does it; otherwise what is needed runs here for the moment.
    """


@command.command("list")
@click.option("--search", help="Only those with this in a key, name or description.")
@click.option("--folder", metavar="ID", help="Only those in this folder; 0 is the top.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--state", type=click.Choice(["draft", "published", "changed"]), help="Only those in this state.")
@click.option("--sort", type=click.Choice(["created", "updated", "name"]), default="created", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@data_dir_option
def list_workflows(
    search: str | None, folder: str | None, tag: str | None, state: str | None, sort: str, as_json: bool,
    data_dir: Path | None,
) -> int:  # fmt: skip
    """List the workflows."""
    from cli.tables import moment, new_table, print_table

    wanted = {"search": search, "folder": folder, "tag": tag, "state": state, "sort": sort}
    found = speak_about(data_dir, lambda client: every(client, "/workflows", **wanted))
    if as_json:
        print_json(found)
        return 0
    if not found:
        click.echo("There are no such workflows.")
        return 0
    table = new_table("Workflow", "Latest", "State", "Changed", "Tags", "Name")
    for one in found:
        tags = ", ".join(one["tags"])
        table.add_row(one["key"], one["latest_version"] or "", one["state"], moment(one["updated"]), tags, one["name"])
    print_table(table)
    return 0


@command.command("copy")
@click.argument("workflow")
@click.option("--to", "space", help="The space it goes to, by its id or key; otherwise it stays in this one.")
@click.option("--name", help="What the copy is called.")
@click.option("--version", default="draft", show_default=True, help="What becomes its draft.")
@click.option("--with-called", is_flag=True, help="Copy the drafts of what it calls too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def copy(
    workflow: str, space: str | None, name: str | None, version: str, with_called: bool, as_json: bool,
    data_dir: Path | None,
) -> int:  # fmt: skip
    """Copy WORKFLOW (its id or key). Says what is missing where the copy goes."""
    given = {"name": name, "version": version, "with_called": with_called}
    body = {field: value for field, value in given.items() if value is not None}

    async def work(client: ApiClient) -> Any:
        goal = {} if space is None else {"space_id": await space_named(client, space)}
        return await client.post(f"{place(workflow)}/copy", {**body, **goal})

    made = speak_about(data_dir, work)
    if as_json:
        print_json(made)
        return 0
    click.echo(f"The copy is called {made['key']}.")
    for one in made["called"]:
        click.echo(f"Copied along: {one['key']}.")
    _findings(made["diagnostics"])
    return 0


@command.command("move")
@click.argument("workflow")
@click.option("--to", "space", help="The space it shall belong to, by its id or key.")
@click.option("--folder", metavar="ID", help="The folder; 0 is the top.")
@click.option("--force", is_flag=True, help="Also when other workflows here use it.")
@data_dir_option
def move(workflow: str, space: str | None, folder: str | None, force: bool, data_dir: Path | None) -> int:
    """Move WORKFLOW to another folder or space. Its versions go with it."""
    if space is None and folder is None:
        raise click.UsageError("Say where to: --to a space, or --folder.")
    filed = {} if folder is None else {"folder_id": folder}

    async def work(client: ApiClient) -> Any:
        if space is None:
            return await client.patch(place(workflow), filed)
        goal = await space_named(client, space)
        return await client.post(f"{place(workflow)}/move", {"space_id": goal, "force": force, **filed})

    moved = _unless_used(data_dir, work)
    click.echo(f"{moved['key']} is there now.")
    _findings(moved.get("diagnostics", []))
    return 0


@command.command("delete")
@click.argument("workflow")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also when other workflows use it.")
@data_dir_option
def delete(workflow: str, yes: bool, force: bool, data_dir: Path | None) -> int:
    """Put WORKFLOW into the trash. `mainspring trash restore` brings it back."""
    if not yes:
        click.confirm(f"Put the workflow {workflow} into the trash?", abort=True, err=True)

    async def work(client: ApiClient) -> str:
        found = await client.get(place(workflow))
        await client.delete(forced(place(workflow), force))
        return str(found["id"])

    id_ = _unless_used(data_dir, work)
    click.echo(f"{workflow} is in the trash. `mainspring trash restore {id_}` brings it back.")
    return 0


@command.command("uses")
@click.argument("workflow")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def uses(workflow: str, as_json: bool, data_dir: Path | None) -> int:
    """Say who uses WORKFLOW, and what it uses."""
    found = speak_about(data_dir, lambda client: client.get(f"{place(workflow)}/references", limit=200))
    if as_json:
        print_json(found)
        return 0
    for user in found["used_by"]:
        click.echo(f"used by {user['key']} ({', '.join(one['held_by'] for one in user['holdings'])})")
    for one in found["uses"]:
        asked = f" {one['asked']}" if one["asked"] else ""
        click.echo(f"{one['held_by']} uses the {one['kind']} {one['target']}{asked} ({', '.join(one['nodes'])})")
    if not found["used_by"] and not found["uses"]:
        click.echo("It uses nothing, and nobody uses it.")
    return 0


def _unless_used(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.http_client import ApiRefused

    try:
        return speak_about(data_dir, work)
    except ApiRefused as refused:
        if refused.facts.get("api_code") != "in_use":
            raise
        raise CommandFailed(f"{refused.message} --force does it all the same.") from refused


def _findings(diagnostics: list[dict[str, Any]]) -> None:
    for one in diagnostics:
        where = f"{one['node']}: " if one["node"] else ""
        click.echo(f"{click.style(one['severity'], fg='yellow')} {where}{one['message']}", err=True)
