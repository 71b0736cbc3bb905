"""Stores in a folder of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.organisations import Home
from storage.runs import RunRepository
from storage.stores import Stores, open_stores
from storage.workflows import WorkflowRepository
from tests.storage.samples import KEYS


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as it is after the first start; copying it is quicker than making it."""
    folder = tmp_path_factory.mktemp("new")
    open_stores(folder).close()
    return folder / "mainspring.sqlite"


@pytest.fixture
def stores(tmp_path: Path, new_database: Path) -> Iterator[Stores]:
    (tmp_path / "data").mkdir()
    shutil.copy(new_database, tmp_path / "data")
    with open_stores(tmp_path / "data", keys=KEYS) as stores:
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
