"""Plans at hand for workflows: read once per process, shared by every run, never changed."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from engine.plan import Plan, read_plan
from storage.ports import Plans

_KEPT: Final = 256


class PlanCache:
    """Called from workflow threads: a plan is content-addressed, so who reads it, and when, changes nothing."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans
        self._kept: OrderedDict[str, Plan] = OrderedDict()
        self._lock = Lock()

    def __call__(self, plan_hash: str) -> Plan:
        """The plan of this hash. Raises `NotFound`."""
        with self._lock:
            if (found := self._kept.get(plan_hash)) is not None:
                self._kept.move_to_end(plan_hash)
                return found
        # Two threads may read the same plan at once: the loser's copy is as good.
        plan = read_plan(self._plans.read(plan_hash))
        with self._lock:
            self._kept[plan_hash] = plan
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return plan
