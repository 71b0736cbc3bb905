"""The person at the terminal, who answers what a run asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Thread
from typing import Any

import click

from cli.run_inputs import read_value
from engine.values import Json

Wait = Mapping[str, Any]


async def ask_person(wait: Wait) -> Json:
    """Ask, and wait for what is typed. What does not fit is for the run to refuse."""
    typed = Future[Json]()

    def ask() -> None:
        try:
            typed.set_result(_ask_form(wait) if wait.get("kind") == "form" else _ask_question(wait))
        except (click.Abort, EOFError, OSError) as gone:
            typed.set_exception(gone)

    # A thread that nobody waits for: who types Ctrl-C instead of an answer does not finish the line.
    Thread(target=ask, name="person", daemon=True).start()
    return await asyncio.wrap_future(typed)


def _ask_question(wait: Wait) -> Json:
    options = [str(option) for option in wait.get("options") or ()]
    _say(wait)
    for number, option in enumerate(options, start=1):
        click.echo(f"  {number}. {option}", err=True)
    answer: str = click.prompt("Your answer", err=True)
    # The number of an option stands for it, unless it is an option itself.
    if answer not in options and answer.strip().isdecimal() and 1 <= int(answer) <= len(options):
        return options[int(answer) - 1]
    return answer


def _ask_form(wait: Wait) -> Json:
    schema = wait.get("schema")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    required = schema.get("required") if isinstance(schema, Mapping) else None
    _say(wait)
    answer: dict[str, Json] = {}
    for name, field in (properties or {}).items():
        field = field if isinstance(field, Mapping) else {}
        label = str(field.get("description") or name)
        needed = isinstance(required, list) and name in required
        default = field.get("default")
        given: str = click.prompt(
            f"  {label.rstrip('.')} ({name}, {field.get('type', 'any')}{'' if needed else ', may be empty'})",
            default="" if default is None and not needed else default,
            show_default=default is not None,
            err=True,
            type=str,
        )
        if given != "":
            answer[name] = read_value(given, field)
    return answer


def _say(wait: Wait) -> None:
    title = click.style(f"? {wait.get('title') or wait['wait_id']}", fg="yellow", bold=True)
    click.echo("\n".join(part for part in (title, str(wait.get("prompt") or "")) if part), err=True)
