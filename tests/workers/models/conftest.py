"""Stores for tests of models: a database with its keys, and one organisation in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.stores import Stores, open_stores
from tests.storage.samples import KEYS


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, made once."""
    folder = tmp_path_factory.mktemp("migrated")
    open_stores(folder).close()
    return folder / "mainspring.sqlite"


@pytest.fixture
def stores(tmp_path: Path, migrated: Path) -> Iterator[Stores]:
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data")
    with open_stores(tmp_path / "data", keys=KEYS) as stores:
        yield stores
