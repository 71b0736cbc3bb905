"""The examples, as workflows that are published at the first start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog

from cli.canvas_files import family
from cli.data_folder import DataFolder
from cli.http_client import ApiClient
from cli.saving import publish, save_draft
from engine.errors import FlowError

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_HERE: Final = Path(__file__).resolve().parent
_PLACES: Final = (_HERE.parent / "examples", _HERE / "example_canvases")
"""In a clone, and in an installed package."""


def examples_folder() -> Path | None:
    """Where they are, if they came with this installation."""
    return next((place for place in _PLACES if (place / "README.md").is_file()), None)


async def seed(client: ApiClient, folder: DataFolder) -> int:
    """Publish every example that is not there, unless that was done before: what was changed or deleted since stays so.

    Gives how many were published. An example that cannot be is told in the log, and holds up nothing.
    """
    place = examples_folder()
    if place is None or folder.has_examples():
        return 0
    made = 0
    done: set[Path] = set()
    for path in sorted(place.glob("*.json")):
        for file in family(path):
            if file.path in done:
                continue
            done.add(file.path)
            try:
                # A workflow that is there already belongs to somebody: it is not touched.
                if (await save_draft(client, file, keep=True)).fresh:
                    made += await publish(client, file)
            except FlowError as refused:
                _log.warning("an example is not published", file=file.path.name, reason=refused.message)
    folder.note_examples()
    return made
