"""What commands that look after people share: ask a server, gather the pages of a list, and show rows."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient

json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


def ask(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    """What a server answers: the one that is up on the data folder, or one that runs here for the moment."""
    from cli.session import speak

    # Nothing of this is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


async def every(client: ApiClient, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await client.get(path, cursor=cursor, limit=200, **params)
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return found


def show_rows(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Callable[[Mapping[str, Any]], str]], nothing: str
) -> int:
    """Print rows as a table, or the sentence that there are none."""
    from cli.tables import new_table, print_table

    if not rows:
        click.echo(nothing)
        return 0
    table = new_table(*columns)
    for row in rows:
        table.add_row(*(cell(row) for cell in columns.values()))
    print_table(table)
    return 0


def show_json(value: Any) -> int:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
    return 0


def millis(text: str) -> int:
    """The moment of a date or time, in UTC milliseconds: `2026-12-31`, or with a time and a zone behind it."""
    from datetime import UTC, datetime

    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no date: write it like 2026-12-31 or 2026-12-31T18:00+08:00.") from error
    return int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp() * 1000)
