"""`mainspring audit`: who did what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.asking import ask, json_option, millis, show_json, show_rows
from cli.configuration import data_dir_option
from cli.named import account_named, organisation_named

_SECONDS = 600.0
"""A long log takes a while."""


@click.command("audit")
@click.option("--action", help="Only these: role.grant, or the beginning of some: role.")
@click.option("--account", help="Only what this account did, by its e-mail address or id.")
@click.option("--organisation", help="Only of this organisation, by its id or key; 0 is the instance.")
@click.option("--target", help="Only what was done to this, by id.")
@click.option("--search", help="Only with this in the name of who did it or of what it was done to.")
@click.option("--since", help="From this date on: 2026-11-01.")
@click.option("--until", help="Before this date.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@click.option("--export", "form", type=click.Choice(["csv", "jsonl"]), help="Print all of them as a file instead.")
@json_option
@data_dir_option
def command(
    limit: int,
    form: str | None,
    since: str | None,
    until: str | None,
    as_json: bool,
    data_dir: Path | None,
    **said: str | None,
) -> int:
    """Show who did what, the newest first."""
    from cli.tables import moment

    asked: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    asked |= {name: millis(text) for name, text in (("since", since), ("until", until)) if text}
    if form is not None:

        async def export(client: Any) -> Any:
            return await client.text("/audit/export", format=form, patience=_SECONDS, **await _by_id(client, asked))

        text: str = ask(data_dir, export)
        # As bytes: the lines of CSV end as they end.
        click.echo(text.encode(), nl=False)
        return 0

    async def look(client: Any) -> Any:
        return await client.get("/audit", limit=limit, **await _by_id(client, asked))

    found = ask(data_dir, look)["items"]
    if as_json:
        return show_json(found)
    columns = {
        "When": lambda one: moment(one["at"]),
        "Who": lambda one: one["actor"],
        "What": lambda one: one["action"] + (" (refused)" if one["outcome"] == "refused" else ""),
        "To": lambda one: f"{one['target_kind']} {one['target_name'] or one['target_id']}".strip(),
        "From": lambda one: one["ip"],
    }
    return show_rows(found, columns, "Nothing was done.")


async def _by_id(client: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The same questions, with the ids of whom they name."""
    ways = {"organisation": organisation_named, "account": account_named}
    return {**asked, **{name: await way(client, asked[name]) for name, way in ways.items() if name in asked}}
