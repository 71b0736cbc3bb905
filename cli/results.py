"""How a run came out, as it is printed: the output as JSON, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import click

from cli.invocation import command_line
from conf.settings import Settings

STATUSES: Final = {"succeeded": 0, "failed": 1, "cancelled": 1, "waiting": 2}
"""The exit status for each state in which a run is left."""


def print_result(run: Mapping[str, Any], settings: Settings, *, whole: bool) -> int:
    """Print what came out, and give the exit status. `whole` prints the run as the API shows it."""
    state = str(run["state"])
    if whole:
        click.echo(json.dumps(run, ensure_ascii=False, indent=2))
        return STATUSES.get(state, 1)
    match state:
        case "succeeded":
            click.echo(json.dumps(run["output"], ensure_ascii=False, indent=2))
        case "failed":
            _print_failure(run, settings)
        case "cancelled":
            click.echo(f"The run {run['id']} was cancelled.", err=True)
        case "waiting":
            _print_waits(run, settings)
        case _:
            click.echo(f"The run {run['id']} is {state}.", err=True)
    return STATUSES.get(state, 1)


def _print_failure(run: Mapping[str, Any], settings: Settings) -> None:
    error = run.get("error") or {}
    facts = error.get("facts") or {}
    where = f" at {facts['title']}" if facts.get("title") else ""
    sentence = f"The run failed{where}: {error.get('message', 'nobody knows why')} ({error.get('code', '?')})"
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {sentence}", err=True)
    click.echo(f"What each step did:\n  {command_line(settings, 'show', str(run['id']))}", err=True)


def _print_waits(run: Mapping[str, Any], settings: Settings) -> None:
    waits = run.get("waits") or []
    click.echo(
        f"The run {run['id']} waits for {'an answer' if len(waits) == 1 else f'{len(waits)} answers'}:", err=True
    )
    for wait in waits:
        options = [str(option) for option in wait.get("options") or ()]
        choice = f" ({', '.join(options)})" if options else ""
        click.echo(f"  {wait['wait_id']}: {wait.get('prompt') or wait.get('title')}{choice}", err=True)
        if options:
            example = options[0]
        elif wait.get("kind") == "form":
            fields = (wait.get("schema") or {}).get("properties") or {}
            example = json.dumps(
                {name: field.get("default", "…") for name, field in fields.items()}, ensure_ascii=False
            )
        else:
            example = "TEXT"
        click.echo(f"  {command_line(settings, 'answer', str(run['id']), str(wait['wait_id']), example)}", err=True)
