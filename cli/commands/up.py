"""`mainspring up`: everything on this machine, in one process with one child."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.composition import FirstLogin
    from cli.whole import Whole


@click.command("up")
@data_dir_option
@click.option("--port", type=click.IntRange(0, 65_535), help="Where the API listens; 0 takes any.  [8888]")
@click.option("--temporal-port", type=click.IntRange(0, 65_535), help="Where Temporal listens; 0 takes any.  [7233]")
@click.option("--ui-port", type=click.IntRange(0, 65_535), help="Where Temporal's own pages are; 0 takes any.  [8233]")
@click.option("--no-ui", is_flag=True, help="Leave Temporal's own pages out.")
def command(
    data_dir: Path | None, port: int | None, temporal_port: int | None, ui_port: int | None, no_ui: bool
) -> int:
    """Start API, worker and Temporal on this machine, and stop them at Ctrl-C.

    With TEMPORAL_ADDRESS set, that cluster is used and no Temporal is started.
    """
    from cli.service import serve_until_stopped
    from cli.whole import Services

    settings = load_settings(
        data_dir=data_dir, port=port, temporal_port=temporal_port, temporal_ui_port=-1 if no_ui else ui_port
    )
    return serve_until_stopped(settings, Services(), welcome)


async def welcome(whole: Whole) -> None:
    """Publish the examples at the first start, and say what there is and what to do with it."""
    from cli.examples import examples_folder, seed
    from cli.http_client import ApiClient
    from cli.invocation import command_line, near

    async with ApiClient(whole.url, whole.token) as client:
        await seed(client, whole.folder)
    token_file = near(whole.folder.token_file)
    lines = [
        ("API", f"{whole.url}/api/v1"),
        ("its description", f"{whole.url}/api/v1/openapi.json"),
        ("Temporal", whole.temporal.ui or whole.temporal.address),
        *_for_eyes(whole),
        ("token", f"{token_file}{f'  {whole.token}  (shown this once)' if whole.fresh_token else ''}"),
        *first_login_lines(await whole.first_login()),
    ]
    click.echo(click.style("Mainspring is up.", fg="green", bold=True))
    for name, value in lines:
        click.echo(f"  {name:<16}{value}")
    if (place := examples_folder()) is not None:
        run = command_line(
            whole.settings, "run", near(place / "triage-ticket.json"), "--set", "text=Where is my invoice?"
        )
        click.echo(f"\nRun an example:\n  {run}")
        click.echo("or over HTTP:\n  " + curl_line(whole.url, token_file))
    click.echo("\nCtrl-C stops it. Runs go on where they were at the next start.")


def first_login_lines(first: FirstLogin | None) -> list[tuple[str, str]]:
    """What the administrator logs in with for the first time. Printed, and written to no log."""
    if first is None:
        return []
    return [("administrator", f"{first.email}  {first.password}  (shown this once, to be changed at the first login)")]


def curl_line(url: str, token_file: str) -> str:
    """A line that runs an example, as it stands."""
    return (
        f"curl -s {url}/api/v1/workflows/triage-ticket/runs -H 'Content-Type: application/json'"
        f""" -H "Authorization: Bearer $(cat '{token_file}')" -d '{{"inputs": {{"text": "Where is my invoice?"}}}}'"""
    )


def _for_eyes(whole: Whole) -> list[tuple[str, str]]:
    """How to read in Temporal's pages what is encrypted there."""
    from cli.invocation import command_line

    if not whole.temporal.ui or not whole.settings.encrypt_payloads:
        return []
    return [("", f"(values are encrypted there; to read them: {command_line(whole.settings, 'ui')})")]
