"""`mainspring runs`: the latest runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient

_STATES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")


@click.command("runs")
@click.option("--workflow", help="Only those of this workflow, by its id or key.")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@data_dir_option
def command(workflow: str | None, state: str | None, limit: int, as_json: bool, data_dir: Path | None) -> int:
    """List the latest runs, the newest first."""
    from cli.session import speak

    async def work(client: ApiClient) -> Any:
        return await client.get("/runs", workflow=workflow, state=state, limit=limit)

    page = speak(load_settings(data_dir=data_dir), work, reading=True)
    if as_json:
        click.echo(json.dumps(page["items"], ensure_ascii=False, indent=2))
        return 0
    if not page["items"]:
        click.echo("There are no such runs." if workflow or state else "There are no runs.")
        return 0
    _print(page["items"])
    return 0


def _print(runs: list[dict[str, Any]]) -> None:
    from cli.run_view import seconds
    from cli.tables import moment, new_table, print_table, state_text

    table = new_table("Run", "Workflow", "Version", "State", "Began", "Took", "Steps", "Tokens")
    for run in runs:
        tokens = run["usage"]["input_tokens"] + run["usage"]["output_tokens"]
        took = run["duration_ms"]
        table.add_row(
            run["id"],
            run["workflow_key"],
            run["version"],
            state_text(run["state"]),
            moment(run["started"] or run["created"]),
            "" if took is None else seconds(took),
            str(run["executed_steps"] or ""),
            str(tokens or ""),
        )
    print_table(table)
