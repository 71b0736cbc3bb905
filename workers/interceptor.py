"""What a workflow may reach outside Temporal: its plan, and the events it tells."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.worker import Interceptor, WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from engine.plan import Plan
from workers.workflows.runtime import EMIT_FUNCTION, PLAN_FUNCTION, Emit


class ProcessInterceptor(Interceptor):
    """Hands the process's plan cache and event sink to its workflows. Neither leaves a trace in a history."""

    def __init__(self, plan: Callable[[str], Plan], emit: Emit) -> None:
        self._plan = plan
        self._emit = emit

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        input.unsafe_extern_functions[PLAN_FUNCTION] = self._plan
        input.unsafe_extern_functions[EMIT_FUNCTION] = self._emit
        return None
