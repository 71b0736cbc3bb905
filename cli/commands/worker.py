"""`mainspring worker`: a worker as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.whole import Whole


@click.command("worker")
@data_dir_option
def command(data_dir: Path | None) -> int:
    """Carry out runs. Any number of workers may share a data folder and a Temporal.

    Temporal is the cluster that TEMPORAL_ADDRESS names, or the server that `mainspring temporal` or `up` runs there.
    """
    from cli.service import serve_until_stopped
    from cli.whole import Services

    return serve_until_stopped(load_settings(data_dir=data_dir), Services(api=False, own_temporal=False), _welcome)


async def _welcome(whole: Whole) -> None:
    click.echo(f"The worker takes runs from {whole.temporal.address}.")
