"""What the commands about organisations, departments and employees share: who they speak with, and how it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from cli.complaint import CommandFailed
from cli.configuration import load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
of_organisation = click.option(
    "--organisation", default="default", show_default=True, help="The organisation: its id or key."
)


def speak_of_people(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    """Do something with the API: the one that is up on the data folder, or one for the moment."""
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def place_of(organisation: str, *more: str) -> str:
    """The address of an organisation, or of something in it."""
    return "/".join(["/organisations", *(quote(one, safe="") for one in (organisation, *more))])


async def department_id(client: ApiClient, organisation: str, named: str) -> str:
    """The id of a department, by its id, its code, or its path within the organisation."""
    tree = await client.get(place_of(organisation, "departments", "tree"))
    for path, one in _walked(tree["items"], ()):
        if named in (one["id"], one["code"], "/".join(path)):
            return str(one["id"])
    raise CommandFailed(f"The organisation has no department {named}.")


def print_json(value: Any) -> int:
    """Print it, and say that all is well."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
    return 0


def print_organisations(nodes: Iterable[dict[str, Any]], deep: int = 0) -> None:
    """One line each, those below further in."""
    for one in nodes:
        click.echo(f"{'  ' * deep}{click.style(one['name'], bold=True)}  {one['kind']}, {one['key']}{_people(one)}")
        print_departments(one["departments"] or [], deep + 1)
        print_organisations(one["organisations"], deep + 1)


def print_departments(nodes: Iterable[dict[str, Any]], deep: int = 0) -> None:
    """One line each, those below further in."""
    for one in nodes:
        code = f"  {one['code']}" if one["code"] else ""
        closed = " (closed)" if one["disabled"] else ""
        click.echo(f"{'  ' * deep}{one['name']}{code}{closed}{_people(one)}")
        print_departments(one["departments"], deep + 1)


def print_employees(people: Iterable[dict[str, Any]]) -> None:
    """One line each."""
    from cli.tables import new_table, print_table

    table = new_table("Id", "Name", "Number", "State", "E-mail", "Works in")
    for one in people:
        works = ", ".join(place["name"] for place in one["departments"])
        table.add_row(one["id"], one["name"], one["number"] or "", one["state"], one["email"] or "", works)
    print_table(table)


def _people(node: dict[str, Any]) -> str:
    return f"  ({node['employees']})" if node["employees"] else ""


def _walked(
    nodes: Iterable[dict[str, Any]], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for one in nodes:
        path = (*above, one["name"])
        yield path, one
        yield from _walked(one["departments"], path)
