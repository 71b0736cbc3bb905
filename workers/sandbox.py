"""The sandbox of a worker: tasks of nodes handed to the code runner, and what comes of them in the words of nodes."""

from __future__ import annotations

from typing import Any, Protocol

from engine.errors import NodeUnavailable
from nodes.sandbox import CodeFailed, CodeTask, DocumentTask, Finished, Task, TemplateTask
from workers.coderunner.client import RunnerClient, RunnerGone
from workers.coderunner.engine import TaskFailed


class Runners(Protocol):
    """Who knows where the code runner is."""

    async def client(self) -> RunnerClient:
        """One that answers, waited for a while. Raises `RunnerGone`."""
        ...


class NoSandbox:
    """Implements `nodes.sandbox.Sandbox` where there is none: a worker put together without a code runner says so."""

    async def run(self, org_id: str, task: Task) -> Finished:
        """Refuse."""
        raise NodeUnavailable("This worker has no code runner.")


class RunnerSandbox:
    """Implements `nodes.sandbox.Sandbox` by a code runner."""

    def __init__(self, runners: Runners) -> None:
        self._runners = runners

    async def run(self, org_id: str, task: Task) -> Finished:
        """See `nodes.sandbox.Sandbox`."""
        try:
            client = await self._runners.client()
            answer = await client.run(_told(task), org=org_id, seconds=task.seconds)
        except TaskFailed as failed:
            raise CodeFailed.told(
                failed.reason, failed.message, type=failed.type, line=failed.line, logs=failed.logs
            ) from None
        except RunnerGone as gone:
            raise NodeUnavailable(f"The code runner is not there: {gone}.") from gone
        return Finished(answer.value, answer.logs, answer.milliseconds)


def _told(task: Task) -> dict[str, Any]:
    match task:
        case CodeTask():
            return {"engine": task.language, "source": task.source, "params": task.params}
        case TemplateTask():
            return {"engine": "template", "template": task.template, "values": task.values, "escape": task.escape}
        case DocumentTask():
            return {"engine": "document", "data": task.data, "name": task.name}
