"""What holds for every test."""

from __future__ import annotations

import os
from typing import Final

import psutil
import pytest
from hypothesis import settings

# A slow machine is no fault of the code under test.
settings.register_profile("mainspring", deadline=None)
settings.load_profile("mainspring")

_LONGEST: Final = ("scenarios", "cli", "workers", "interchange", "api")
"""The folders whose files take longest, in the order in which they begin."""
_BYTES: Final = 1_500_000_000
"""What one process of tests takes, with the servers that it starts."""
_MOST: Final = 12


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means: one more than cores, as a quarter of the time is waiting, if they fit."""
    return max(1, min((os.cpu_count() or 1) + 1, psutil.virtual_memory().total // _BYTES, _MOST))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, begin with what takes longest: it would be all that is left in the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.nodeid.split("/")[1]
    return _LONGEST.index(folder) if folder in _LONGEST else len(_LONGEST)
