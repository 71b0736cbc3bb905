"""What runs in the jail: an engine is made ready outside, and then runs one task in a fresh process inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

Reason = Literal["error", "syntax", "refused", "timeout", "memory", "output", "crashed"]
"""Why a task failed: its code raised, cannot be read, may not do that, took too long, took too much memory, gave what
cannot be handed on, or took its process with it."""

MESSAGE_CHARS = 500
LOG_LINES, LOG_CHARS = 200, 2_000


class TaskFailed(Exception):
    """A task came to nothing, through a fault of its own; the same again will come to the same."""

    def __init__(self, reason: Reason, message: str, *, type: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.type = type
        """The name of the exception, where the author's code raised one."""
        self.line = line
        """In the author's own text, from 1, where it is known."""
        self.logs: tuple[str, ...] = ()
        """What was printed until then. Set by whoever hands the failure on, not by engines."""


class Engine(Protocol):
    """One way to run a task. Engines are found by name in `workers.coderunner.registry`.

    A task is a mapping of JSON values:

    - `python`, `javascript`: `source` (text), `params` (object), `restricted` (bool: whether the language layer is on)
    - `template`: `template` (text), `values` (object), `escape` (bool)
    - `document`: `data` (bytes, the one value that is not JSON), `name` (text)
    """

    def prepare(self, modules: Sequence[str]) -> None:
        """Import and load everything that will ever be needed: no file can be read later, not even by an import.

        Called once, outside of the jail, before there is any task. `modules` are further ones that code may import.
        Must leave no thread running, no file open, and nothing that differs from one task to the next.
        """
        ...

    def enter(self) -> None:
        """Open what this one run needs a system call for that is refused later (an event loop, say).

        Called in the fresh child, whose root is empty, before the limits and the filter of system calls.
        """
        ...

    def run(self, task: Mapping[str, Any], log: Callable[[str], None]) -> Any:
        """Run the task, in a fresh child, after every restriction is in force.

        Returns exact JSON values: `dict` with `str` keys, `list`, `str`, `int`, `float` (finite), `bool`, `None`,
        and no subclasses of them.
        `log` takes a line that the code printed; what is too much is dropped there.
        Raises `TaskFailed` for what the author did. A `MemoryError` may fly: it becomes the reason `memory`.
        """
        ...
