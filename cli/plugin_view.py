"""Plugins and their tools, as a person reads them."""

from __future__ import annotations

import json
from typing import Any

import click

from cli.tables import new_table, print_table


def print_plugins(plugins: list[dict[str, Any]]) -> None:
    """One line each."""
    table = new_table("Plugin", "Published", "Address", "Name")
    for plugin in plugins:
        table.add_row(plugin["key"], plugin["latest_version"] or "no", plugin["base_url"], plugin["name"])
    print_table(table)


def print_plugin(plugin: dict[str, Any], tools: list[dict[str, Any]]) -> None:
    """Everything there is to say of one."""
    click.echo(f"{click.style(plugin['key'], bold=True)}  {plugin['name']}")
    lines = {
        "id": plugin["id"],
        "address": plugin["base_url"],
        "published": plugin["latest_version"] or "no",
        "auth": _auth_text(plugin["auth"]),
        "key": _key_text(plugin["credentials"]) if plugin["auth"]["kind"] != "none" else "",
        "common": _told({place: pairs for place, pairs in plugin["common"].items() if pairs}),
        "description": plugin["description"],
    }
    for word, text in lines.items():
        if text:
            click.echo(f"  {word}: {text}")
    table = new_table("Tool", "Call", "Arguments", "What it does")
    for tool in tools:
        name = tool["name"] if tool["enabled"] else f"{tool['name']} (switched off)"
        table.add_row(name, f"{tool['method']} {tool['path']}", _arguments(tool), tool["title"] or tool["description"])
    print_table(table)


def print_findings(findings: list[dict[str, Any]]) -> None:
    """What there is to say about a document, on standard error."""
    for one in findings:
        colour = "red" if one["severity"] == "error" else "yellow"
        click.echo(f"{click.style(one['severity'], fg=colour)}: {one['field']}: {one['message']}", err=True)


def _arguments(tool: dict[str, Any]) -> str:
    required = tool["parameters"].get("required", ())
    return ", ".join(name if name in required else f"[{name}]" for name in tool["parameters"]["properties"])


def _auth_text(auth: dict[str, Any]) -> str:
    match auth["kind"]:
        case "none":
            return "none"
        case "api_key":
            where = "header" if auth["place"] == "header" else "query parameter"
            return f"a key in the {where} {auth['name']}"
        case "bearer":
            return "a key as bearer"
        case kind:
            return str(kind)


def _key_text(key: dict[str, Any]) -> str:
    if not key["set"]:
        return "none yet"
    return f"…{key['last4']}" if key["last4"] else "set"


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
