"""`mainspring plugins`: tools behind HTTP, made of OpenAPI documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option, load_settings
from cli.key_input import KeySource, prompted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_CALL_SECONDS = 90.0
"""A tool has a minute."""


@click.group("plugins")
def command() -> None:
    """Make plugins of OpenAPI documents, publish them, and try their tools.

    A server that is up on the data folder does it; otherwise what is needed runs here for the moment.
    """


@command.command("add")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", help="The name that canvases use; otherwise one like its name.")
@click.option("--name", help="What people read; otherwise the title of the document.")
@click.option("--base-url", metavar="URL", help="Where the tools are; otherwise the document's first server.")
@click.option("--publish", is_flag=True, help="Publish it at once.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def add(
    file: Path, key: str | None, name: str | None, base_url: str | None, publish: bool, as_json: bool,
    data_dir: Path | None,
) -> int:  # fmt: skip
    """Make a plugin of FILE: an OpenAPI 3 or Swagger 2 document in JSON or YAML; - is standard input."""
    given = {"key": key, "name": name, "base_url": base_url}
    body = {"document": _text(file), **{word: value for word, value in given.items() if value is not None}}

    async def work(client: ApiClient) -> tuple[Any, Any]:
        made = await client.post("/plugins", body)
        if publish:
            made["latest_version"] = (await client.post(f"{_place(made['id'])}/versions", {}))["version"]
        return made, await client.get(f"{_place(made['id'])}/tools")

    made, tools = _speak(data_dir, work)
    return _print(made, tools["items"], as_json)


@command.command("update")
@click.argument("plugin")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def update(plugin: str, file: Path, as_json: bool, data_dir: Path | None) -> int:
    """Make the draft of PLUGIN of another document. What is published stays until it is published again."""
    text = _text(file)

    async def work(client: ApiClient) -> tuple[Any, Any]:
        revision = (await client.get(_place(plugin)))["revision"]
        changed = await client.patch(_place(plugin), {"revision": revision, "document": text})
        return changed, await client.get(f"{_place(plugin)}/tools")

    changed, tools = _speak(data_dir, work)
    return _print(changed, tools["items"], as_json)


@command.command("list")
@click.option("--search", help="Only those with this in a key, name or description.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@data_dir_option
def list_plugins(search: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the plugins."""
    from cli.plugin_view import print_plugins

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await client.get("/plugins", search=search, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    plugins = _speak(data_dir, work)
    if as_json:
        _print_json(plugins)
    elif plugins:
        print_plugins(plugins)
    else:
        click.echo("There are no plugins; `mainspring plugins add FILE` makes one of an OpenAPI document.")
    return 0


@command.command("show")
@click.argument("plugin")
@click.option("--version", default="draft", show_default=True, help="Whose tools: those of a version, or of the draft.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def show(plugin: str, version: str, as_json: bool, data_dir: Path | None) -> int:
    """Show PLUGIN and its tools. Of its key no more is known than its end."""

    async def work(client: ApiClient) -> tuple[Any, Any]:
        return await client.get(_place(plugin)), await client.get(f"{_place(plugin)}/tools", version=version)

    found, tools = _speak(data_dir, work)
    return _print(found, tools["items"], as_json)


@command.command("publish")
@click.argument("plugin")
@click.option("--version", help="v1.2.3, greater than the newest; otherwise the next patch version.")
@click.option("--notes", default="", help="What is new.")
@data_dir_option
def publish(plugin: str, version: str | None, notes: str, data_dir: Path | None) -> int:
    """Freeze the draft of PLUGIN as a version, which canvases get from then on."""
    body = {"notes": notes, **({} if version is None else {"version": version})}
    made = _speak(data_dir, lambda client: client.post(f"{_place(plugin)}/versions", body))
    click.echo(f"The plugin {plugin} is published as {made['version']}.")
    return 0


@command.command("call")
@click.argument("plugin")
@click.argument("tool")
@click.option("--input", "given", default="{}", help="The arguments, as JSON; @FILE reads them from a file.")
@click.option("--version", default="draft", show_default=True, help="A published version, or the draft.")
@click.option("--json", "as_json", is_flag=True, help="Print all that came of it as JSON.")
@data_dir_option
def call(plugin: str, tool: str, given: str, version: str, as_json: bool, data_dir: Path | None) -> int:
    """Call TOOL of PLUGIN, for real, and print its answer. The exit status is 0 when it succeeds."""
    arguments = _arguments(given)
    where = f"{_place(plugin)}/tools/{quote(tool, safe='')}/call"
    body = {"arguments": arguments, "version": version}
    called = _speak(data_dir, lambda client: client.post(where, body, patience=_CALL_SECONDS))
    if as_json:
        _print_json(called)
        return 0 if called["ok"] else 1
    for warning in called["warnings"]:
        click.echo(f"{click.style('Warning:', fg='yellow')} {warning}", err=True)
    if not called["ok"]:
        raise CommandFailed(called["message"])
    _print_json(called["output"])
    return 0


@command.command("key")
@click.argument("plugin")
@click.option("--key-env", metavar="VARIABLE", help="The environment variable that holds the key.")
@click.option("--key-file", type=click.Path(path_type=Path), help="A file that holds the key; - is standard input.")
@click.option("--forget", is_flag=True, help="Take the key away for good.")
@data_dir_option
def key(plugin: str, key_env: str | None, key_file: Path | None, forget: bool, data_dir: Path | None) -> int:
    """Store the key that PLUGIN is called with: from a variable, a file or the terminal, never the command line."""
    source = KeySource(key_env, key_file)
    if forget and source.said:
        raise CommandFailed("A key is given or taken away, not both.")
    where = f"{_place(plugin)}/credentials"
    if forget:
        _speak(data_dir, lambda client: client.delete(where))
        click.echo(f"The key of the plugin {plugin} is gone.")
        return 0
    text = source.read() if source.said else prompted()
    _speak(data_dir, lambda client: client.put(where, {"key": text}))
    click.echo(f"The key of the plugin {plugin} is stored; it is sent to the address that the plugin has now.")
    return 0


@command.command("delete")
@click.argument("plugin")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while a workflow uses it.")
@data_dir_option
def delete(plugin: str, yes: bool, force: bool, data_dir: Path | None) -> int:
    """Take PLUGIN away with all versions, and its key for good."""
    if not yes:
        click.confirm(f"Take the plugin {plugin} away, and its key for good?", abort=True, err=True)
    where = f"{_place(plugin)}?force=true" if force else _place(plugin)
    _speak(data_dir, lambda client: client.delete(where))
    click.echo(f"The plugin {plugin} is gone.")
    return 0


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def _place(plugin: str) -> str:
    return f"/plugins/{quote(plugin, safe='')}"


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} is no text in UTF-8.") from error


def _arguments(given: str) -> Any:
    try:
        arguments = json.loads(Path(given[1:]).read_text("utf-8") if given.startswith("@") else given)
    except ValueError as error:
        raise CommandFailed(f"--input is not JSON: {error}.") from error
    if not isinstance(arguments, dict):
        raise CommandFailed("--input is an object: the arguments by their names.")
    return arguments


def _print(plugin: dict[str, Any], tools: list[dict[str, Any]], as_json: bool) -> int:
    from cli.plugin_view import print_findings, print_plugin

    if as_json:
        _print_json({**plugin, "tools": tools})
        return 0
    print_plugin(plugin, tools)
    print_findings(plugin.get("findings", []))
    return 0


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
