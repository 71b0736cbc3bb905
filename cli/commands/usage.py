"""`mainspring usage`: what was spent on models."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient

_DAY: Final = click.DateTime(formats=["%Y-%m-%d"])
_HEADINGS: Final = {
    "day": ("Day",),
    "model": ("Model", "Provider", "Vendor's name"),
    "node": ("Workflow", "Node"),
    "workflow": ("Workflow",),
    "run": ("Run", "Workflow"),
}


@click.command("usage")
@click.option(
    "--by", type=click.Choice([*_HEADINGS]), default="day", show_default=True, help="What it is put together by."
)
@click.option("--from", "since", type=_DAY, help="From the beginning of this day (YYYY-MM-DD).  [30 days ago]")
@click.option("--to", "until", type=_DAY, help="To the end of this day.  [now]")
@click.option("--workflow", help="Only this one, by its id or key.")
@click.option("--run", help="Only this one.")
@click.option("--node", help="Only this one.")
@click.option("--model", help="Only what was asked for by this name.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def command(
    by: str,
    since: datetime | None,
    until: datetime | None,
    workflow: str | None,
    run: str | None,
    node: str | None,
    model: str | None,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Show what the calls of models cost. Days are those of this machine; currencies are not added up."""
    from cli.session import speak

    async def work(client: ApiClient) -> Any:
        asked = {
            "by": by,
            "from": None if since is None else _moment(since),
            "to": None if until is None else _moment(until + timedelta(days=1)),
            "utc_offset": round((datetime.now().astimezone().utcoffset() or timedelta()).total_seconds() / 60),
        }
        return await client.get("/usage", workflow=workflow, run=run, node=node, model=model, **asked)

    usage = speak(load_settings(data_dir=data_dir), work, reading=True)
    if as_json:
        click.echo(json.dumps(usage, ensure_ascii=False, indent=2))
    elif usage["items"]:
        _print(by, usage)
    else:
        click.echo("No model was called in that time.")
    return 0


def _print(by: str, usage: dict[str, Any]) -> None:
    from cli.tables import new_table, print_table

    headings = _HEADINGS[by]
    table = new_table(*headings, "Calls", "Failed", "Tokens in", "Cached", "Tokens out", "Reasoning", "Cost")
    for row in usage["items"]:
        table.add_row(*_place(by, row), *_sums(row))
    for total in usage["totals"]:
        table.add_row("Together", *[""] * (len(headings) - 1), *_sums(total))
    print_table(table)
    if usage["truncated"]:
        click.echo("There are more lines than are shown.")
    if estimated := sum(total["estimated"] for total in usage["totals"]):
        click.echo(f"For {estimated} calls the provider told no usage: their tokens were counted from the texts.")


def _place(by: str, row: dict[str, Any]) -> tuple[str, ...]:
    workflow = row["workflow_name"] or row["workflow_id"] or "none"
    match by:
        case "day":
            return (datetime.fromtimestamp(row["day"] / 1000).astimezone().strftime("%Y-%m-%d"),)
        case "model":
            return row["model"], row["provider"], row["vendor_model"]
        case "node":
            return workflow, row["node"]
        case "run":
            return row["run_id"] or "none", workflow
        case _:
            return (workflow,)


def _sums(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = (row["calls"], row["failed"], row["input_tokens"], row["cached_input_tokens"], row["output_tokens"],
               row["reasoning_tokens"])  # fmt: skip
    cost = f"{row['cost']:.6f}".rstrip("0").rstrip(".")
    return *(f"{number:,}" if number else "" for number in numbers), f"{cost} {row['currency']}" if row["cost"] else ""


def _moment(day: datetime) -> int:
    return round(day.astimezone().timestamp() * 1000)
