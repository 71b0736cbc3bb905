"""`mainspring ask`: one question to a model, as a run like any other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from cli.http_client import ApiClient
    from conf.settings import Settings

_KEY: Final = "mainspring-ask"
_TEXT: Final = {"type": "string"}
_CANVAS: Final[dict[str, Any]] = {
    "format": 1,
    "meta": {"title": "Ask a model", "description": "One question to one model."},
    "nodes": [
        {
            "id": "start",
            "type": "start",
            "data": {
                "outputs": {
                    "type": "object",
                    "properties": {"question": _TEXT, "model": _TEXT, "system": _TEXT},
                    "required": ["question", "model"],
                }
            },
        },
        {
            "id": "answer",
            "type": "llm",
            "data": {
                "title": "Answer",
                "inputs": {
                    "model": {"ref": ["start", "model"]},
                    "system_prompt": {"ref": ["start", "system"]},
                    "prompt": {"ref": ["start", "question"]},
                },
            },
        },
        {
            "id": "end",
            "type": "end",
            "data": {
                "inputs": {"answer": {"ref": ["answer", "output"]}},
                "settings": {"answer": "{{answer}}"},
            },
        },
    ],
    "edges": [
        {"sourceNodeID": "start", "targetNodeID": "answer"},
        {"sourceNodeID": "answer", "targetNodeID": "end"},
    ],
}


@click.command("ask")
@click.argument("question")
@click.option("--model", default="default", show_default=True, help="The model's name.")
@click.option("--system", default="", help="Who the model is to be.")
@click.option("--json", "as_json", is_flag=True, help="Show no progress, and print the whole run as JSON.")
@data_dir_option
def command(question: str, model: str, system: str, as_json: bool, data_dir: Path | None) -> int:
    """Ask a model one QUESTION, and watch its answer come.

    It is a run of the workflow mainspring-ask: `mainspring show` and the Temporal UI know it too.
    """
    from cli.session import speak

    settings = load_settings(data_dir=data_dir)
    inputs = {"question": question, "model": model, "system": system}
    return speak(settings, lambda client: _ask(client, settings, inputs, as_json))


async def _ask(client: ApiClient, settings: Settings, inputs: dict[str, str], as_json: bool) -> int:
    import json

    from cli.canvas_files import CanvasFile
    from cli.saving import save_draft
    from cli.watching import watch

    file = CanvasFile(Path(f"{_KEY}.json"), json.dumps(_CANVAS).encode(), _CANVAS)
    await save_draft(client, file)
    run = await client.post(f"/workflows/{file.key}/runs", {"inputs": inputs, "version": "draft", "mode": "async"})
    return await watch(client, settings, run["id"], as_json=as_json)
