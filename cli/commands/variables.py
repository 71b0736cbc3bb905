"""`mainspring variables`: what variables are, and the values that users and applications have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option, load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_TYPES: Final = ("string", "integer", "number", "boolean", "object", "array")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_scope = click.option(
    "--scope", type=click.Choice(["user", "app"]), default="app", show_default=True, help="Each user's, or its own."
)
_app = click.option("--app", "app_id", default="", help="The application, in any words; without, runs of none.")


def _whose(function: Callable[..., int]) -> Callable[..., int]:
    """The options that say whose values are meant."""
    for option in (
        click.option("--workflow", default="", help="The workflow whose own variables are meant, without --app."),
        click.option("--channel", default="", help="The channel through which the user comes."),
        click.option("--user", "user_id", default="", help="The end user, with --scope user."),
        _app,
        _scope,
    ):
        function = option(function)
    return function


@click.group("variables")
def command() -> None:
    """Define variables that outlive runs, and look after their values.

    Where nothing is defined every name is a variable of any type. A server that is up on the data folder does the work;
    otherwise what is needed runs here for the moment.
    """


@command.command("list")
@click.option("--app", "app_id", help="Only those of this application; empty for those of the space.")
@_as_json
@data_dir_option
def list_(app_id: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List what is defined, the newest first."""
    from cli.tables import new_table, print_table

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await client.get("/variables", app_id=app_id, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    found = _speak(data_dir, work)
    if as_json:
        _print_json(found)
        return 0
    table = new_table("Id", "Application", "Scope", "Name", "Type", "Default", "Description")
    for one in found:
        default = "" if one["default"] is None else json.dumps(one["default"], ensure_ascii=False)
        name = one["name"] if one["enabled"] else f"{one['name']} (switched off)"
        table.add_row(one["id"], one["app_id"], one["scope"], name, one["type"]["type"], default, one["description"])
    print_table(table)
    return 0


@command.command("define")
@click.argument("name")
@click.option("--type", "kind", required=True, metavar="WORD|JSON", help=f"{', '.join(_TYPES)}; or a JSON Schema.")
@click.option("--default", metavar="VALUE", help="What it is while nobody has set it; JSON, or a text.")
@click.option("--description", default="", help="What it is for.")
@_app
@_scope
@_as_json
@data_dir_option
def define(
    name: str,
    kind: str,
    default: str | None,
    description: str,
    app_id: str,
    scope: str,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Define the variable NAME."""
    from cli.run_inputs import read_value

    schema = {"type": kind} if kind in _TYPES else _schema(kind)
    body: dict[str, Any] = {
        "name": name,
        "scope": scope,
        "app_id": app_id,
        "type": schema,
        "description": description,
        "default": None if default is None else read_value(default, schema),
    }
    made = _speak(data_dir, lambda client: client.post("/variables", body))
    if as_json:
        _print_json(made)
    else:
        click.echo(made["id"])
    return 0


@command.command("remove")
@click.argument("variable")
@data_dir_option
def remove(variable: str, data_dir: Path | None) -> int:
    """Take the definition with the id VARIABLE away."""
    _speak(data_dir, lambda client: client.delete(f"/variables/{variable}"))
    click.echo(f"The variable {variable} is defined no more.")
    return 0


@command.command("values")
@_whose
@_as_json
@data_dir_option
def values(
    scope: str, app_id: str, user_id: str, channel: str, workflow: str, as_json: bool, data_dir: Path | None
) -> int:
    """Show the variables of a user, an application or a workflow."""
    whose = {"scope": scope, "app_id": app_id, "user_id": user_id, "channel": channel, "workflow": workflow}
    return _print_values(_speak(data_dir, lambda client: client.get("/variable-values", **whose)), as_json)


@command.command("set")
@click.argument("pairs", metavar="NAME=VALUE...", nargs=-1, required=True)
@_whose
@_as_json
@data_dir_option
def set_(
    pairs: tuple[str, ...],
    scope: str,
    app_id: str,
    user_id: str,
    channel: str,
    workflow: str,
    as_json: bool,
    data_dir: Path | None,
) -> int:
    """Set variables of a user, an application or a workflow; a VALUE is JSON, or a text."""
    from cli.run_inputs import read_value

    given: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name:
            raise CommandFailed(f"A variable is set as NAME=VALUE, but {pair!r} came.")
        given[name] = read_value(text)
    whose = {"scope": scope, "app_id": app_id, "user_id": user_id, "channel": channel, "workflow": workflow}
    found = _speak(data_dir, lambda client: client.put("/variable-values", {**whose, "values": given}))
    return _print_values(found, as_json)


@command.command("reset")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@_whose
@data_dir_option
def reset(
    names: tuple[str, ...],
    scope: str,
    app_id: str,
    user_id: str,
    channel: str,
    workflow: str,
    data_dir: Path | None,
) -> int:
    """Let variables be as if nobody had ever set them; without a NAME, all of the same user or application."""
    whose = {"scope": scope, "app_id": app_id, "user_id": user_id, "channel": channel, "workflow": workflow}
    asked = urlencode([*whose.items(), *(("name", name) for name in names)])
    _speak(data_dir, lambda client: client.delete(f"/variable-values?{asked}"))
    click.echo("They are as if nobody had ever set them.")
    return 0


def _schema(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CommandFailed(f"A type is one of {', '.join(_TYPES)}, or a JSON Schema, but {text!r} came.")
    return found


def _print_values(found: dict[str, Any], as_json: bool) -> int:
    from cli.tables import moment, new_table, print_table

    if as_json:
        _print_json(found["items"])
        return 0
    table = new_table("Name", "Set", "Value")
    for one in found["items"]:
        when = moment(one["updated"]) if one["set"] else ""
        table.add_row(one["name"], when, json.dumps(one["value"], ensure_ascii=False))
    print_table(table)
    return 0


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
