"""The `mainspring` command: every sub-command, and one sentence for whatever goes wrong in them."""

from __future__ import annotations

import gc
import os
import sys
from contextvars import ContextVar
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final, NoReturn

import click

from cli.chosen_space import CHOSEN_SPACE
from cli.event_loop import leave
from engine.errors import FlowError

COMMANDS: Final = {
    "up": "Start everything on this machine.",
    "ask": "Ask a model one question.",
    "run": "Run a canvas from a file, show how it goes, and print the result.",
    "debug": "Run one node of a canvas alone.",
    "validate": "Say what is wrong with a canvas.",
    "import": "Take in workflows of another system, or a bundle.",
    "export": "Write a workflow, with what it calls, as one file.",
    "workflows": "Find, copy, move and delete workflows, and see who uses them.",
    "versions": "List what is published of a workflow, or take a version back.",
    "diff": "Say what is different between two versions of a workflow.",
    "rollback": "Let a draft be what a version is.",
    "trash": "Bring workflows back that were deleted, or end them for good.",
    "nodes": "List the node types.",
    "models": "Set up the models that nodes ask for.",
    "knowledge": "Keep knowledge bases, and search them.",
    "plugins": "Make plugins of OpenAPI documents, and try their tools.",
    "conversations": "Look after conversations and what is said in them.",
    "tokens": "Make tokens for programs, list and revoke them.",
    "variables": "Define variables that outlive runs, and look after their values.",
    "databases": "Make databases that canvases read and write.",
    "usage": "Show what was spent on models.",
    "accounts": "Look after who can log in.",
    "organisations": "Make organisations, and see their tree.",
    "departments": "Make departments of an organisation, and see their tree.",
    "employees": "Take people in, let them go, and bring them back.",
    "spaces": "Make spaces, and say who works in them.",
    "roles": "Make roles, and give them to people and departments.",
    "audit": "Show who did what.",
    "runs": "List the latest runs.",
    "show": "Show what a run did, step by step.",
    "answer": "Answer a question that a run asks.",
    "cancel": "Stop a run.",
    "ui": "Let a browser read runs in Temporal's pages.",
    "demo": "Kill the worker in the middle of a run, and show what ran once.",
    "api": "Start the HTTP API alone.",
    "worker": "Start a worker alone.",
    "temporal": "Start the embedded Temporal server alone.",
    "keys": "Look after the keys that secrets are encrypted with.",
    "migrate": "Bring the database up to date.",
    "docs": "Write the pages and schemas that the code tells about itself.",
}
"""In the order of the help. Each lives in a module of its name, imported when it is asked for: starting is quick."""


_debug: ContextVar[bool] = ContextVar("debug", default=False)


class Commands(click.Group):
    """The sub-commands, imported one at a time; an error of one becomes a sentence and the exit status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"cli.commands.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"cli.commands.{cmd_name} has no command.")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command. The exit status is what it returns, 1 when it fails, and 130 when it was stopped by Ctrl-C."""
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as misused:
            misused.show()
            status = 1
        except (click.Abort, KeyboardInterrupt):
            status = 130
        except Exception as failure:  # whatever it is, a person reads one sentence, and not our insides
            if _debug.get():
                raise
            complain(_sentence(failure))
            status = 1
        sys.exit(status or 0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("mainspring"), prog_name="mainspring")
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
@click.option("--space", default="", help="The space to work in: its id or key.  [MAINSPRING_SPACE]")
def mainspring(debug: bool, space: str) -> None:
    """Run agents and visual workflows that do not stop."""
    _debug.set(debug)
    CHOSEN_SPACE.set(space.strip())


def main() -> NoReturn:
    """What the shell calls."""
    # Imports make hundreds of thousands of objects that stay: looking through them for garbage is a tenth of a start.
    # What stays longer than that turns the collector on again (see `Whole`).
    gc.disable()
    try:
        mainspring.main(prog_name="mainspring")
    except SystemExit as end:
        leave(end.code if isinstance(end.code, int) else 1)
    leave(0)


def complain(sentence: str) -> None:
    """Say on standard error what is wrong."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {sentence}", err=True)


def _sentence(failure: Exception) -> str:
    match failure:
        case FlowError():
            return failure.message
        case OSError(filename=name, strerror=str(why)) if name:
            return f"{os.fsdecode(name)}: {why}."
        case OSError(strerror=str(why)):
            return f"{why}."
        case _:
            kind = f"{type(failure).__name__}: {failure}"
            return f"Something broke on our side ({kind}). `mainspring --debug …` shows where."


if __name__ == "__main__":
    main()
