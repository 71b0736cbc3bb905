"""`mainspring docs`: what the code says about itself, as files in a clone of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

_SCHEMA: Final = "docs/canvas.schema.json"
_OPENAPI: Final = "docs/openapi.json"


@click.command("docs")
@click.option("--check", is_flag=True, help="Write nothing; name what is out of date, with the exit status 1.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), help="The clone; else that of this program.")
def command(check: bool, root: Path | None) -> int:
    """Write docs/nodes/*.md, docs/canvas.schema.json and docs/openapi.json."""
    from nodes.docs import stale_docs, write_docs

    root = root or _clone()
    written = {_SCHEMA: _canvas_schema(), _OPENAPI: _openapi()}
    stale = [name for name, text in written.items() if _read(root / name) != text]
    if check:
        stale += stale_docs(root)
        for name in sorted(stale):
            click.echo(f"{name} is out of date.", err=True)
        if stale:
            click.echo("`mainspring docs` brings it up to date.", err=True)
        return int(bool(stale))
    for name in stale:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(written[name], "utf-8")
    for name in sorted([*stale, *write_docs(root)]):
        click.echo(name)
    return 0


def _clone() -> Path:
    from cli.complaint import CommandFailed

    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        raise CommandFailed("There is no clone of the project here to write into. Name one with --root.")
    return root


def _canvas_schema() -> str:
    from engine.canvas import canvas_schema

    return _json(canvas_schema())


def _openapi() -> str:
    """The description of the API, which needs stores to be put together, and nothing of what is in them."""
    from tempfile import TemporaryDirectory

    from api.app import create_app
    from api.openapi import describe
    from api.parts import ApiParts
    from conf.settings import Settings
    from nodes.library import built_in_library
    from storage.stores import open_stores

    with TemporaryDirectory() as folder, open_stores(Path(folder)) as stores:
        return _json(describe(create_app(Settings(), ApiParts(stores, built_in_library()))))


def _json(value: dict[str, Any]) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _read(file: Path) -> str | None:
    return file.read_text("utf-8") if file.is_file() else None
