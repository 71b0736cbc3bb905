"""The sandbox of tests about nodes: the engines themselves, in this process, without the jail around them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from nodes.sandbox import CodeFailed, CodeTask, DocumentTask, Finished, Task, TemplateTask
from workers.coderunner.engine import TaskFailed
from workers.coderunner.here import run_here


class OpenJail:
    """Implements `nodes.sandbox.Sandbox`; `asked` holds who asked for what."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Task]] = []

    async def run(self, org_id: str, task: Task) -> Finished:
        self.asked.append((org_id, task))
        engine, order = _order(task)
        try:
            # In a thread: an engine has a loop of its own.
            done = await asyncio.to_thread(run_here, engine, order)
        except TaskFailed as failed:
            raise CodeFailed.told(
                failed.reason, failed.message, type=failed.type, line=failed.line, logs=failed.logs
            ) from failed
        return Finished(done.value, done.logs)


def _order(task: Task) -> tuple[str, Mapping[str, Any]]:
    match task:
        case CodeTask():
            return task.language, {"source": task.source, "params": dict(task.params), "restricted": True}
        case TemplateTask():
            return "template", {"template": task.template, "values": dict(task.values), "escape": task.escape}
        case DocumentTask():
            return "document", {"data": task.data, "name": task.name}
