"""The jail as a node sees it: what may be run in it, and what comes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.errors import NodeFailed
from engine.values import Json


class CodeFailed(NodeFailed):
    """The author's code raised, took too long or too much, or gave what cannot be handed on: again will not help.

    Facts: `reason` (`error`, `syntax`, `refused`, `timeout`, `memory`, `output`, `crashed`), `type` (the exception's
    name, where there is one), `line` (of the author's text, from 1, where it is known), `logs` (what was printed).
    """

    code = "code_failed"

    @classmethod
    def told(
        cls, reason: str, message: str, *, type: str = "", line: int | None = None, logs: Sequence[str] = ()
    ) -> CodeFailed:
        """The failure whose sentence says type and line too: `KeyError in line 3: 'price'`."""
        place = "" if line is None else f"line {line}"
        named = f"{type} in {place}" if type and place else type or place.capitalize()
        facts: dict[str, Json] = {"reason": reason, "logs": [*logs]}
        facts |= {"type": type} if type else {}
        facts |= {} if line is None else {"line": line}
        return cls(f"{named}: {message}" if named else message, **facts)


@dataclass(frozen=True, slots=True)
class CodeTask:
    """A function `main` of the author, called with `params`."""

    language: Literal["python", "javascript"]
    source: str
    params: Mapping[str, Json] = field(default_factory=dict)
    seconds: float = 60.0
    """By the clock on the wall; computing alone is bounded more tightly by the service's own limits."""


@dataclass(frozen=True, slots=True)
class TemplateTask:
    """A Jinja2 template, rendered with JSON values alone. The result is the text."""

    template: str
    values: Mapping[str, Json] = field(default_factory=dict)
    escape: bool = False
    """Escape values for HTML."""
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class DocumentTask:
    """A file to be read. The result is `{"text": str, "tables": [[[cell, …], …], …], "pages": int, "kind": str}`."""

    data: bytes
    name: str = ""
    """For its extension alone; the content must agree with it."""
    seconds: float = 30.0


Task = CodeTask | TemplateTask | DocumentTask


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a task: a JSON value, and the lines that the code printed, cut off after 200 of 2,000 characters."""

    value: Json
    logs: tuple[str, ...] = ()
    milliseconds: float = 0.0


class Sandbox(Protocol):
    """Runs what nobody vouches for. Each task is alone: it sees nothing of another, and leaves nothing behind."""

    async def run(self, org_id: str, task: Task) -> Finished:
        """Run it. `org_id` is whose turn it takes: organisations wait for themselves, not for each other.

        Raises `CodeFailed`, and `NodeUnavailable` while there is no runner; cancelling ends what runs at once.
        """
        ...
