"""`mainspring databases`: tables that canvases read and write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_SECONDS = 300.0
"""A long file takes a while."""
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_ACCESS = click.Choice(["limited", "read_only", "unlimited"])
_draft = click.option("--draft", is_flag=True, help="The test data, on which test runs work.")
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("databases")
def command() -> None:
    """Make databases, fill them and look into them.

    A server that is up on the data folder does it; otherwise what is needed runs here for the moment.
    """


@command.command("create")
@click.argument("file", type=_FILE)
@click.option("--name", default="", help="Its name; otherwise that in the file, or of the file.")
@click.option("--access", type=_ACCESS, help="What runs may: see and change their user's rows, read all, or anything.")
@click.option("--no-rows", is_flag=True, help="Take only the columns of a CSV, and not its rows.")
@_json
@data_dir_option
def create(
    file: Path, name: str, access: str | None, no_rows: bool, as_json: bool, data_dir: Path | None
) -> int:  # fmt: skip
    """Make a database of FILE: a definition in JSON, or a CSV with its rows.

    A definition is an object with `name` and `fields` (each with `name`, `type`, `description`, `required`), and if
    need be `description` and `access`. Types are text, integer, number, boolean and time; those of a CSV are found out.
    The rows of a CSV belong to nobody, so that runs may read them all and change none (read_only) unless --access says
    otherwise.
    """
    from cli.database_files import definition_of_csv, read_definition, read_text

    is_csv = file.suffix.lower() in (".csv", ".tsv")
    body = definition_of_csv(file, name) if is_csv else read_definition(file)
    text = read_text(file) if is_csv and not no_rows else ""
    said = access or ("read_only" if text else None)
    body |= {**({"name": name} if name else {}), **({"access": said} if said else {})}

    from engine.errors import FlowError

    async def work(client: ApiClient) -> Any:
        made = await client.post("/databases", body)
        if text:
            try:
                await client.post(f"{_place(made['id'])}/import", {"format": "csv", "text": text}, patience=_SECONDS)
            except FlowError:
                # Half of it would be in the way of the next try.
                await client.delete(_place(made["id"]))
                raise
        return made

    return _print(_speak(data_dir, work), as_json)


@command.command("list")
@click.option("--search", help="Only those with this in their name.")
@_json
@data_dir_option
def list_databases(search: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the databases."""
    from cli.tables import moment, new_table, print_table

    async def work(client: ApiClient) -> list[Any]:
        found: list[Any] = []
        cursor = None
        while True:
            page = await client.get("/databases", search=search, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    databases = _speak(data_dir, work)
    if as_json:
        _print_json(databases)
    elif databases:
        table = new_table("Database", "Id", "Access", "Changed", "Fields")
        for one in databases:
            fields = ", ".join(field["name"] for field in one["fields"])
            table.add_row(one["name"], one["id"], one["access"], moment(one["updated"]), fields)
        print_table(table)
    else:
        click.echo("There are no databases.")
    return 0


@command.command("show")
@click.argument("database")
@_json
@data_dir_option
def show(database: str, as_json: bool, data_dir: Path | None) -> int:
    """Show how DATABASE is defined."""
    return _print(_speak(data_dir, lambda client: client.get(_place(database))), as_json)


@command.command("rows")
@click.argument("database")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many at most.")
@click.option("--user", help="Only those of this user.")
@_draft
@_json
@data_dir_option
def rows(database: str, limit: int, user: str | None, draft: bool, as_json: bool, data_dir: Path | None) -> int:
    """Show rows of DATABASE, the newest first."""
    from cli.tables import new_table, print_table

    async def work(client: ApiClient) -> Any:
        return await client.get(f"{_place(database)}/rows", limit=limit, user=user, draft=draft)

    found = _speak(data_dir, work)["items"]
    if as_json:
        _print_json(found)
    elif found:
        table = new_table(*found[0])
        for row in found:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        print_table(table)
    else:
        click.echo("There are no rows.")
    return 0


@command.command("import")
@click.argument("database")
@click.argument("file", type=_FILE)
@click.option("--user", default="", help="Whose the rows are.")
@click.option("--skip-bad-rows", is_flag=True, help="Add the rows that fit; otherwise all or none.")
@_draft
@data_dir_option
def import_rows(
    database: str, file: Path, user: str, skip_bad_rows: bool, draft: bool, data_dir: Path | None
) -> int:  # fmt: skip
    """Add the rows of FILE to DATABASE: a CSV whose first line names the fields, or a JSON list of objects."""
    from cli.database_files import read_text

    form = "json" if file.suffix.lower() == ".json" else "csv"
    body = {
        "format": form, "text": read_text(file), "draft": draft, "user": user, "skip_bad_rows": skip_bad_rows,
    }  # fmt: skip
    told = _speak(data_dir, lambda client: client.post(f"{_place(database)}/import", body, patience=_SECONDS))
    click.echo(f"Added {told['added']} rows.")
    if told["skipped"]:
        click.echo(f"Skipped {told['skipped']}:", err=True)
        for one in told["errors"]:
            click.echo(f"  row {one['row']}, {one['field']}: {one['message']}", err=True)
    return 0


@command.command("export")
@click.argument("database")
@_draft
@data_dir_option
def export(database: str, draft: bool, data_dir: Path | None) -> int:
    """Print all rows of DATABASE as CSV."""
    text: str = _speak(
        data_dir, lambda client: client.text(f"{_place(database)}/export", draft=draft, patience=_SECONDS)
    )
    # As bytes: the lines of CSV end as they end.
    click.echo(text.encode(), nl=False)
    return 0


@command.command("delete")
@click.argument("database")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while a workflow uses it.")
@data_dir_option
def delete(database: str, yes: bool, force: bool, data_dir: Path | None) -> int:
    """Take DATABASE away, with all that is in it."""
    if not yes:
        click.confirm(f"Take the database {database} away, with all that is in it?", abort=True, err=True)
    where = f"{_place(database)}?force=true" if force else _place(database)
    _speak(data_dir, lambda client: client.delete(where))
    click.echo(f"The database {database} is gone.")
    return 0


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def _place(database: str) -> str:
    return f"/databases/{quote(database, safe='')}"


def _print(database: dict[str, Any], as_json: bool) -> int:
    from cli.tables import moment, new_table, print_table

    if as_json:
        _print_json(database)
        return 0
    click.echo(f"{click.style(database['name'], bold=True)}  {database['description']}".rstrip())
    click.echo(f"  id        {database['id']}\n  access    {database['access']}")
    click.echo(f"  changed   {moment(database['updated'])}, revision {database['revision']}")
    table = new_table("No.", "Field", "Type", "Needed", "Description")
    for one in database["fields"]:
        words = (str(one["number"]), one["name"], one["type"], "yes" if one["required"] else "", one["description"])
        table.add_row(*words)
    print_table(table)
    return 0


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
