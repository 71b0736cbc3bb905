"""`mainspring ui`: a link by which a browser may read runs in Temporal's pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.command("ui")
@data_dir_option
def command(data_dir: Path | None) -> int:
    """Print a link that lets a browser read in Temporal's pages what is encrypted there.

    It opens once, within five minutes, and holds for eight hours.
    """
    from cli.session import speak_with_running

    return speak_with_running(load_settings(data_dir=data_dir), _print_link)


async def _print_link(client: ApiClient) -> int:
    made = await client.post("/temporal/sign-ins")
    click.echo(f"{client.url}{made['path']}")
    return 0
