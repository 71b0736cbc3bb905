"""The difference of two canvases on the terminal: green for what is new, red for what is gone."""

from __future__ import annotations

import json
from typing import Any

import click

_LONGEST = 200


def print_diff(found: dict[str, Any]) -> None:
    """Show it, a line for each thing that is different."""
    click.echo(click.style(f"{found['before']} → {found['after']}", bold=True))
    if found["same"] and not found["repositioned"]:
        click.echo("They are the same.")
        return
    for node in found["added"]:
        _line("+", "green", _node(node))
    for node in found["removed"]:
        _line("-", "red", _node(node))
    for node in found["changed"]:
        _line("~", "yellow", f"{_node(node)}{_moved(node)}")
        for field in node["fields"]:
            _field(field, "    ")
    for sign, colour, key in (("+", "green", "edges_added"), ("-", "red", "edges_removed")):
        for edge in found[key]:
            port = f" ({edge['port']})" if edge["port"] else ""
            place = f" in {edge['container']}" if edge["container"] else ""
            _line(sign, colour, f"{edge['source']}{port} → {edge['target']}{place}")
    for field in found["fields"]:
        _field(field, "")
    if found["repositioned"]:
        click.echo(click.style(f"Boxes that lie elsewhere: {', '.join(found['repositioned'])}", dim=True))


def _node(node: dict[str, Any]) -> str:
    title = f" “{node['title']}”" if node["title"] else ""
    place = f" in {node['container']}" if node["container"] else ""
    return f"{node['id']}{title} ({node['type']}){place}"


def _moved(node: dict[str, Any]) -> str:
    words: list[str] = []
    if node["id_before"] != node["id"]:
        words.append(f"was called {node['id_before']}")
    if node["container_before"] != node["container"]:
        words.append(f"was in {node['container_before'] or 'no loop'}")
    return f", {', '.join(words)}" if words else ""


def _field(field: dict[str, Any], indent: str) -> None:
    click.echo(f"{indent}{'.'.join(str(step) for step in field['path'])}")
    if not field["added"]:
        _line("-", "red", _value(field["before"]), f"{indent}  ")
    if not field["removed"]:
        _line("+", "green", _value(field["after"]), f"{indent}  ")


def _line(sign: str, colour: str, text: str, indent: str = "") -> None:
    click.echo(f"{indent}{click.style(f'{sign} {text}', fg=colour)}")


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
