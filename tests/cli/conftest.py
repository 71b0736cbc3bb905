"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import Service, standing


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of `up`."""
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="session")
def up(data_dir: Path) -> Iterator[Service]:
    """`mainspring up`, started for the first time on its folder."""
    with standing(data_dir) as running:
        yield running
