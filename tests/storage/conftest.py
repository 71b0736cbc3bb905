"""Stores in a folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.organisations import Home
from storage.runs import RunRepository
from storage.stores import Stores, open_stores
from storage.workflows import WorkflowRepository


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_stores(tmp_path / "data") as stores:
        yield stores


@pytest.fixture
async def home(stores: Stores) -> Home:
    return await stores.organisations.ensure_default()


@pytest.fixture
def runs(stores: Stores, home: Home) -> RunRepository:
    return stores.runs(home.org_id, home.space_id)


@pytest.fixture
def workflows(stores: Stores, home: Home) -> WorkflowRepository:
    return stores.workflows(home.org_id, home.space_id)
