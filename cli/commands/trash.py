"""`mainspring trash`: workflows that were thrown away, and the way back."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from cli.configuration import data_dir_option
from cli.workflow_places import every, print_json, speak_about


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
    """Bring WORKFLOW (its id) back."""
    back = speak_about(data_dir, lambda client: client.post(f"{_place(workflow)}/restore"))
    click.echo(f"{back['key']} is back.")
    if back["key"] != back["key_before"]:
        click.echo(f"Another workflow has the key {back['key_before']} now.", err=True)
    return 0


@command.command("purge")
@click.argument("workflow")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
def purge(workflow: str, yes: bool, data_dir: Path | None) -> int:
    """End WORKFLOW (its id) in the trash for good, with its versions. Its runs stay readable."""
    if not yes:
        click.confirm(f"End the workflow {workflow} for good, with all its versions?", abort=True, err=True)
    speak_about(data_dir, lambda client: client.delete(_place(workflow)))
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


def _place(workflow: str) -> str:
    return f"/trash/workflows/{quote(workflow, safe='')}"
