"""A probe that answers as a test wants it to, and remembers what it was to try."""

from __future__ import annotations

from dataclasses import dataclass, field

from nodes.probe import ModelOnTrial, ProbeResult


@dataclass
class ScriptedProbe:
    """Implements `ModelProbe`."""

    result: ProbeResult = field(default_factory=lambda: ProbeResult(ok=True, answer="你好", usage={"total_tokens": 9}))
    tried: list[ModelOnTrial] = field(default_factory=list)

    async def try_model(self, model: ModelOnTrial) -> ProbeResult:
        self.tried.append(model)
        return self.result
