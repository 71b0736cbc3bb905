"""`mainspring diff`: what is different between two versions of a workflow."""

from __future__ import annotations

from pathlib import Path

import click

from cli.configuration import data_dir_option
from cli.workflow_places import place, print_json, speak_about


@click.command("diff")
@click.argument("workflow")
@click.argument("before", default="latest")
@click.argument("after", default="draft")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def command(workflow: str, before: str, after: str, as_json: bool, data_dir: Path | None) -> int:
    """Say what is different in WORKFLOW from BEFORE to AFTER: versions such as v1.2.0, latest, draft, or draft@7.

    Without them: what is new in the draft since it was published. The exit status is 0 whatever is different.
    """
    from cli.canvas_diff import print_diff

    where = f"{place(workflow)}/diff"
    found = speak_about(data_dir, lambda client: client.get(where, **{"from": before, "to": after}))
    if as_json:
        print_json(found)
    else:
        print_diff(found)
    return 0
