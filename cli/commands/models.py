"""`mainspring models`: what models there are, and setting them up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click

from cli.complaint import CommandFailed
from cli.configuration import data_dir_option, load_settings
from cli.key_input import prompted
from cli.model_options import Said, model_options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cli.http_client import ApiClient

_KINDS: Final = click.Choice(["chat", "embedding", "rerank"])
_CALL_SECONDS: Final = 60.0
"""A model is tried for half a minute."""


@click.group("models")
def command() -> None:
    """Set up the models that nodes ask for by their names.

    A server that is up on the data folder does it; otherwise what is needed runs here for the moment.
    """


@command.command("list")
@click.option("--kind", type=_KINDS, help="Only those of this kind.")
@click.option("--search", help="Only those with this in a key, title or vendor's name.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@data_dir_option
def list_models(kind: str | None, search: str | None, as_json: bool, data_dir: Path | None) -> int:
    """List one's own models and those of the instance."""
    from cli.model_view import print_models

    async def work(client: ApiClient) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await client.get("/models", kind=kind, search=search, cursor=cursor, limit=200)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    models = _speak(data_dir, work)
    if as_json:
        _print_json(models)
    elif models:
        print_models(models)
    else:
        click.echo("There are no models; `default` is what the settings name, or the scripted provider.")
    return 0


@command.command("providers")
@click.argument("provider", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def providers(provider: str | None, as_json: bool) -> int:
    """List the providers, or the models of PROVIDER with what they take."""
    from cli.model_view import print_provider, print_providers
    from conf.catalogue import load_catalogue

    known = {name: one.model_dump(mode="json") for name, one in load_catalogue().providers.items()}
    if provider is not None and provider not in known:
        raise CommandFailed(f"There is no provider {provider!r}; there are: {', '.join(known)}.")
    shown = [*known.values()] if provider is None else [known[provider]]
    if as_json:
        _print_json(shown)
    elif provider is None:
        print_providers(shown)
    else:
        print_provider(shown[0])
    return 0


@command.command("show")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@data_dir_option
def show(model: str, as_json: bool, data_dir: Path | None) -> int:
    """Show how MODEL is set up. Of its key no more is known than its end."""
    found = _speak(data_dir, lambda client: client.get(_place(model)))
    return _print(found, as_json)


@command.command("add")
@click.argument("key")
@click.option("--provider", required=True, help="One of `mainspring models providers`.")
@click.option("--model", "vendor_model", required=True, help="What the provider calls it.")
@click.option("--kind", type=_KINDS, default="chat", show_default=True, help="What it does.")
@click.option("--instance", is_flag=True, help="For every organisation.")
@model_options
@data_dir_option
def add(
    key: str, provider: str, vendor_model: str, kind: str, instance: bool, data_dir: Path | None, **words: Any
) -> int:
    """Set a model up under KEY, the name that nodes ask for. It is tried with one short call first.

    Its key is read from a variable (--key-env), a file (--key-file) or the terminal, never from the command line.
    """
    said = Said(words)
    body = {"key": key, "provider": provider, "vendor_model": vendor_model, "kind": kind, **said.body()}
    if instance:
        body["instance"] = True
    if said.key.said:
        body["api_key"] = said.key.read()
    elif _needs_key(provider):
        body["api_key"] = prompted()
    made = _speak(data_dir, lambda client: client.post("/models", body, patience=_CALL_SECONDS))
    return _print(made, words["as_json"])


@command.command("change")
@click.argument("model")
@click.option("--rename", metavar="KEY", help="Another name for nodes to ask for.")
@click.option("--provider", help="Another provider; the key has to be given again.")
@click.option("--model", "vendor_model", help="What the provider calls it.")
@click.option("--forget-key", is_flag=True, help="Take the key away.")
@click.option("--enable/--disable", "enabled", default=None, help="Switch it on or off.")
@model_options
@data_dir_option
def change(
    model: str,
    rename: str | None,
    provider: str | None,
    vendor_model: str | None,
    forget_key: bool,
    enabled: bool | None,
    data_dir: Path | None,
    **words: Any,
) -> int:
    """Change MODEL; what is not said stays. Lists and groups (--set, --option, quotas …) are given whole."""
    said = Said(words)
    plain = {"key": rename, "provider": provider, "vendor_model": vendor_model, "enabled": enabled}
    body = {**{name: value for name, value in plain.items() if value is not None}, **said.body()}
    if forget_key and said.key.said:
        raise CommandFailed("A key is given or taken away, not both.")
    if forget_key:
        body["api_key"] = None
    elif said.key.said:
        body["api_key"] = said.key.read()
    if not body:
        raise CommandFailed("Say what is to be different; `mainspring models change --help` lists it.")

    async def work(client: ApiClient) -> Any:
        revision = (await client.get(_place(model)))["revision"]
        return await client.patch(_place(model), {**body, "revision": revision}, patience=_CALL_SECONDS)

    return _print(_speak(data_dir, work), words["as_json"])


@command.command("remove")
@click.argument("model")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_dir_option
def remove(model: str, yes: bool, data_dir: Path | None) -> int:
    """Take MODEL away, and its key for good. What it cost stays known."""
    if not yes:
        click.confirm(f"Take the model {model} away, and its key for good?", abort=True, err=True)
    _speak(data_dir, lambda client: client.delete(_place(model)))
    click.echo(f"The model {model} is gone.")
    return 0


@command.command("test")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
@data_dir_option
def test(model: str, as_json: bool, data_dir: Path | None) -> int:
    """Try MODEL with one short call. The exit status is 0 when it answers."""
    from cli.model_view import trial_text

    tried = _speak(data_dir, lambda client: client.post(f"{_place(model)}/test", patience=_CALL_SECONDS))
    if as_json:
        _print_json(tried)
    else:
        click.echo(trial_text(tried))
    return 0 if tried["ok"] else 1


def _speak(data_dir: Path | None, work: Callable[[ApiClient], Awaitable[Any]]) -> Any:
    from cli.session import speak

    # Nothing here is carried out by a worker.
    return speak(load_settings(data_dir=data_dir), work, reading=True)


def _needs_key(provider: str) -> bool:
    from conf.catalogue import load_catalogue

    known = load_catalogue().provider(provider)
    return known is not None and known.connection.needs_key


def _place(model: str) -> str:
    return f"/models/{quote(model, safe='')}"


def _print(model: dict[str, Any], as_json: bool) -> int:
    from cli.model_view import print_model, trial_text

    if as_json:
        _print_json(model)
        return 0
    print_model(model)
    if model.get("test"):
        click.echo(trial_text(model["test"]))
    return 0


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
