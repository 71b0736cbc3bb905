"""`mainspring temporal`: the embedded Temporal server as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.whole import Whole


@click.command("temporal")
@data_dir_option
@click.option("--temporal-port", type=click.IntRange(0, 65_535), help="Where it listens; 0 takes any.  [7233]")
@click.option("--ui-port", type=click.IntRange(0, 65_535), help="Where its own pages are; 0 takes any.  [8233]")
@click.option("--no-ui", is_flag=True, help="Leave its own pages out.")
def command(data_dir: Path | None, temporal_port: int | None, ui_port: int | None, no_ui: bool) -> int:
    """Run the embedded Temporal server on the data folder, and start it again when it dies.

    `mainspring api` and `mainspring worker` find it there.
    """
    from cli.complaint import CommandFailed
    from cli.service import serve_until_stopped
    from cli.whole import Services

    settings = load_settings(data_dir=data_dir, temporal_port=temporal_port, temporal_ui_port=-1 if no_ui else ui_port)
    if settings.temporal_address:
        raise CommandFailed(
            f"TEMPORAL_ADDRESS names a cluster at {settings.temporal_address}, so there is none to start here."
        )
    return serve_until_stopped(settings, Services(api=False, worker=False), _welcome)


async def _welcome(whole: Whole) -> None:
    pages = f", its pages at {whole.temporal.ui}" if whole.temporal.ui else ""
    click.echo(f"Temporal is at {whole.temporal.address}{pages}.")
