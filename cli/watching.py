"""Watches a run on the terminal: its progress, its questions, and in the end what came out."""

from __future__ import annotations

import asyncio
import sys

import click

from cli.complaint import CommandFailed
from cli.following import Follower, GivenAnswers
from cli.http_client import ApiClient, ApiUnreachable
from cli.invocation import command_line
from cli.person import ask_person
from cli.progress import make_progress
from cli.results import print_result
from cli.run_view import RunView, seconds
from conf.settings import Settings


async def watch(
    client: ApiClient,
    settings: Settings,
    run_id: str,
    *,
    answers: GivenAnswers | None = None,
    as_json: bool = False,
    timeout: float | None = None,
    seen: RunView | None = None,
) -> int:
    """Follow a run and print how it came out; gives the exit status. `seen` is what was shown of it before."""
    progress = make_progress(quiet=as_json, terminal=sys.stderr.isatty())
    if seen is not None:
        progress.view.go_on_from(seen)
    asks = not as_json and sys.stdin.isatty() and sys.stderr.isatty()
    follower = Follower(client, run_id, progress, answers=answers, person=ask_person if asks else None)
    try:
        async with asyncio.timeout(timeout):
            await follower.follow()
    except TimeoutError:
        raise CommandFailed(
            f"The run {run_id} is not over after {timeout:g} seconds. It goes on wherever there is a worker; this shows"
            f" how:\n  {command_line(settings, 'show', run_id)}"
        ) from None
    except ApiUnreachable as gone:
        raise CommandFailed(
            f"The server that carried the run {run_id} is gone. The run goes on when something starts on the folder"
            f" again; this shows how it is:\n  {command_line(settings, 'show', run_id)}"
        ) from gone
    except asyncio.CancelledError:
        stop = command_line(settings, "cancel", run_id)
        click.echo(f"\nThe run {run_id} goes on wherever there is a worker. To stop it:\n  {stop}", err=True)
        raise
    run = await client.get(f"/runs/{run_id}")
    if not as_json:
        _summary(progress.view, run.get("duration_ms"))
        for name in answers.unused if answers is not None else []:
            click.echo(f"Nobody asked {name}, so its answer was not given.", err=True)
    return print_result(run, settings, whole=as_json)


def _summary(view: RunView, took_ms: int | None) -> None:
    done = sum(row.done for row in view.rows.values())
    facts = [f"{done} step{'s' * (done != 1)}"]
    if took_ms is not None:
        facts.append(seconds(took_ms))
    if view.tokens:
        facts.append(f"{view.tokens} tokens")
    click.echo(click.style(f"  {' · '.join(facts)}", dim=True), err=True)
