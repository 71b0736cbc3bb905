"""What workflows of a bundle stand on: databases, plugins and knowledge bases, described and made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from api.access import Member
from api.models.service import NAMES_ALWAYS_THERE
from api.plugins.schemas import PluginIn
from api.plugins.service import PluginService
from engine.errors import Conflict, FlowError, InvalidInput, NotFound
from engine.interchange.bundle import Bundle, Definition
from storage.audit import Actor
from storage.ids import read_id
from storage.ports.tables import TableSettings
from storage.stores import Stores
from storage.versions import parse_version

_TABLES: Final = TypeAdapter(TableSettings)
_IMPORTED: Final = "imported"
MOST_VERSIONS: Final = 200
"""Of one workflow or plugin in a bundle, which has those alone that something in it asks for."""


class Surroundings:
    """The things of one space that canvases name by an id."""

    def __init__(self, member: Member, stores: Stores, plugins: PluginService, actor: Actor | None = None) -> None:
        """`actor` is who makes what is missing; nothing is known of where he is without it."""
        self._actor = actor or Actor(member.org_id, member.space_id, member.account_id, member.token_id, member.name)
        self._member = member
        self._stores = stores
        self._service = plugins
        self._place = (str(member.org_id), str(member.space_id))

    async def describe(self, kind: str, refs: Mapping[str, Sequence[str]]) -> list[Definition]:
        """What is needed to make these again; `refs` has the versions that are asked for. What is not there is left."""
        describe = {"database": self._database, "plugin": self._plugin, "knowledge": self._base}[kind]
        made: list[Definition] = []
        for ref, versions in refs.items():
            try:
                made.append(await describe(ref, versions))
            except FlowError as error:
                # The canvas names what is not there, which it may: its draft says so where it is validated.
                if not isinstance(error, NotFound | InvalidInput):
                    raise
        return made

    async def has(self, kind: str, ref: str) -> bool:
        """Whether it is here."""
        if kind == "model":
            return ref in NAMES_ALWAYS_THERE or ref in await self._stores.models(self._member.org_id).names("chat")
        return bool(await self.describe(kind, {ref: ()}))

    async def make(self, bundle: Bundle) -> dict[str, dict[str, str]]:
        """Make what the bundle brings and is not here yet; gives the new ids by kind and by the ids in the bundle."""
        work = (
            ("database", bundle.databases, self._database, self._make_database),
            ("plugin", bundle.plugins, self._plugin, self._make_plugin),
            ("knowledge", bundle.knowledge, self._base, self._make_base),
        )
        made: dict[str, dict[str, str]] = {}
        try:
            for kind, definitions, find, make in work:
                for one in definitions:
                    try:
                        await find(one.id, ())
                    except (NotFound, InvalidInput):
                        made.setdefault(kind, {})[one.id] = await make(one)
        except FlowError:
            await self.undo(made)
            raise
        return made

    async def undo(self, made: Mapping[str, Mapping[str, str]]) -> None:
        """Take away what was just made: the import goes no further."""
        for id_ in made.get("database", {}).values():
            await self._stores.tables.delete(*self._place, id_)
        for id_ in made.get("plugin", {}).values():
            await self._service.delete(id_, self._member, self._actor)
        for id_ in made.get("knowledge", {}).values():
            await self._stores.knowledge.of(self._member.org_id, self._member.space_id).delete(int(id_))

    # --- databases ----------------------------------------------------------------------------------------------------

    async def _database(self, ref: str, versions: Sequence[str]) -> Definition:
        table = await self._stores.tables.get(*self._place, ref)
        settings = TableSettings(table.name, table.fields, table.description, table.access)
        return Definition(id=ref, name=table.name, definition=_TABLES.dump_python(settings, mode="json"))

    async def _make_database(self, one: Definition) -> str:
        settings = _read(_TABLES, one, "databases")
        fields = tuple(type(field)(**{**asdict(field), "number": 0}) for field in settings.fields)
        settings = TableSettings(settings.name, fields, settings.description, settings.access)
        try:
            return (await self._stores.tables.create(*self._place, settings)).id
        except Conflict:
            named = TableSettings(
                f"{settings.name[:40]}_{_IMPORTED}_{one.id[-6:]}", fields, settings.description, settings.access
            )
            return (await self._stores.tables.create(*self._place, named)).id

    # --- plugins ------------------------------------------------------------------------------------------------------

    async def _plugin(self, ref: str, versions: Sequence[str]) -> Definition:
        plugin = await self._stores.plugins(self._member.org_id, self._member.space_id).get(ref)
        asked = {version for version in versions if version.startswith("v")}
        published = sorted({*asked, *filter(None, [plugin.latest_version])}, key=parse_version)
        return Definition(
            id=ref,
            name=plugin.name,
            definition={
                "plugin": {
                    "name": plugin.name,
                    "description": plugin.description,
                    "base_url": plugin.base_url,
                    "document": plugin.document,
                    "auth": plugin.auth,
                    "common": plugin.common,
                },
                "versions": [*published],
            },
        )

    async def _make_plugin(self, one: Definition) -> str:
        body = _read(TypeAdapter(PluginIn), Definition(id=one.id, definition=_part(one, "plugin")), "plugins")
        plugin, _ = await self._service.create(body, self._member, self._actor)
        repository = self._stores.plugins(self._member.org_id, self._member.space_id)
        try:
            for version in _versions(one):
                await repository.publish(plugin.id, version=version)
        except FlowError:
            await self.undo({"plugin": {one.id: str(plugin.id)}})
            raise
        return str(plugin.id)

    # --- knowledge ----------------------------------------------------------------------------------------------------

    async def _base(self, ref: str, versions: Sequence[str]) -> Definition:
        if read_id(ref) is None:
            raise NotFound(f"There is no knowledge base {ref[:100]}.", base=ref[:100])
        (base,) = await self._stores.knowledge.bases(*self._place, [ref])
        return Definition(id=ref, name=base.name, definition={"name": base.name, "description": base.description})

    async def _make_base(self, one: Definition) -> str:
        name, description = one.definition.get("name"), one.definition.get("description")
        repository = self._stores.knowledge.of(self._member.org_id, self._member.space_id)
        return str((await repository.create(str(name or one.name), str(description or ""))).id)


def check_versions(bundle: Bundle) -> None:
    """Raise `InvalidInput` for versions that cannot be published one after another: before anything is made."""
    for one in bundle.workflows:
        _check_growing([frozen.version for frozen in one.versions], f"workflow {one.id}", "bundle.workflows")
    for plugin in bundle.plugins:
        _check_growing(_versions(plugin), f"plugin {plugin.id}", "bundle.plugins")


def _check_growing(versions: Sequence[str], whose: str, field: str) -> None:
    if len(versions) > MOST_VERSIONS:
        raise InvalidInput(
            f"The {whose} has {len(versions)} versions; a bundle brings up to {MOST_VERSIONS} of each.", field=field
        )
    known = [parse_version(one) for one in versions]
    if any(later <= earlier for earlier, later in pairwise(known)):
        raise InvalidInput(f"The versions of the {whose} do not come in their order.", field=field)


def _versions(one: Definition) -> list[str]:
    """The versions of a plugin that canvases ask for."""
    versions = one.definition.get("versions")
    return [str(version) for version in versions] if isinstance(versions, list) else []


def _part(one: Definition, name: str) -> dict[str, Any]:
    part = one.definition.get(name)
    return part if isinstance(part, dict) else {}


def _read(model: TypeAdapter[Any], one: Definition, place: str) -> Any:
    try:
        return model.validate_python(one.definition)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["bundle", place, one.id, *(str(part) for part in first["loc"])])
        raise InvalidInput(
            f"The definition of {one.id} is not as it should be: {first['msg']}.", field=field
        ) from error
