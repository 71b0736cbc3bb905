"""What the service is told at its start, in the one argument of its command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

_ROOT: Final = Path(__file__).resolve().parents[2]
_MAIN: Final = Path(__file__).resolve().parent / "__main__.py"


@dataclass(frozen=True)
class Options:
    """Everything there is to choose. Nothing is read from the environment, nor from a file."""

    socket: str
    """The path of the unix socket, in a folder of its own that nobody else may enter."""
    mode: Literal["development", "production"] = "development"
    processes: int = 2
    """Zygotes for code."""
    children: int = 4
    """Tasks that one zygote has under way at once: some only wait."""
    spares: int = 1
    """Children of each zygote that are ready for a task before there is one."""
    per_organisation: int = 4
    """Tasks of one organisation under way at once."""
    cpu_seconds: int = 5
    """Of computing, for code and templates."""
    memory_mb: int = 128
    """For code and templates, beyond what the interpreter itself takes."""
    longest_seconds: float = 300.0
    """By the clock on the wall, whatever a task asks for."""
    restricted: bool = True
    """The language layer."""
    modules: tuple[str, ...] = ()
    """Further modules that Python code may import."""
    idle_seconds: float = 300.0
    """After so long without a document, what reads documents ends."""
    recycle: int = 2_000
    """A zygote makes room for a fresh one after so many tasks."""
    engines: Mapping[str, str] = field(default_factory=dict)
    """Further engines of kind `code`: name → module."""
    leave_out: tuple[str, ...] = ()
    """Engines that are not loaded."""
    paths: tuple[str, ...] = ()
    """Where modules are looked for, beside the standard library."""

    def to_json(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From the argument."""
        found: dict[str, Any] = json.loads(text)
        for name in ("modules", "leave_out", "paths"):
            found[name] = tuple(found[name])
        return cls(**found)

    @classmethod
    def here(cls, socket: str, **chosen: Any) -> Self:
        """With the paths under which this process finds modules."""
        # Not for those who are only told: what a launcher has imported every child pays for.
        import sysconfig

        installed = dict.fromkeys((str(_ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
        return cls(socket=socket, paths=tuple(installed), **chosen)


def command(role: Literal["serve", "launch"], *arguments: str) -> list[str]:
    """The command that starts a process of the tree: no environment, no site, nothing of the user's."""
    return [sys.executable, "-I", "-S", str(_MAIN), role, *arguments]
