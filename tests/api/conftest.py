"""What the tests of the API share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.serving import Serving, serve
from tests.workers.temporal_fixture import temporal_server

__all__ = ["temporal_server"]


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    """The application with the project's own node types, and without a way to Temporal."""
    async with serve(tmp_path) as made:
        yield made
