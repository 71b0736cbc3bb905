"""The examples, as workflows that are published at the first start."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog

from cli.canvas_files import CanvasFile, family
from cli.complaint import CommandFailed
from cli.data_folder import DataFolder
from cli.http_client import ApiClient, ApiRefused, ApiUnreachable
from cli.saving import create, publish

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_PLACES: Final = (Path(__file__).resolve().parents[1] / "examples", Path(sys.prefix) / "share/mainspring/examples")
"""In a clone, and in an installed package."""


def examples_folder() -> Path | None:
    """Where they are, if they came with this installation."""
    return next((place for place in _PLACES if (place / "README.md").is_file()), None)


async def seed(client: ApiClient, folder: DataFolder) -> int:
    """Publish every example that is not there, unless that was done before: what was changed or deleted since stays so.

    Gives how many were published. An example that cannot be is told in the log, and holds up nothing; what a busy
    machine or a death left over comes with the next start.
    """
    place = examples_folder()
    if place is None or folder.has_examples():
        return 0
    made = 0
    # Each after those it calls, and once.
    files = {file.path: file for path in sorted(place.glob("*.json")) for file in family(path)}
    with _in_silence():
        try:
            for file in files.values():
                made += await _publish(client, file)
        except ApiUnreachable as busy:
            # Our own API, in this very process: it is there, and has too much to do to say so in time.
            _log.warning("examples are left to the next start", published=made, reason=busy.message)
            return made
    folder.note_examples()
    return made


async def _publish(client: ApiClient, file: CanvasFile) -> bool:
    try:
        try:
            await create(client, file)
        except ApiRefused as refused:
            if refused.facts.get("status") != HTTPStatus.CONFLICT or not await _was_left(client, file):
                raise
        return await publish(client, file, again=True)
    except ApiRefused as refused:
        # A workflow of that key is there already and belongs to somebody: it is not touched.
        if refused.facts.get("status") != HTTPStatus.CONFLICT:
            _log.warning("an example is not published", file=file.path.name, reason=refused.message)
    except CommandFailed as failed:
        _log.warning("an example is not published", file=file.path.name, reason=failed.message)
    return False


async def _was_left(client: ApiClient, file: CanvasFile) -> bool:
    """Whether the example is there as we made it, and was never published: we died, or gave up, in between."""
    shown = await client.get(f"/workflows/{file.key}")
    draft = await client.get(f"/workflows/{file.key}/draft")
    return shown["latest_version"] is None and draft["canvas"] == file.document


@contextmanager
def _in_silence() -> Generator[None]:
    """What we ask of our own API at the first start is nobody's request, so the log need not tell it."""
    requests = logging.getLogger("api.request_log")
    level = requests.level
    requests.setLevel(logging.WARNING)
    try:
        yield
    finally:
        requests.setLevel(level)
