"""`mainspring export`: a workflow and all that it calls, as one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient


@click.command("export")
@click.argument("workflow")
@click.option(
    "--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.  [standard output]"
)
@data_dir_option
def command(workflow: str, target: Path | None, data_dir: Path | None) -> int:
    """Write WORKFLOW (its id or key) as a bundle: its draft and latest version, and what they call, without secrets."""
    from cli.complaint import CommandFailed
    from cli.session import speak

    async def work(client: ApiClient) -> Any:
        return await client.get(f"/workflows/{quote(workflow, safe='')}/export")

    bundle = speak(load_settings(data_dir=data_dir), work, reading=True)
    text = json.dumps(bundle, ensure_ascii=False, indent=2)
    if target is None:
        click.echo(text)
        return 0
    try:
        target.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{target} cannot be written: {error.strerror or error}.") from error
    click.echo(f"{len(bundle['workflows'])} workflow{'s' * (len(bundle['workflows']) != 1)} in {target}.")
    return 0
