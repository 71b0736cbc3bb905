"""Models, providers and what was spent, as a person reads them."""

from __future__ import annotations

import json
from typing import Any

import click

from cli.tables import moment, new_table, print_table


def print_models(models: list[dict[str, Any]]) -> None:
    """One line each."""
    table = new_table("Model", "Kind", "Provider", "Vendor's name", "Key", "Default", "Whose", "Title")
    for model in models:
        table.add_row(
            model["key"],
            model["kind"],
            model["provider"],
            model["vendor_model"],
            key_text(model["api_key"]),
            "yes" if model["is_default"] else "",
            "instance" if model["instance"] else "own",
            model["title"] if model["enabled"] else f"{model['title']} (switched off)",
        )
    print_table(table)


def print_model(model: dict[str, Any]) -> None:
    """Everything there is to say of one."""
    click.echo(f"{click.style(model['key'], bold=True)}  {model['title']}")
    lines = {
        "id": model["id"],
        "kind": model["kind"],
        "provider": model["provider"],
        "vendor's name": model["vendor_model"],
        "address": model["base_url"] or "the provider's own",
        "key": key_text(model["api_key"]) or "none",
        "headers": ", ".join(model["headers"]),
        "options": _told(model["options"]),
        "defaults": _told(model["defaults"]),
        "capabilities": _told(model["capabilities"]),
        "quota": _told(model["quota"]),
        "patience": _told(model["patience"]),
        "prices": _told(model["prices"]),
        "fallback": ", ".join(model["fallback"]),
        "media": "" if model["media"] == "inline" else "the provider fetches them",
        "default": "yes" if model["is_default"] else "",
        "enabled": "" if model["enabled"] else "no",
        "whose": "the instance's" if model["instance"] else "",
        "changed": f"{moment(model['updated'])}, revision {model['revision']}",
    }
    for name, value in lines.items():
        if value:
            click.echo(f"  {name:<16}{value}")


def trial_text(trial: dict[str, Any]) -> str:
    """What trying a model gave, in a line."""
    if not trial["ok"]:
        status = f", HTTP status {trial['status']}" if trial["status"] else ""
        return f"It did not answer ({trial['reason']}{status}): {trial['message']}"
    what = (
        repr(trial["answer"])
        if trial["answer"]
        else f"{trial['dimensions']} numbers"
        if trial["dimensions"]
        else "well"
    )
    return f"It answers {what} after {trial['milliseconds']} ms."


def print_providers(providers: list[dict[str, Any]]) -> None:
    """One line each."""
    table = new_table("Provider", "Kinds", "Key", "Models", "Title", "Address")
    for one in providers:
        connection = one["connection"]
        table.add_row(
            one["id"],
            ", ".join(one["kinds"]),
            "needed" if connection["needs_key"] else "if set",
            str(len(one["models"])),
            one["title"],
            connection["base_url"] or ("to be given" if connection["needs_base_url"] else ""),
        )
    print_table(table)


def print_provider(provider: dict[str, Any]) -> None:
    """Its options, and its models with what they take."""
    click.echo(f"{click.style(provider['id'], bold=True)}  {provider['title']}")
    for option in provider["connection"]["options"]:
        click.echo(f"  --option {option['name']}=…  {option['description']}")
    table = new_table("Model", "Kind", "Context", "Output", "Price in/out", "Takes")
    for name, facts in provider["models"].items():
        prices = facts["prices"]
        table.add_row(
            name,
            facts["kind"],
            str(facts["context_tokens"] or ""),
            str(facts["output_tokens"] or ""),
            f"{prices['input']:g} / {prices['output']:g} {prices['currency']}" if prices else "",
            ", ".join(f"{one['name']}{_span(one)}" for one in facts["parameters"]),
        )
    print_table(table)


def key_text(key: dict[str, Any]) -> str:
    """A key as it may be shown."""
    return f"…{key['last4']}" if key["set"] and key["last4"] else "set" if key["set"] else ""


def _span(parameter: dict[str, Any]) -> str:
    if parameter["options"]:
        return f" ({'|'.join(parameter['options'])})"
    low, high = parameter["min"], parameter["max"]
    if low is None and high is None:
        return ""
    return f" ({'' if low is None else f'{low:g}'}–{'' if high is None else f'{high:g}'})"


def _told(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
