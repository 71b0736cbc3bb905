"""Keys of models as a person gives them: from a variable, a file or a prompt, never as a word of the command line.

What stands there is read by everybody on the machine, and kept in the history of the shell.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from cli.complaint import CommandFailed


@dataclass(frozen=True)
class KeySource:
    """Where the key is to be read from; all empty means that nothing was said."""

    variable: str | None = None
    file: Path | None = None
    prompt: bool = False

    @property
    def said(self) -> bool:
        """Whether a key was spoken of."""
        return self.variable is not None or self.file is not None or self.prompt

    def read(self) -> str:
        """The key. Raises `CommandFailed`."""
        if sum((self.variable is not None, self.file is not None, self.prompt)) > 1:
            raise CommandFailed("A key comes from one place: --key-env, --key-file or --key-prompt.")
        if self.variable is not None:
            return _variable(self.variable, "the key")
        if self.file is not None:
            return _file(self.file)
        return prompted()


def prompted() -> str:
    """The key as it is typed, unseen; a pipe is read as it is."""
    if not sys.stdin.isatty():
        key = sys.stdin.readline().strip()
    else:
        key = str(click.prompt("Key", hide_input=True, err=True)).strip()
    if not key:
        raise CommandFailed("No key was given.")
    return key


def read_headers(pairs: Iterable[str]) -> dict[str, str]:
    """Headers from `NAME=VARIABLE`: their values stand in environment variables."""
    headers: dict[str, str] = {}
    for pair in pairs:
        name, equals, variable = pair.partition("=")
        if not equals or not name.strip() or not variable.strip():
            raise CommandFailed(f"--header-env takes NAME=VARIABLE; {pair!r} is not that.")
        headers[name.strip()] = _variable(variable.strip(), f"the header {name.strip()}")
    return headers


def _variable(name: str, what: str) -> str:
    value = os.environ.get(name, "").strip()
    if not value:
        # Without the name's own text when it may be the key itself, put there by mistake.
        shown = name if name.isidentifier() and len(name) <= 40 else "that was named"
        raise CommandFailed(f"The environment variable {shown}, which is to hold {what}, is empty or not set.")
    return value


def _file(file: Path) -> str:
    try:
        key = ("".join(sys.stdin) if str(file) == "-" else file.read_text("utf-8")).strip()
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} holds no text.") from error
    if not key:
        raise CommandFailed(f"{file} is empty.")
    return key
