"""All stores of one process, put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from storage.account_sessions import AccountSessionRepository
from storage.accounts import AccountRepository
from storage.blobs.filesystem import FilesystemBlobs
from storage.callers import EPOCH, CallerRepository
from storage.conversations import SqlConversations
from storage.data_keys import SqlDataKeys
from storage.database import Database
from storage.external_ids import ExternalIdRepository
from storage.file_links import FileLinks
from storage.files import Files
from storage.folders import FolderRepository
from storage.key_register import admit
from storage.keyring import KeyRing
from storage.knowledge.store import SqlKnowledge
from storage.ledger import SqlLedger
from storage.migrations import migrate
from storage.models import InstanceModels, ModelRepository
from storage.oauth_apps import OAuthAppRepository
from storage.organisations import OrganisationRepository
from storage.own_files import StoredFiles
from storage.people.careers import CareerRepository
from storage.people.departments import DepartmentRepository
from storage.people.employees import EmployeeRepository
from storage.people.organisations import OrganisationTree
from storage.plugin_tools import SqlPlugins
from storage.plugins import PluginRepository
from storage.ports import EventLog, FileBlobs, Plans, Secrets, Throttle
from storage.rates import RateRepository
from storage.references import ReferenceRepository
from storage.runs import RunRepository, UnfinishedRuns
from storage.sqlite.connections import database_file, sqlite_url
from storage.sqlite.database import SqliteDatabase
from storage.sqlite.event_log import SqliteEventLog
from storage.sqlite.fulltext import SqliteFullText
from storage.sqlite.glimpse import Glimpse
from storage.sqlite.plans import SqlitePlans
from storage.sqlite.reader import Reader
from storage.sqlite.watch import Watch
from storage.sqlite.writer import Writer
from storage.throttle import SqliteThrottle
from storage.tokens import TokenRepository
from storage.user_tables.limits import DEFAULT_LIMITS, TableLimits
from storage.user_tables.sqlite.tables import SqliteUserTables
from storage.variables import SqlVariables
from storage.vault import SqlSecrets
from storage.workflow_trash import Trash
from storage.workflows import WorkflowRepository


@dataclass(frozen=True, slots=True)
class Stores:
    """What the application keeps, each behind its port, or as repositories made for one organisation and space."""

    blobs: FileBlobs
    events: EventLog
    plans: Plans
    variables: SqlVariables
    conversations: SqlConversations
    data_keys: SqlDataKeys
    secrets: Secrets
    plugin_tools: SqlPlugins
    throttle: Throttle
    ledger: SqlLedger
    knowledge: SqlKnowledge
    organisations: OrganisationRepository
    tokens: TokenRepository
    oauth_apps: OAuthAppRepository
    callers: CallerRepository
    rates: RateRepository
    files: Files
    links: FileLinks
    accounts: AccountRepository
    account_sessions: AccountSessionRepository
    unfinished: UnfinishedRuns
    database: Database
    writer: Writer
    reader: Reader
    watch: Watch
    glimpse: Glimpse
    fulltext: SqliteFullText
    tables: SqliteUserTables

    @property
    def own_files(self) -> StoredFiles:
        """Uploaded files as runs read them."""
        return StoredFiles(self.files, self.links, self.blobs)

    def workflows(self, org_id: int, space_id: int) -> WorkflowRepository:
        """The workflows of a space."""
        return WorkflowRepository(self.database, org_id, space_id)

    def folders(self, org_id: int, space_id: int) -> FolderRepository:
        """Where the workflows of a space are filed."""
        return FolderRepository(self.database, org_id, space_id)

    def trash(self, org_id: int, space_id: int) -> Trash:
        """The workflows of a space that were thrown away."""
        return Trash(self.database, org_id, space_id)

    def references(self, org_id: int, space_id: int) -> ReferenceRepository:
        """Who uses what in a space."""
        return ReferenceRepository(self.database, org_id, space_id)

    def runs(self, org_id: int, space_id: int) -> RunRepository:
        """The runs of a space."""
        return RunRepository(self.database, org_id, space_id)

    def plugins(self, org_id: int, space_id: int) -> PluginRepository:
        """The plugins of a space."""
        return PluginRepository(self.database, org_id, space_id)

    def organisation_tree(self) -> OrganisationTree:
        """All organisations, as far as somebody may see them."""
        return OrganisationTree(self.database)

    def departments(self, org_id: int) -> DepartmentRepository:
        """The departments of an organisation."""
        return DepartmentRepository(self.database, org_id)

    def employees(self, org_id: int) -> EmployeeRepository:
        """The people of an organisation."""
        return EmployeeRepository(self.database, org_id)

    def careers(self, org_id: int) -> CareerRepository:
        """What becomes of the people of an organisation."""
        return CareerRepository(self.database, org_id)

    def external_ids(self, org_id: int, space_id: int, source: str = "coze") -> ExternalIdRepository:
        """What things of a space are called in the system they came from."""
        return ExternalIdRepository(self.database, org_id, space_id, source)

    def models(self, org_id: int) -> ModelRepository:
        """The models of an organisation, and those of the instance that it sees beside them."""
        return ModelRepository(self.database, org_id)

    def instance_models(self) -> ModelRepository:
        """The models that every organisation sees."""
        return InstanceModels(self.database)

    def close(self) -> None:
        """Write what was given to write, and let go of the files. Takes milliseconds; more than once is fine."""
        self.tables.close()
        self.fulltext.close()
        self.watch.close()
        self.glimpse.close()
        self.writer.close()
        self.reader.close()

    def __enter__(self) -> Stores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def database_url_of(data_dir: Path) -> str:
    """The URL of the database in a folder."""
    return sqlite_url(data_dir / "mainspring.sqlite")


def open_stores(
    data_dir: Path,
    database_url: str | None = None,
    *,
    keys: KeyRing | None = None,
    tables: TableLimits = DEFAULT_LIMITS,
) -> Stores:
    """Open the stores in a folder, made and migrated if need be. Several processes may open the same.

    Without keys everything works but the vault and the data keys. Raises `WrongKey` when the keys do not open what is
    there.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    url = database_url or database_url_of(data_dir)
    migrate(url)
    file = database_file(url)
    writer, reader = Writer(file), Reader(file)
    if keys is not None:
        try:
            admit(keys, reader, writer)
        except BaseException:
            writer.close()
            reader.close()
            raise
    watch = Watch(file)
    glimpse = Glimpse(file, EPOCH)
    database = SqliteDatabase(writer, reader)
    secrets = SqlSecrets(database, keys)
    fulltext = SqliteFullText(data_dir / "search.sqlite")
    return Stores(
        blobs=FilesystemBlobs(data_dir / "blobs"),
        events=SqliteEventLog(writer, reader, watch),
        plans=SqlitePlans(writer, reader),
        variables=SqlVariables(database),
        conversations=SqlConversations(database),
        data_keys=SqlDataKeys(database, keys),
        secrets=secrets,
        plugin_tools=SqlPlugins(database, secrets),
        throttle=SqliteThrottle(database),
        ledger=SqlLedger(database),
        knowledge=SqlKnowledge(database, fulltext),
        organisations=OrganisationRepository(database),
        tokens=TokenRepository(database),
        oauth_apps=OAuthAppRepository(database),
        callers=CallerRepository(database, glimpse),
        glimpse=glimpse,
        rates=RateRepository(database),
        files=Files(database),
        links=FileLinks(keys),
        accounts=AccountRepository(database),
        account_sessions=AccountSessionRepository(database),
        unfinished=UnfinishedRuns(database),
        database=database,
        writer=writer,
        reader=reader,
        watch=watch,
        fulltext=fulltext,
        tables=SqliteUserTables(data_dir / "tables", tables),
    )
