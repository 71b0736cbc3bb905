"""All stores of one process, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from storage.blobs.filesystem import FilesystemBlobs
from storage.database import Database
from storage.migrations import migrate
from storage.organisations import OrganisationRepository
from storage.ports import Blobs, EventLog, Plans, Variables
from storage.runs import RunRepository, UnfinishedRuns
from storage.sqlite.connections import database_file, sqlite_url
from storage.sqlite.database import SqliteDatabase
from storage.sqlite.event_log import SqliteEventLog
from storage.sqlite.plans import SqlitePlans
from storage.sqlite.reader import Reader
from storage.sqlite.watch import Watch
from storage.sqlite.writer import Writer
from storage.tokens import TokenRepository
from storage.variables import SqlVariables
from storage.workflows import WorkflowRepository


@dataclass(frozen=True, slots=True)
class Stores:
    """What the application keeps, each behind its port, or as repositories made for one organisation and space."""

    blobs: Blobs
    events: EventLog
    plans: Plans
    variables: Variables
    organisations: OrganisationRepository
    tokens: TokenRepository
    unfinished: UnfinishedRuns
    database: Database
    writer: Writer
    reader: Reader
    watch: Watch

    def workflows(self, org_id: int, space_id: int) -> WorkflowRepository:
        """The workflows of a space."""
        return WorkflowRepository(self.database, org_id, space_id)

    def runs(self, org_id: int, space_id: int) -> RunRepository:
        """The runs of a space."""
        return RunRepository(self.database, org_id, space_id)

    def close(self) -> None:
        """Write what was given to write, and let go of the files. Takes milliseconds; more than once is fine."""
        self.watch.close()
        self.writer.close()
        self.reader.close()

    def __enter__(self) -> Stores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_stores(data_dir: Path, database_url: str | None = None) -> Stores:
    """Open the stores in a folder, made and migrated if need be. Several processes may open the same."""
    data_dir.mkdir(parents=True, exist_ok=True)
    url = database_url or sqlite_url(data_dir / "mainspring.sqlite")
    migrate(url)
    file = database_file(url)
    writer, reader, watch = Writer(file), Reader(file), Watch(file)
    database = SqliteDatabase(writer, reader)
    return Stores(
        blobs=FilesystemBlobs(data_dir / "blobs"),
        events=SqliteEventLog(writer, reader, watch),
        plans=SqlitePlans(writer, reader),
        variables=SqlVariables(database),
        organisations=OrganisationRepository(database),
        tokens=TokenRepository(database),
        unfinished=UnfinishedRuns(database),
        database=database,
        writer=writer,
        reader=reader,
        watch=watch,
    )
