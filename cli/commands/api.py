"""`mainspring api`: the HTTP API as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.whole import Whole


@click.command("api")
@data_dir_option
@click.option("--port", type=click.IntRange(0, 65_535), help="Where it listens; 0 takes any.  [8888]")
def command(data_dir: Path | None, port: int | None) -> int:
    """Serve the HTTP API. Runs are carried out by workers, which share the data folder.

    Temporal is the cluster that TEMPORAL_ADDRESS names, or the server that `mainspring temporal` or `up` runs there.
    """
    from cli.service import serve_until_stopped
    from cli.whole import Services

    settings = load_settings(data_dir=data_dir, port=port)
    return serve_until_stopped(settings, Services(worker=False, own_temporal=False), _welcome)


async def _welcome(whole: Whole) -> None:
    from cli.commands.up import first_login_lines

    fresh = f"  token {whole.token} (shown this once)" if whole.fresh_token else ""
    click.echo(f"The API is at {whole.url}/api/v1, Temporal at {whole.temporal.address}.{fresh}")
    for name, value in first_login_lines(await whole.first_login()):
        click.echo(f"  {name:<16}{value}")
