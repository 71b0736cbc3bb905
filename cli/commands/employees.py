"""`mainspring employees`: who works in an organisation, and who does no more."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import data_dir_option
from cli.people import as_json, department_id, of_organisation, place_of, print_json, speak_of_people

if TYPE_CHECKING:
    from cli.http_client import ApiClient

_in = click.option(
    "--in", "departments", metavar="DEPARTMENT", multiple=True, required=True,
    help="Where: its id, code or path. Several times for several; the first is the primary.",
)  # fmt: skip


@click.group("employees")
def command() -> None:
    """Take people in, let them go, and bring them back. Resigning closes their login."""


@command.command("list")
@of_organisation
@click.option("--in", "department", metavar="DEPARTMENT", help="Only those of it and of what is below.")
@click.option("--state", type=click.Choice(["active", "resigned"]), help="Only those.")
@click.option("--search", help="Only those with this in a name, number or address.")
@as_json
@data_dir_option
def list_(
    organisation: str, department: str | None, state: str | None, search: str | None, as_json: bool,
    data_dir: Path | None,
) -> int:  # fmt: skip
    """List the people of an organisation, the newest first."""
    from cli.people import print_employees

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        where = None if department is None else await department_id(client, organisation, department)
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            asked = {"department_id": where, "state": state, "search": search, "cursor": cursor}
            page = await client.get(place_of(organisation, "employees"), limit=200, **asked)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    found = speak_of_people(data_dir, work)
    if as_json:
        return print_json(found)
    print_employees(found)
    return 0


@command.command("add")
@click.argument("name")
@of_organisation
@_in
@click.option("--number", help="Unique in the organisation.")
@click.option("--email", help="Unique in the organisation.")
@click.option("--mobile", help="Unique in the organisation.")
@click.option("--title", default="", help="The job title.")
@click.option("--account", is_flag=True, help="Make an account with the address, and show its one-time password.")
@as_json
@data_dir_option
def add(
    name: str, organisation: str, departments: tuple[str, ...], number: str | None, email: str | None,
    mobile: str | None, title: str, account: bool, as_json: bool, data_dir: Path | None,
) -> int:  # fmt: skip
    """Take NAME in."""

    async def work(client: ApiClient) -> Any:
        places = await _places(client, organisation, departments, title)
        known = {"name": name, "number": number, "email": email, "mobile": mobile}
        body = {**known, "departments": places, "create_account": account}
        return await client.post(place_of(organisation, "employees"), body)

    made = speak_of_people(data_dir, work)
    if as_json:
        return print_json(made)
    click.echo(f"{made['name']} works here now; the id is {made['id']}.")
    if made["one_time_password"]:
        click.echo(f"The password for the first login, shown this once: {made['one_time_password']}")
    return 0


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@of_organisation
@data_dir_option
def import_(file: Path, organisation: str, data_dir: Path | None) -> int:
    """Take in everybody of FILE, or nobody. FILE is a table in CSV; - is standard input.

    Its first line names the columns: name, departments, number, email, mobile, en_name, nickname, job_title.
    """
    text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    where = place_of(organisation, "employees", "import")
    done = speak_of_people(data_dir, lambda client: client.post(where, {"csv": text}))
    click.echo(f"{done['count']} people work here now.")
    return 0


@command.command("resign")
@click.argument("employee")
@of_organisation
@click.option("--reason", default="", help="Kept in the audit log.")
@data_dir_option
def resign(employee: str, organisation: str, reason: str, data_dir: Path | None) -> int:
    """Let EMPLOYEE (an id) go: the login closes, what was started goes on."""
    where = place_of(organisation, "employees", employee, "resign")
    left = speak_of_people(data_dir, lambda client: client.post(where, {"reason": reason}))
    click.echo(f"{left['name']} has resigned.")
    return 0


@command.command("restore")
@click.argument("employee")
@of_organisation
@_in
@click.option("--title", default="", help="The job title.")
@data_dir_option
def restore(employee: str, organisation: str, departments: tuple[str, ...], title: str, data_dir: Path | None) -> int:
    """Bring EMPLOYEE (an id) back. He works in these departments then, and the login opens again."""

    async def work(client: ApiClient) -> Any:
        body = {"departments": await _places(client, organisation, departments, title)}
        return await client.post(place_of(organisation, "employees", employee, "restore"), body)

    click.echo(f"{speak_of_people(data_dir, work)['name']} works here again.")
    return 0


async def _places(client: ApiClient, organisation: str, departments: tuple[str, ...], title: str) -> list[Any]:
    return [
        {"department_id": await department_id(client, organisation, one), "job_title": title, "primary": place == 0}
        for place, one in enumerate(departments)
    ]
