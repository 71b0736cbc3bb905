"""`mainspring nodes`: the node types that are installed."""

from __future__ import annotations

import json

import click


@click.command("nodes")
@click.option("--json", "as_json", is_flag=True, help="Print the palette as JSON: schemas, ports, examples.")
def command(as_json: bool) -> int:
    """List the node types: those of Mainspring, and those of installed packages."""
    from cli.tables import new_table, print_table
    from nodes.library import load_library
    from nodes.palette import CATEGORY_TITLES, palette_entry

    library = load_library()
    for trouble in library.diagnostics:
        click.echo(f"{trouble.severity} {trouble.code}: {trouble.message}", err=True)
    if as_json:
        entries = [palette_entry(node_type) for node_type in library.types.values()]
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return 0
    table = new_table("Node type", "Title", "Category", "Package", "What it does")
    for category, title in CATEGORY_TITLES.items():
        for node_type in library.types.values():
            if node_type.category is category:
                paragraph = " ".join(node_type.description.partition("\n\n")[0].split())
                sentence, stop, _ = paragraph.partition(". ")
                table.add_row(
                    node_type.name, node_type.title, title, node_type.source, sentence + "." if stop else paragraph
                )
    print_table(table)
    return 0
