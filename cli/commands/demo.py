"""`mainspring demo`: a worker is killed in the middle of a run, and nothing is done twice."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import load_settings

if TYPE_CHECKING:
    from cli.demo.story import Findings


@click.command("demo")
@click.option("--keep", is_flag=True, help="Keep the data folder, to look at it afterwards.")
def command(keep: bool) -> int:
    """Run an example, kill -9 its worker in the middle, start another, and show what ran once.

    The example ships an order. The services it calls run here too and count what arrives. The exit status is 1 when a
    finished step was done again.
    """
    from cli.event_loop import run_loop

    folder = Path(tempfile.mkdtemp(prefix="mainspring-demo-"))
    try:
        return run_loop(_play(folder))
    finally:
        if keep:
            click.echo(f"The data is in {folder}.")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def _play(folder: Path) -> int:
    import asyncio

    from cli.complaint import CommandFailed
    from cli.demo.story import EXAMPLE, Demonstration
    from cli.examples import examples_folder
    from cli.progress import Lines
    from conf.logging import configure_logging

    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    configure_logging("error")
    place = examples_folder()
    if place is None:
        raise CommandFailed("The examples did not come with this installation.")
    settings = load_settings(
        data_dir=folder, port=0, host="127.0.0.1", temporal_port=0, temporal_ui_port=-1, temporal_address=""
    )
    click.echo(f"Shipping an order ({EXAMPLE}) with a Temporal server, an API and a worker of their own.")
    findings = await Demonstration(settings, place / EXAMPLE, Lines(), _tell).play()
    _show(findings)
    return 0 if findings.well else 1


def _tell(sentence: str) -> None:
    click.echo(click.style(f"➤ {sentence}", fg="cyan"), err=True)


def _show(findings: Findings) -> None:
    from rich.text import Text

    from cli.tables import new_table, print_table

    table = new_table("Step", "Place", "Asked", "Done", "When the worker died")
    for count in findings.counts:
        when = "finished" if count.finished_before else "in flight" if count.in_flight else "not yet begun"
        wrong = count.asked > 1 and count.finished_before
        asked = Text(str(count.asked), style="red" if wrong else "yellow" if count.asked > 1 else "green")
        table.add_row(count.title, count.path, asked, str(count.done), when)
    click.echo()
    print_table(table)
    click.echo()
    click.echo("Asked: requests that arrived. Done: effects, one for each Idempotency-Key.")
    click.echo(
        f"The next request came {findings.since_kill:.1f} s after the kill,"
        f" {findings.since_start:.1f} s after the start of the new worker."
    )
    click.echo(f"The run {findings.run['state']}:")
    click.echo(json.dumps(findings.run["output"] or findings.run["error"], ensure_ascii=False, indent=2))
    if findings.well:
        click.echo(click.style("No finished step ran twice.", fg="green", bold=True))
    for count in findings.twice:
        click.echo(
            click.style(f"{count.title} ({count.path}) was finished, and was asked for again.", fg="red"), err=True
        )
