"""`mainspring run`: a canvas from a file, run to its end before one's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.canvas_files import CanvasFile
    from cli.following import GivenAnswers
    from cli.http_client import ApiClient
    from conf.settings import Settings
    from engine.values import Json


@dataclass(frozen=True)
class Order:
    """What is to be run, and how it is shown. `files` are a canvas with what it calls, or nothing: a workflow then."""

    files: list[CanvasFile]
    workflow: str
    version: str
    given: str | None
    pairs: tuple[str, ...]
    pins: dict[str, Json]
    answers: GivenAnswers
    as_json: bool
    timeout: float | None
    identity: dict[str, str]
    """On whose behalf, as far as that was said."""


@click.command("run")
@click.argument("file", metavar="FILE|WORKFLOW", type=click.Path(path_type=Path))
@click.option("--version", help="Of a WORKFLOW: a published version, or `draft`.  [the latest]")
@click.option(
    "--input",
    "given",
    metavar="JSON|@FILE|-",
    help="The inputs: a JSON object, a file that holds one, or standard input.",
)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="One input; may be given more than once.")
@click.option(
    "--answer", "answers", multiple=True, metavar="WAIT=VALUE", help="The answer to a question or form, by its node."
)
@click.option(
    "--pin", "pinned", multiple=True, metavar="NODE=JSON|FILE", help="The output of a node, which then does nothing."
)
@click.option("--json", "as_json", is_flag=True, help="Show no progress, and print the whole run as JSON.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop watching after so long."
)
@click.option("--user", "user_id", help="The end user on whose behalf it runs, in any words.")
@click.option("--app", "app_id", help="The application whose variables and conversations it uses, in any words.")
@click.option("--channel", help="The channel through which the user came, in any words.")
@click.option(
    "--conversation", "conversation_id", metavar="ID", help="The conversation it is a turn of, one made with --draft."
)
@data_dir_option
def command(
    file: Path,
    version: str | None,
    given: str | None,
    pairs: tuple[str, ...],
    answers: tuple[str, ...],
    pinned: tuple[str, ...],
    as_json: bool,
    timeout: float | None,
    data_dir: Path | None,
    **identity: str | None,
) -> int:
    """Run the canvas in FILE, or a WORKFLOW by its key, show how it goes, and print the result as JSON.

    A server that is up on the data folder does it; otherwise what is needed starts here, and stops after the run.
    The canvas in a file becomes the draft of a workflow named like it; sub-workflows beside the file are saved and
    published. What is no file is the id or key of a workflow that is there already.

    The exit status is 0 when the run succeeded, 1 when it did not, and 2 when it waits for an answer.
    """
    from cli.canvas_files import family
    from cli.following import GivenAnswers
    from cli.pins import read_pins
    from cli.session import speak

    settings = load_settings(data_dir=data_dir)
    stored = not file.exists() and file.name == str(file) and not file.suffix
    if version is not None and not stored:
        raise click.UsageError("--version is for a workflow that is there already, by its id or key.")
    files = [] if stored else family(file)
    whose = {name: word for name, word in identity.items() if word is not None}
    order = Order(
        files, str(file), version or "", given, pairs, read_pins(pinned), GivenAnswers(answers), as_json, timeout, whose
    )
    return speak(settings, lambda client: _run(client, settings, order))


async def _run(client: ApiClient, settings: Settings, order: Order) -> int:
    from cli.run_inputs import read_inputs
    from cli.saving import save_family
    from cli.watching import watch

    if order.files:
        canvas = order.files[-1]
        inputs = read_inputs(order.given, order.pairs, canvas.inputs())
        key, title, version = await save_family(client, order.files), canvas.title, "draft"
    else:
        key, version = quote(order.workflow, safe=""), order.version
        title = (await client.get(f"/workflows/{key}"))["name"]
        inputs = read_inputs(order.given, order.pairs, await _declared(client, key, version))
    body = {"inputs": inputs, "version": version or None, "mode": "async", "pins": order.pins, **order.identity}
    run = await client.post(f"/workflows/{key}/runs", body)
    if not order.as_json:
        click.echo(f"{click.style(title, bold=True)}  run {run['id']}", err=True)
    return await watch(client, settings, run["id"], answers=order.answers, as_json=order.as_json, timeout=order.timeout)


async def _declared(client: ApiClient, key: str, version: str) -> dict[str, Any]:
    """What a stored workflow takes: the schema of each input."""
    from cli.canvas_files import CanvasFile

    if version == "draft":
        draft = await client.get(f"/workflows/{key}/draft")
        return CanvasFile(Path(key), b"", draft["canvas"]).inputs()
    found = await client.get(f"/workflows/{key}/versions/{quote(version or 'latest', safe='')}")
    return dict(found["inputs"].get("properties", {}))
