"""`mainspring import`: workflows of another system, or a bundle of ours, become workflows here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient

_PATIENCE = 300.0


@click.command("import")
@click.argument("files", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True)
@click.option(
    "--from", "source", type=click.Choice(["coze", "mainspring"]), default="mainspring", show_default=True,
    help="The system that saved them; `mainspring` for what `mainspring export` wrote.",
)  # fmt: skip
@click.option(
    "--table", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file that says what things are called there and here: {kind: {id there: id here}}.",
)  # fmt: skip
@click.option("--update", is_flag=True, help="Bring the drafts of what was imported before up to the files.")
@click.option("--copy", is_flag=True, help="Make new workflows also of what was imported before.")
@click.option("--publish", is_flag=True, help="Publish what has no errors.")
@click.option("--dry-run", is_flag=True, help="Say what would come of it, and store nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
@data_dir_option
def command(
    files: tuple[Path, ...],
    source: str,
    table: Path | None,
    update: bool,
    copy: bool,
    publish: bool,
    dry_run: bool,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Import the workflows in FILES, or in the JSON files of folders: all of them or none.

    What could not be kept is said line by line, with the node it is about. The exit status is 1 when something has
    errors; it is stored as a draft all the same.
    """
    from cli.foreign_files import read_bundle, read_documents, read_object
    from cli.session import speak

    if update and copy:
        raise click.UsageError("--update and --copy exclude each other.")
    order: dict[str, Any] = {
        "from": source,
        "existing": "update" if update else "copy" if copy else "refuse",
        "publish": publish,
        "dry_run": dry_run,
    }
    if table is not None:
        order["table"] = read_object(table)
    if source == "coze":
        orders = [{**order, "documents": read_documents(files, besides=table)}]
    else:
        orders = [{**order, "bundle": read_bundle(file)} for file in files]

    async def work(client: ApiClient) -> list[Any]:
        return [await client.post("/workflows/import", one, patience=_PATIENCE) for one in orders]

    answers = speak(load_settings(data_dir=data_dir), work, reading=True)
    made = {key: [one for answer in answers for one in answer[key]] for key in ("workflows", "unmapped")}
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False, indent=2))
    else:
        _tell(made)
    return int(any(one["severity"] == "error" for workflow in made["workflows"] for one in workflow["diagnostics"]))


def _tell(made: dict[str, Any]) -> None:
    from cli.canvas_check import finding_line
    from engine.diagnostics import Diagnostic

    for workflow in made["workflows"]:
        versions = f", published as {', '.join(workflow['published'])}" if workflow["published"] else ""
        action = workflow["action"].replace("_", " ")
        click.echo(f"{workflow['name']}: {action} as {workflow['key'] or workflow['id']}{versions}")
        for finding in workflow["diagnostics"]:
            click.echo(f"  {finding_line(Diagnostic(**finding))}")
    if made["unmapped"]:
        click.echo("Nothing here is known for these ids; a run that gets to such a node fails there:")
        for one in made["unmapped"]:
            click.echo(f"  {one['kind']} {one['id']} ({one['workflow']}: {', '.join(one['nodes'])})")
        click.echo("Say what they are here with --table FILE and --update.")
