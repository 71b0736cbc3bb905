"""The code runner as the settings want it, beside a worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from cli.complaint import CommandFailed
from conf.settings import Settings
from workers.code_service import CodeRunnerRefused, CodeService
from workers.coderunner.client import RunnerGone
from workers.coderunner.options import Options

_LATER: Final = 1.0
"""Seconds after which it is started: until then the machine has a start and perhaps a first run to care for."""


@asynccontextmanager
async def code_runner_on(settings: Settings) -> AsyncGenerator[CodeService]:
    """One that starts in the background; in production one that has started, or `CommandFailed`."""
    code = CodeService(options_of(settings))
    later = asyncio.get_running_loop().call_later(_LATER, code.begin)
    try:
        if settings.mode == "production":
            await _ready(code)
        yield code
    finally:
        later.cancel()
        await code.stop()


def options_of(settings: Settings) -> Options:
    """What the settings say of it."""
    return Options.here(
        "",
        mode=settings.mode,
        processes=settings.code_processes or min(4, os.cpu_count() or 1),
        per_organisation=settings.code_per_organisation,
        cpu_seconds=settings.code_seconds,
        memory_mb=settings.code_memory_mb,
        restricted=settings.code_language_layer == "restricted",
        modules=settings.code_modules,
    )


async def _ready(code: CodeService) -> None:
    try:
        await code.ready()
    except CodeRunnerRefused as refused:
        raise CommandFailed(f"MAINSPRING_MODE=production needs a closed code runner. {refused.message}") from refused
    except RunnerGone as gone:
        raise CommandFailed(f"MAINSPRING_MODE=production needs a code runner: {gone}.") from gone
