"""`mainspring answer`: what a run asks is answered, and the run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient
    from cli.run_view import RunView


@click.command("answer")
@click.argument("run")
@click.argument("wait")
@click.argument("value")
@click.option("--json", "as_json", is_flag=True, help="Show no progress, and print the whole run as JSON.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop watching after so long."
)
@data_dir_option
def command(run: str, wait: str, value: str, as_json: bool, timeout: float | None, data_dir: Path | None) -> int:
    """Answer WAIT, which RUN asks, with VALUE: a text, or the JSON object of a form. Then watch the run go on.

    The exit status is that of `mainspring run`.
    """
    from cli.session import speak
    from cli.watching import watch

    settings = load_settings(data_dir=data_dir)

    async def work(client: ApiClient) -> int:
        seen = await _give(client, run, wait, value)
        return await watch(client, settings, run, as_json=as_json, timeout=timeout, seen=seen)

    return speak(settings, work)


async def _give(client: ApiClient, run_id: str, wait_id: str, value: str) -> RunView:
    """Hand the answer over; what had happened in the run before."""
    from cli.complaint import CommandFailed
    from cli.following import as_answer, give_answer

    run = await client.get(f"/runs/{run_id}")
    waits = run["waits"]
    asked = next((wait for wait in waits if wait_id in (wait["wait_id"], wait["node"])), None)
    if asked is None:
        asks = ", ".join(wait["wait_id"] for wait in waits)
        there = f"It asks: {asks}." if waits else f"Its state is {run['state']}."
        raise CommandFailed(f"The run {run_id} does not ask {wait_id}. {there}")
    seen = await _seen(client, run_id)
    await give_answer(client, run_id, asked["wait_id"], as_answer(value, asked))
    return seen


async def _seen(client: ApiClient, run_id: str) -> RunView:
    """What has happened so far."""
    from cli.run_view import RunView

    view = RunView()
    while True:
        page = await client.get(f"/runs/{run_id}/events", after=view.seq, limit=1_000)
        for event in page["items"]:
            view.take(event)
        if not page["items"] or page["ended"]:
            return view
