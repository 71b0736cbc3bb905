"""An engine tried in the process at hand, without any jail: for the tests of an engine, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from workers.coderunner.engine import LOG_CHARS, LOG_LINES, Engine, TaskFailed
from workers.coderunner.exact import encode
from workers.coderunner.registry import ENGINES, load_engine


@dataclass(frozen=True)
class Tried:
    """What came of it: the value as it would arrive, and the lines that were printed."""

    value: Any
    logs: tuple[str, ...]


def run_here(engine: str, task: Mapping[str, Any], modules: Sequence[str] = ()) -> Tried:
    """Run a task in this process. Raises `TaskFailed`, with what was printed until then."""
    ready = _ready(engine, tuple(modules))
    logs: list[str] = []

    def log(line: str) -> None:
        if len(logs) < LOG_LINES:
            logs.append(line[:LOG_CHARS])

    ready.enter()
    try:
        answer = encode(ready.run(task, log), ENGINES[engine].answer_bytes)
    except TaskFailed as failed:
        failed.logs = tuple(logs)
        raise
    return Tried(json.loads(answer), tuple(logs))


@cache
def _ready(engine: str, modules: tuple[str, ...]) -> Engine:
    found = load_engine(ENGINES[engine])
    found.prepare(modules)
    return found
