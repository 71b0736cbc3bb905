"""`mainspring versions`: what is published of a workflow."""

from __future__ import annotations

from pathlib import Path

import click

from cli.configuration import data_dir_option
from cli.workflow_places import every, place, print_json, speak_about


@click.command("versions")
@click.argument("workflow")
@click.option("--withdraw", metavar="VERSION", help="Take this one back: it still runs when it is named.")
@click.option("--reinstate", metavar="VERSION", help="Let one that was taken back count again.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@data_dir_option
def command(workflow: str, withdraw: str | None, reinstate: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List the published versions of WORKFLOW (its id or key), the newest first, or take one back."""
    from cli.tables import moment, new_table, print_table

    where = f"{place(workflow)}/versions"
    for version, withdrawn in ((withdraw, True), (reinstate, False)):
        if version is not None:
            body, one = {"withdrawn": withdrawn}, f"{where}/{version}"
            speak_about(data_dir, lambda client, one=one, body=body: client.patch(one, body))  # type: ignore[misc]
    found = speak_about(data_dir, lambda client: every(client, where))
    if as_json:
        print_json(found)
        return 0
    if not found:
        click.echo(f"Nothing of {workflow} is published.")
        return 0
    table = new_table("Version", "Published", "By", "", "Notes")
    for one in found:
        by = (one["created_by"] or {}).get("name", "")
        state = "withdrawn" if one["withdrawn"] is not None else ""
        table.add_row(one["version"], moment(one["created"]), by, state, one["notes"])
    print_table(table)
    return 0
