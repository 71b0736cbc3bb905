"""`mainspring cancel`: a run is stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.command("cancel")
@click.argument("run")
@click.option("--reason", default="", help="Why; it stands in the run's record.")
@data_dir_option
def command(run: str, reason: str, data_dir: Path | None) -> int:
    """Stop RUN. One that has ended stays as it is."""
    from cli.session import speak

    return speak(load_settings(data_dir=data_dir), lambda client: _cancel(client, run, reason))


async def _cancel(client: ApiClient, run_id: str, reason: str) -> int:
    run = await client.post(f"/runs/{run_id}/cancel", {"reason": reason})
    state = run["state"]
    said = {"cancelled": "is cancelled", "succeeded": "had succeeded", "failed": "had failed"}.get(
        state, "is being stopped"
    )
    click.echo(f"The run {run_id} {said}.")
    return 0
