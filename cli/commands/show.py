"""`mainspring show`: what a run did, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient

_LONGEST = 160


@click.command("show")
@click.argument("run")
@click.option(
    "--path", "place", default="", metavar="PLACE", help="Only this place and all inside it, such as each[2]."
)
@click.option("--node", default="", metavar="ID", help="Only this node, at whatever place.")
@click.option("--json", "as_json", is_flag=True, help="Print the run and its records as JSON.")
@data_dir_option
def command(run: str, place: str, node: str, as_json: bool, data_dir: Path | None) -> int:
    """Show RUN: its state, the record of each step, and what came out."""
    from cli.results import print_result
    from cli.session import speak

    settings = load_settings(data_dir=data_dir)
    found, nodes = speak(settings, lambda client: _read(client, run, place, node), reading=True)
    if as_json:
        click.echo(json.dumps({**found, "nodes": nodes}, ensure_ascii=False, indent=2))
        return 0
    _print(found, nodes)
    print_result(found, settings, whole=False)
    return 0


async def _read(client: ApiClient, run_id: str, place: str, node: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    run = await client.get(f"/runs/{run_id}")
    nodes: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await client.get(
            f"/runs/{run_id}/nodes", cursor=cursor, limit=200, path=place or None, node=node or None
        )
        nodes += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return run, nodes


def _print(run: dict[str, Any], nodes: list[dict[str, Any]]) -> None:
    from cli.run_view import seconds
    from cli.tables import moment, new_table, print_table, state_text

    took = f", {seconds(run['duration_ms'])}" if run["duration_ms"] is not None else ""
    began = moment(run["started"] or run["created"])
    click.echo(f"{run['workflow_name']} ({run['workflow_key']}, {run['version']}): {run['state']}, began {began}{took}")
    if run["temporal_url"]:
        click.echo(run["temporal_url"])
    table = new_table("Step", "Type", "State", "Took", "Attempt", "Tokens", "Output")
    for node in nodes:
        tokens = node["usage"]["input_tokens"] + node["usage"]["output_tokens"]
        error = (node["error"] or {}).get("message")
        outcome = error or ("" if node["output"] in (None, {}) else json.dumps(node["output"], ensure_ascii=False))
        table.add_row(
            node["path"],
            node["node_type"],
            state_text(node["state"]),
            "" if node["duration_ms"] is None else seconds(node["duration_ms"]),
            "" if node["attempt"] <= 1 else str(node["attempt"]),
            str(tokens or ""),
            outcome if len(outcome) <= _LONGEST else f"{outcome[:_LONGEST]}…",
        )
    print_table(table)
    for node in nodes:
        for warning in node["warnings"] or ():
            click.echo(f"{node['path']} ! {warning}")
        for line in _printed(node):
            click.echo(f"{node['path']} | {line}")


def _printed(node: dict[str, Any]) -> list[str]:
    """What the code of a node printed: a failure tells it among its facts."""
    facts = (node["error"] or {}).get("facts") or {}
    lines = node["logs"] or facts.get("logs")
    return [str(line) for line in lines] if isinstance(lines, list) else []
