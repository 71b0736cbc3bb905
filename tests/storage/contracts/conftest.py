"""Every port with each of its adapters: the suites here know only the port."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from storage.blobs.filesystem import FilesystemBlobs
from storage.conversations import SqlConversations
from storage.data_keys import SqlDataKeys
from storage.knowledge.store import SqlKnowledge
from storage.ledger import SqlLedger, Which
from storage.organisations import Home
from storage.ports import Blobs, DataKeys, EventLog, ModelLedger, Plans, Secrets, Throttle, Variables
from storage.ports.conversations import Conversations
from storage.ports.fulltext import FullText
from storage.ports.tables import UserTable, UserTables
from storage.sqlite.fulltext import SqliteFullText
from storage.stores import Stores
from storage.throttle import SqliteThrottle
from storage.user_tables.limits import TableLimits
from storage.user_tables.sqlite.tables import SqliteUserTables
from storage.vault import SqlSecrets
from tests.storage.memory_database import MemoryDatabase
from tests.storage.people import PEOPLE, ROWS, use
from tests.storage.samples import KEYS, a_run

NewRunId = Callable[[], Awaitable[str]]
NewBase = Callable[..., Awaitable[str]]
Total = Callable[[], Awaitable[tuple[int, int]]]
"""How many calls organisation 7 has made, and what they cost."""


class Clock:
    """A clock that goes when it is told to."""

    BEGAN = 1_800_000_000_000

    def __init__(self) -> None:
        self.now = self.BEGAN

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


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


@pytest.fixture(params=["sql"])
def secrets(request: pytest.FixtureRequest, stores: Stores) -> Secrets:
    match request.param:
        case "sql":
            return SqlSecrets(stores.database, KEYS)
    raise AssertionError(request.param)


@pytest.fixture(params=["sql"])
def data_keys(request: pytest.FixtureRequest, stores: Stores) -> DataKeys:
    match request.param:
        case "sql":
            return SqlDataKeys(stores.database, KEYS)
    raise AssertionError(request.param)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite"])
def throttle(request: pytest.FixtureRequest, stores: Stores, clock: Clock) -> Throttle:
    match request.param:
        case "sqlite":
            return SqliteThrottle(stores.database, clock=clock)
    raise AssertionError(request.param)


@pytest.fixture(params=["sql"])
def ledger(request: pytest.FixtureRequest, stores: Stores) -> ModelLedger:
    match request.param:
        case "sql":
            return stores.ledger
    raise AssertionError(request.param)


@pytest.fixture
def total(ledger: ModelLedger) -> Total:
    async def count() -> tuple[int, int]:
        match ledger:
            case SqlLedger():
                sums = await ledger.spent(7, "day", Which())
                return sum(one.calls for one in sums), sum(one.cost for one in sums)
        raise AssertionError(ledger)

    return count


@pytest.fixture(params=["fts5"])
def fulltext(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullText]:
    match request.param:
        case "fts5":
            index = SqliteFullText(tmp_path / "search.sqlite")
            yield index
            index.close()
        case _:
            raise AssertionError(request.param)


@pytest.fixture(params=["sql"])
def knowledge(request: pytest.FixtureRequest, stores: Stores) -> SqlKnowledge:
    match request.param:
        case "sql":
            return stores.knowledge
    raise AssertionError(request.param)


@pytest.fixture
def new_base(stores: Stores) -> NewBase:
    """Makes a base in organisation 7 and space 8, unless told otherwise."""

    async def make(name: str = "茶", org: int = 7, space: int = 8) -> str:
        return str((await stores.knowledge.of(org, space).create(name, "about tea")).id)

    return make


@pytest.fixture(params=["sql", "memory"])
def conversations(request: pytest.FixtureRequest, stores: Stores) -> Conversations:
    match request.param:
        case "sql":
            return stores.conversations
        case "memory":
            return SqlConversations(MemoryDatabase())
    raise AssertionError(request.param)


@pytest.fixture(params=["sqlite"])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UserTables]:
    match request.param:
        case "sqlite":
            made = SqliteUserTables(tmp_path / "tables")
            yield made
            made.close()
        case _:
            raise AssertionError(request.param)


@pytest.fixture(params=["sqlite"])
def small_tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UserTables]:
    """Tables with room for a megabyte."""
    match request.param:
        case "sqlite":
            made = SqliteUserTables(tmp_path / "tables", TableLimits(organisation_bytes=1024 * 1024))
            yield made
            made.close()
        case _:
            raise AssertionError(request.param)


@pytest.fixture
async def people(tables: UserTables) -> UserTable:
    table = await tables.create("7", "8", PEOPLE)
    await tables.insert(use(table), ROWS)
    return table
