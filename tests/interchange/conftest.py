"""What the tests of the corpus share: a Temporal server, and the two roads with every case carried out on them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interchange.cases import case_names
from tests.interchange.imports import Imported
from tests.interchange.roads import Road, memory_road, temporal_road, travel
from tests.interchange.told import Told
from tests.workers.temporal_fixture import temporal_server
from workers.embedded import EmbeddedTemporal

__all__ = ["temporal_server"]


@dataclass
class Travelled:
    """What came of every case on a road; or what went wrong with the harness."""

    cases: dict[str, tuple[Imported, list[Told]]] = field(default_factory=dict)
    broken: dict[str, BaseException] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Imported, list[Told]]:
        if name in self.broken:
            raise self.broken[name]
        return self.cases[name]


async def _all(road: Road, names: list[str], width: int) -> Travelled:
    """Every case, some at a time."""
    made = Travelled()
    slots = asyncio.Semaphore(width)

    async def one(name: str) -> None:
        async with slots:
            try:
                made.cases[name] = await travel(road, name)
            except Exception as error:  # noqa: BLE001
                # One case's trouble is not the others': it is raised where that case is judged.
                made.broken[name] = error

    await asyncio.gather(*(one(name) for name in names))
    return made


def _wanted(request: pytest.FixtureRequest) -> list[str]:
    """The cases of the tests that were chosen; all of them where that cannot be told."""
    chosen = {
        item.callspec.params["name"]
        for item in request.session.items
        if hasattr(item, "callspec") and "name" in item.callspec.params and item.path.parent == Path(__file__).parent
    }
    return [name for name in case_names() if name in chosen]


@pytest.fixture(scope="session")
def in_memory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Travelled:
    """Every case, walked in memory."""

    async def work() -> Travelled:
        async with memory_road(tmp_path_factory.mktemp("memory")) as road:
            return await _all(road, _wanted(request), 8)

    return asyncio.run(work())


@pytest.fixture(scope="session")
def on_temporal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, temporal_server: EmbeddedTemporal
) -> Travelled:
    """Every case, through Temporal."""

    async def work() -> Travelled:
        async with temporal_road(temporal_server, tmp_path_factory.mktemp("temporal-stores")) as road:
            return await _all(road, _wanted(request), 24)

    return asyncio.run(work())
