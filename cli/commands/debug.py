"""`mainspring debug`: one node of a draft alone."""

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
    """What is to be run, and how it is shown."""

    files: list[CanvasFile]
    workflow: str
    node: str
    inputs: dict[str, Json]
    pins: dict[str, Json]
    last: bool
    answers: GivenAnswers
    as_json: bool
    timeout: float | None


@click.command("debug")
@click.argument("workflow")
@click.argument("node")
@click.option(
    "--input",
    "given",
    metavar="JSON|@FILE|-",
    help="What the node is given: a JSON object, a file that holds one, or standard input.",
)
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="One input; may be given more than once.")
@click.option("--last", is_flag=True, help="Begin with what the node was given the last time.")
@click.option(
    "--pin", "pinned", multiple=True, metavar="NODE=JSON|FILE", help="The output of a node in its body, in its place."
)
@click.option(
    "--answer", "answers", multiple=True, metavar="WAIT=VALUE", help="The answer to a question or form, by its node."
)
@click.option("--json", "as_json", is_flag=True, help="Show no progress, and print the whole run as JSON.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Stop watching after so long."
)
@data_dir_option
def command(
    workflow: str,
    node: str,
    given: str | None,
    pairs: tuple[str, ...],
    last: bool,
    pinned: tuple[str, ...],
    answers: tuple[str, ...],
    as_json: bool,
    timeout: float | None,
    data_dir: Path | None,
) -> int:
    """Run NODE of a draft alone, a loop or batch with its body, and print its output.

    WORKFLOW is a file with a canvas, which becomes the draft of a workflow named like it, or the id or key of a
    workflow. The inputs have the names of the node's own; what its settings, templates and body read of other nodes
    is given by the ids of those: {"start": {"article": "…"}}.

    The exit status is that of `mainspring run`.
    """
    from cli.canvas_files import family
    from cli.following import GivenAnswers
    from cli.pins import read_pins
    from cli.run_inputs import read_inputs
    from cli.session import speak

    settings = load_settings(data_dir=data_dir)
    files = family(Path(workflow)) if Path(workflow).suffix == ".json" or Path(workflow).is_file() else []
    order = Order(
        files=files,
        workflow=workflow,
        node=node,
        inputs=read_inputs(given, pairs, {}),
        pins=read_pins(pinned),
        last=last,
        answers=GivenAnswers(answers),
        as_json=as_json,
        timeout=timeout,
    )
    return speak(settings, lambda client: _debug(client, settings, order))


async def _debug(client: ApiClient, settings: Settings, order: Order) -> int:
    from cli.saving import save_family
    from cli.watching import watch

    key = await save_family(client, order.files) if order.files else order.workflow
    where = f"/workflows/{quote(key, safe='')}/nodes/{quote(order.node, safe='')}"
    inputs: dict[str, Any] = dict(order.inputs)
    if order.last:
        inputs = {**(await client.get(f"{where}/last-inputs"))["inputs"], **inputs}
    run = await client.post(f"{where}/runs", {"inputs": inputs, "pins": order.pins, "mode": "async"})
    if not order.as_json:
        click.echo(f"{click.style(order.node, bold=True)} alone  run {run['id']}", err=True)
    status = await watch(
        client, settings, run["id"], answers=order.answers, as_json=order.as_json, timeout=order.timeout
    )
    if not order.as_json:
        page = await client.get(f"/runs/{run['id']}/nodes", path=order.node, limit=1)
        for record in page["items"]:
            if record["port"] is not None:
                click.echo(f"It was left by the port {record['port']}.", err=True)
    return status
