"""`mainspring validate`: everything that is wrong with a canvas."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("validate")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def command(file: Path, as_json: bool) -> int:
    """Say what is wrong with the canvas in FILE, one finding a line: severity, node and field, code, sentence.

    Sub-workflows are looked for beside it, as KEY.json. The exit status is 1 when a finding is an error.
    """
    from cli.canvas_check import check_file, finding_line
    from nodes.library import load_library

    findings = check_file(file, load_library().types)
    broken = any(finding.severity == "error" for finding in findings)
    if as_json:
        found = {"valid": not broken, "diagnostics": [finding.to_json() for finding in findings]}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(finding_line(finding))
        if not findings:
            click.echo(f"{file} is valid.")
    return int(broken)
