"""Every port with each of its adapters: the suites here know only the port."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from storage.blobs.filesystem import FilesystemBlobs
from storage.organisations import Home
from storage.ports import Blobs, EventLog, Plans, Variables
from storage.stores import Stores
from tests.storage.samples import a_run

NewRunId = Callable[[], Awaitable[str]]


@pytest.fixture(params=["filesystem"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    match request.param:
        case "filesystem":
            return FilesystemBlobs(tmp_path / "blobs")
    raise AssertionError(request.param)


@pytest.fixture(params=["sqlite"])
def log(request: pytest.FixtureRequest, stores: Stores) -> EventLog:
    match request.param:
        case "sqlite":
            return stores.events
    raise AssertionError(request.param)


@pytest.fixture
def new_run_id(stores: Stores, home: Home) -> NewRunId:
    """Makes a run that may have events."""

    async def make() -> str:
        run, _ = await stores.runs(home.org_id, home.space_id).create(a_run())
        return str(run.id)

    return make


@pytest.fixture(params=["sqlite"])
def plans(request: pytest.FixtureRequest, stores: Stores) -> Plans:
    match request.param:
        case "sqlite":
            return stores.plans
    raise AssertionError(request.param)


@pytest.fixture(params=["sql"])
def variables(request: pytest.FixtureRequest, stores: Stores) -> Variables:
    match request.param:
        case "sql":
            return stores.variables
    raise AssertionError(request.param)
