"""`mainspring knowledge`: knowledge bases, what is in them, and what is found there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_ADDING_SECONDS: Final = 180.0
"""A file is fetched, read and cut before the answer comes."""
_SHOWN: Final = 200

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group("knowledge")
def command() -> None:
    """Keep knowledge bases: collections of documents that canvases search.

    BASE is the id of a knowledge base, or its name where only one is called so. A server that is up on the data folder
    does the work; otherwise what is needed runs here for the moment.
    """


@command.command("create")
@click.argument("name")
@click.option("--description", default="", help="What is in it.")
@_as_json
@data_dir_option
def create(name: str, description: str, as_json: bool, data_dir: Path | None) -> int:
    """Make an empty knowledge base."""
    body = {"name": name, "description": description}
    made = _speak(data_dir, lambda client: client.post("/knowledge", body))
    if as_json:
        _print_json(made)
    else:
        click.echo(made["id"])
    return 0


@command.command("list")
@click.argument("base", required=False)
@_as_json
@data_dir_option
def list_(base: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the knowledge bases, or the documents of BASE."""
    from cli.tables import moment, new_table, print_table

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        if base is None:
            return await _all(client, "/knowledge")
        return await _all(client, f"/knowledge/{await _id_of(client, base)}/documents")

    found = _speak(data_dir, work)
    if as_json:
        _print_json(found)
    elif base is None:
        table = new_table("Base", "Made", "Name", "Description")
        for one in found:
            table.add_row(one["id"], moment(one["created"]), one["name"], one["description"])
        print_table(table)
    else:
        table = new_table("Document", "Made", "State", "Chunks", "Name", "Failure")
        for one in found:
            table.add_row(
                one["id"], moment(one["created"]), one["state"], str(one["chunks"]), one["name"], one["failure"]
            )
        print_table(table)
    return 0


@command.command("add")
@click.argument("base")
@click.argument("sources", nargs=-1, required=True)
@click.option("--name", help="What the document is called; its ending says of which kind it is.")
@click.option("--separator", help="Where chunks may end; \\n is the end of a line.")
@click.option("--size", type=int, help="Characters of a chunk at most.")
@click.option("--overlap", type=float, help="The share of a chunk that repeats the one before.")
@_as_json
@data_dir_option
def add(
    base: str,
    sources: tuple[str, ...],
    name: str | None,
    separator: str | None,
    size: int | None,
    overlap: float | None,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Add documents to BASE: files, URLs, or - for a text from standard input."""
    if name is not None and len(sources) > 1:
        raise CommandFailed("--name is for one document alone.")
    given = {"separator": None if separator is None else separator.replace("\\n", "\n"), "size": size}
    chunking = {key: value for key, value in {**given, "overlap": overlap}.items() if value is not None}

    # Before anything is added: a file that is not there is found out now.
    data = {source: Path(source).read_bytes() for source in sources if not _is_elsewhere(source)}

    async def one(client: ApiClient, path: str, source: str) -> dict[str, Any]:
        if _is_elsewhere(source):
            what = {"text": sys.stdin.read()} if source == "-" else {"url": source}
            body = {"name": name or "", **what, "chunking": chunking}
            return dict(await client.post(path, body, patience=_ADDING_SECONDS))
        fields = {key: str(value) for key, value in chunking.items()}
        called = name or Path(source).name
        return dict(await client.upload(f"{path}/upload", called, data[source], fields, patience=_ADDING_SECONDS))

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        path = f"/knowledge/{await _id_of(client, base)}/documents"
        return [await one(client, path, source) for source in sources]

    added = _speak(data_dir, work)
    if as_json:
        _print_json(added)
    for document in added if not as_json else ():
        if document["state"] == "ready":
            click.echo(f"{document['id']}  {document['name']}  {document['chunks']} chunks")
        else:
            click.echo(f"{document['id']}  {document['name']}  {document['state']}: {document['failure']}", err=True)
    return 0 if all(document["state"] == "ready" for document in added) else 1


@command.command("search")
@click.argument("base")
@click.argument("query")
@click.option("--top", "top_k", type=click.IntRange(1, 100), default=3, show_default=True, help="How many.")
@click.option("--min-score", type=click.FloatRange(0, 1), default=0.0, help="Leave out what fits less well.")
@_as_json
@data_dir_option
def search(base: str, query: str, top_k: int, min_score: float, as_json: bool, data_dir: Path | None) -> int:
    """Find what BASE holds about QUERY."""

    async def work(client: ApiClient) -> dict[str, Any]:
        body = {"query": query, "top_k": top_k, "min_score": min_score}
        return dict(await client.post(f"/knowledge/{await _id_of(client, base)}/search", body))

    found = _speak(data_dir, work)["items"]
    if as_json:
        _print_json(found)
        return 0
    for one in found:
        click.echo(f"{click.style(format(one['score'], '.2f'), bold=True)}  {one['document_name']}")
        text = " ".join(one["text"].split())
        click.echo(f"      {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}")
    if not found:
        click.echo("Nothing was found.")
    return 0


@command.command("delete")
@click.argument("base")
@click.argument("document", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while a workflow uses it.")
@data_dir_option
def delete(base: str, document: str | None, yes: bool, force: bool, data_dir: Path | None) -> int:
    """Take away BASE with everything in it, or one DOCUMENT of it."""
    if not yes and document is None:
        click.confirm(f"Take away the knowledge base {base} with every document in it?", abort=True, err=True)

    async def work(client: ApiClient) -> None:
        path = f"/knowledge/{await _id_of(client, base)}"
        whole = f"{path}?force=true" if force else path
        await client.delete(whole if document is None else f"{path}/documents/{quote(document, safe='')}")

    _speak(data_dir, work)
    click.echo(f"The {'knowledge base' if document is None else 'document'} is gone.")
    return 0


def _is_elsewhere(source: str) -> bool:
    return source == "-" or source.startswith(("http://", "https://"))


async def _id_of(client: ApiClient, base: str) -> str:
    if base.isdecimal():
        return base
    named = [one for one in await _all(client, "/knowledge", search=base) if one["name"] == base]
    if len(named) != 1:
        why = "There is no knowledge base" if not named else f"There are {len(named)} knowledge bases"
        raise CommandFailed(f"{why} called {base!r}; `mainspring knowledge list` tells their ids.")
    return str(named[0]["id"])


async def _all(client: ApiClient, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await client.get(path, cursor=cursor, limit=200, **params)
        found += page["items"]
        if (cursor := page["next_cursor"]) is None:
            return found


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)
