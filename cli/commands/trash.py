"""`mainspring trash`: workflows that were thrown away, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option
from cli.workflow_places import every, print_json, speak_about

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.group("trash")
def command() -> None:
    """Look through the trash, bring workflows back, or end them for good."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@data_dir_option
def list_trash(as_json: bool, data_dir: Path | None) -> int:
    """List what is in the trash; what was thrown away last comes first."""
    from cli.tables import moment, new_table, print_table

    found = speak_about(data_dir, lambda client: every(client, "/trash/workflows"))
    if as_json:
        print_json(found)
        return 0
    if not found:
        click.echo("The trash is empty.")
        return 0
    table = new_table("Id", "Key", "Thrown away", "Name")
    for one in found:
        table.add_row(one["id"], one["key"], moment(one["deleted"]), one["name"])
    print_table(table)
    return 0


@command.command("restore")
@click.argument("workflow")
@data_dir_option
def restore(workflow: str, data_dir: Path | None) -> int:
    """Bring WORKFLOW (its id or key) back."""

    async def work(client: ApiClient) -> Any:
        return await client.post(f"{await _place(client, workflow)}/restore")

    back = speak_about(data_dir, work)
    click.echo(f"{back['key']} is back.")
    if back["key"] != back["key_before"]:
        click.echo(f"Another workflow has the key {back['key_before']} now.", err=True)
    return 0


@command.command("purge")
@click.argument("workflow")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
def purge(workflow: str, yes: bool, data_dir: Path | None) -> int:
    """End WORKFLOW (its id or key) in the trash for good. Its versions end too; its runs stay readable."""
    if not yes:
        click.confirm(f"End the workflow {workflow} for good, with all its versions?", abort=True, err=True)

    async def work(client: ApiClient) -> None:
        await client.delete(await _place(client, workflow))

    speak_about(data_dir, work)
    click.echo(f"{workflow} is gone.")
    return 0


@command.command("empty")
@click.option("--older-than", type=click.IntRange(0, 36_500), default=0, metavar="DAYS", help="Only what is older.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
def empty(older_than: int, yes: bool, data_dir: Path | None) -> int:
    """End everything in the trash for good."""
    if not yes:
        click.confirm("End what is in the trash for good?", abort=True, err=True)
    where = f"/trash/workflows?older_than_days={older_than}"
    speak_about(data_dir, lambda client: client.delete(where))
    click.echo("The trash is empty." if not older_than else f"What was older than {older_than} days is gone.")
    return 0


async def _place(client: ApiClient, workflow: str) -> str:
    """Where it is in the trash. Its key is free there: several may have had it, one after the other."""
    same = [one["id"] for one in await every(client, "/trash/workflows") if workflow in (one["id"], one["key"])]
    if not same:
        raise CommandFailed(f"There is no workflow {workflow} in the trash.")
    if len(same) > 1:
        raise CommandFailed(
            f"Several workflows in the trash had the key {workflow}: {', '.join(same)}. Name one by its id."
        )
    return f"/trash/workflows/{quote(str(same[0]), safe='')}"
