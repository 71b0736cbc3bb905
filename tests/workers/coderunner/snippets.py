"""Snippets of code, kept as text in `code/`, each with what must come of it.

`=== name`, then perhaps `<<< ` with its parameters, the code, perhaps lines of the log after `... `, and after `>>> `
what may come of it: reasons to fail, or a JSON value. In a value, a text with commas stands for any of its parts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.workers.coderunner.running import Running
from workers.coderunner.client import Answer, RunnerClient
from workers.coderunner.engine import TaskFailed

_FOLDER = Path(__file__).with_name("code")


@dataclass
class Snippet:
    name: str
    source: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    expected: str = ""

    @property
    def value(self) -> Any:
        return json.loads(self.expected)

    def fits(self, came: Answer | TaskFailed) -> bool:
        if isinstance(came, TaskFailed):
            return came.reason in self.expected.split(" | ")
        allowed = self.expected.rpartition(" | ")[2]
        return allowed.startswith("{") and alike(json.loads(allowed), came.value)


def alike(expected: Any, found: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(alike(expected[key], found[key]) for key in expected)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(alike, expected, found))
    return bool(expected == found) or (isinstance(expected, str) and str(found) in expected.split(","))


def snippets(name: str) -> list[Snippet]:
    found: list[Snippet] = []
    for line in (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n"):
        kind, text = line[:4], line[4:]
        if kind == "=== ":
            found.append(Snippet(text))
        elif kind == "<<< ":
            found[-1].params = json.loads(text)
        elif kind == "... ":
            found[-1].logs += (text,)
        elif kind == ">>> ":
            found[-1].expected = text
        elif found:
            found[-1].source += f"{line}\n"
    return found


async def outcome(client: RunnerClient, language: str, source: str, params: Any = None, **how: Any) -> Any:
    """What comes of it: an answer, or the failure."""
    try:
        return await client.run({"engine": language, "source": source, "params": params or {}}, **how)
    except TaskFailed as failed:
        return failed


def told(name: str, came: Answer | TaskFailed) -> str:
    """What came of it, for whoever reads that it should not have."""
    if isinstance(came, TaskFailed):
        return f"{name}: {came.reason} {came.type} in line {came.line}: {came.message}"
    return f"{name}: {json.dumps(came.value, ensure_ascii=False)} {came.logs}"


async def works(running: Running, language: str) -> bool:
    """Whether an honest piece of code runs."""
    source = {
        "python": "async def main(args: Args) -> Output:\n    return {'v': [args.params['n'] + 1, '茶']}",
        "javascript": "async function main({ params }) { return { v: [params.n + 1, '茶'] }; }",
    }[language]
    came = await outcome(running.client, language, source, {"n": 1}, org="honest", seconds=20)
    return isinstance(came, Answer) and came.value == {"v": [2, "茶"]}
