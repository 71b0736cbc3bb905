"""`mainspring rollback`: a draft is what a version is, again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option
from cli.workflow_places import place, speak_about

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.command("rollback")
@click.argument("workflow")
@click.argument("version")
@data_dir_option
def command(workflow: str, version: str, data_dir: Path | None) -> int:
    """Let the draft of WORKFLOW (its id or key) be what VERSION is. The draft that was there is kept."""

    async def work(client: ApiClient) -> Any:
        revision = (await client.get(place(workflow)))["revision"]
        return await client.post(f"{place(workflow)}/rollback", {"version": version, "revision": revision})

    done = speak_about(data_dir, work)
    click.echo(
        f"The draft of {workflow} is {version} again. `mainspring rollback {workflow} {done['kept']}` undoes it."
    )
    return 0
