"""What the scenarios share: one whole system with everything in it, and an endpoint outside of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.scenarios.endpoint import Endpoint, endpoint
from tests.scenarios.system import WHOLE, System, running


@dataclass
class Stage:
    """A system that runs, and the endpoint that its runs call."""

    system: System
    out: Endpoint


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """What `mainspring up` starts, for all tests that leave it alive. It looks after runs every second."""
    async with endpoint() as out:
        settings = {
            "MAINSPRING_EGRESS_ALLOW": out.place,
            "MAINSPRING_EGRESS_BODY_BYTES": str(32 * 1024 * 1024),
            "MAINSPRING_RECONCILE_SECONDS": "1",
        }
        async with running(tmp_path_factory.mktemp("up"), settings, WHOLE) as system:
            yield Stage(system, out)
