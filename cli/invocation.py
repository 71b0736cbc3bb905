"""Commands to type next: written so that they work as they stand, wherever this one was called from."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conf.settings import Settings


def command_line(settings: Settings, *words: str) -> str:
    """`mainspring …` with these words, and with the data folder where it is not the one that would be taken anyway."""
    return " ".join([program(), *(quote(word) for word in words), *_data_dir(settings)])


def program() -> str:
    """How this program is called: by its name if that finds it, otherwise by its path."""
    called = Path(sys.argv[0])
    if called.name.startswith("mainspring"):
        found = shutil.which("mainspring")
        if found is not None and Path(found).resolve() == called.resolve():
            return "mainspring"
        return quote(near(called))
    return f"{quote(near(Path(sys.executable)))} -m cli.main"


def near(path: Path) -> str:
    """A path as one would type it here: relative where it lies below the working folder."""
    # Not resolved: the programs of a virtual environment are links out of it.
    whole = os.path.abspath(path)
    relative = os.path.relpath(whole)
    return whole if relative.startswith("..") else relative


def _data_dir(settings: Settings) -> list[str]:
    usual = Path(os.environ.get("MAINSPRING_DATA_DIR", "data")).expanduser().absolute()
    return [] if settings.data_dir == usual else ["--data-dir", quote(near(settings.data_dir))]
