"""The settings of a command: the environment, and on top of it what was said on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.complaint import CommandFailed

if TYPE_CHECKING:
    from conf.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def data_dir_option(function: F) -> F:
    """`--data-dir`: the folder that holds everything."""
    return click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="The folder that holds everything.  [MAINSPRING_DATA_DIR, or ./data]",
    )(function)


def load_settings(**said: Any) -> Settings:
    """Read the environment; what was said goes before it, and None was not said. Raises `CommandFailed`."""
    # Only now: it takes a tenth of a second, and most help pages need none of it.
    from pydantic import ValidationError

    from conf.settings import Settings

    aliases = {"temporal_address": "TEMPORAL_ADDRESS", "temporal_namespace": "TEMPORAL_NAMESPACE"}
    given = {aliases.get(name, name): value for name, value in said.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        findings = "; ".join(
            f"{_variable(str(one['loc'][0]) if one['loc'] else '')} {one['msg'].lower()}" for one in error.errors()
        )
        raise CommandFailed(f"The settings do not fit: {findings}.") from error
    # Absolute: where the process looks for its data must not change with its working folder.
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().absolute()})


def check_egress(settings: Settings) -> None:
    """Look at what the allow-list opens, before anything is started for a worker. Raises `CommandFailed`."""
    if not settings.egress_allow:
        return
    # Only now: with it comes the client for HTTP, which takes a second.
    from workers.egress.policy import Opening

    for entry in settings.egress_allow:
        try:
            Opening.parse(entry)
        except ValueError as error:
            raise CommandFailed(
                f"The settings do not fit: {_variable('egress_allow')} {error} An entry is a host (shop.internal), a"
                " host with a port (127.0.0.1:8080) or a network (10.0.0.0/8); commas separate them."
            ) from error


def _variable(name: str) -> str:
    return name if name.isupper() else f"MAINSPRING_{name.upper()}"
