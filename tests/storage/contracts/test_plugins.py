"""What every store of plugins gives to runs: a tool of the version that is meant, and its key to nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.errors import InvalidInput, NotFound
from engine.openapi.document import read_document
from storage.organisations import Home
from storage.plugin_tools import write_key
from storage.plugins import SECRET_KIND, NewPlugin
from storage.ports.plugins import DRAFT, PluginAuth, PluginKey, Plugins
from storage.stores import Stores
from tests.fakes.tool_server import described

DOCUMENT = described("https://tools.example.com")
KEY = PluginKey("sk-钥匙-12345678", "https://tools.example.com:443")

Make = Callable[..., Awaitable[str]]


@pytest.fixture(params=["sqlite"])
def plugins(request: pytest.FixtureRequest, stores: Stores) -> Plugins:
    match request.param:
        case "sqlite":
            return stores.plugin_tools
    raise AssertionError(request.param)


@pytest.fixture
def place(home: Home) -> tuple[str, str]:
    return str(home.org_id), str(home.space_id)


@pytest.fixture
def make(stores: Stores, home: Home) -> Make:
    """A plugin `tools`, published if a version is given, with a key if there is one."""

    async def made(version: str = "", key: PluginKey | None = None, **given: Any) -> str:
        mine = stores.plugins(home.org_id, home.space_id)
        plugin = await mine.create(
            NewPlugin(
                **{
                    "key": "tools",
                    "name": "Tools",
                    "base_url": "https://tools.example.com",
                    "document": DOCUMENT,
                    "tools": read_document(DOCUMENT).tools,
                    "auth": {"kind": "api_key", "place": "query", "name": "k"},
                    "common": {"header": {"X-Team": "红"}, "query": {}, "path": {}, "body": {}},
                    **given,
                }
            )
        )
        if version:
            await mine.publish(plugin.id, version=version)
        if key is not None:
            secret_id = await stores.secrets.put(str(home.org_id), SECRET_KIND, write_key(key), last4="5678")
            await mine.keep_secret(plugin.id, int(secret_id))
        return str(plugin.id)

    return made


async def test_a_tool_has_all_that_a_call_needs(plugins: Plugins, place: tuple[str, str], make: Make) -> None:
    id_ = await make("v1.0.0")
    for ref in (id_, "tools"):
        tool = await plugins.tool(*place, ref, "forecast")
        assert (tool.plugin_id, tool.plugin, tool.version) == (id_, "tools", "v1.0.0")
        assert (tool.name, tool.function_name, tool.base_url) == ("forecast", "forecast", "https://tools.example.com")
        assert tool.description == "What the weather will be. 天气预报"
        assert tool.parameters["required"] == ["city"]
        assert tool.auth == PluginAuth("api_key", "query", "k")
        assert tool.common.header == {"X-Team": "红"}


async def test_the_newest_version_is_meant_unless_another_is_named(
    plugins: Plugins, place: tuple[str, str], make: Make, stores: Stores, home: Home
) -> None:
    id_ = await make("v1.0.0")
    mine = stores.plugins(home.org_id, home.space_id)
    await mine.change(int(id_), {"base_url": "https://two.example.com"}, revision=1)
    await mine.publish(int(id_))
    await mine.change(int(id_), {"base_url": "https://three.example.com"}, revision=2)
    found = [(await plugins.tool(*place, "tools", "order", version)) for version in ("", "v1.0.0", DRAFT)]
    assert [(one.version, one.base_url) for one in found] == [
        ("v1.0.1", "https://two.example.com"),
        ("v1.0.0", "https://tools.example.com"),
        ("draft", "https://three.example.com"),
    ]


@pytest.mark.parametrize(
    ("plugin", "tool", "version", "sentence"),
    [
        ("nope", "order", "", "There is no plugin nope"),
        ("9" * 30, "order", "", "There is no plugin 999"),
        ("tools", "order", "", "no published version yet"),
        ("tools", "order", "v9.9.9", r"The plugin tools has no version v9\.9\.9"),
        ("tools", "nope", DRAFT, r"has no tool nope; it has: forecast, order"),
    ],
)
async def test_what_is_not_there_is_named(
    plugins: Plugins, place: tuple[str, str], make: Make, plugin: str, tool: str, version: str, sentence: str
) -> None:
    await make()
    with pytest.raises(NotFound, match=sentence):
        await plugins.tool(*place, plugin, tool, version)


async def test_a_version_that_is_none_is_refused(plugins: Plugins, place: tuple[str, str], make: Make) -> None:
    await make()
    with pytest.raises(InvalidInput):
        await plugins.tool(*place, "tools", "order", "newest")


async def test_a_tool_that_is_switched_off_cannot_be_had(
    plugins: Plugins, place: tuple[str, str], make: Make, stores: Stores, home: Home
) -> None:
    id_ = await make()
    await stores.plugins(home.org_id, home.space_id).enable(int(id_), "order", False)
    with pytest.raises(NotFound, match="is switched off"):
        await plugins.tool(*place, "tools", "order", DRAFT)


async def test_another_space_and_another_organisation_find_nothing(
    plugins: Plugins, place: tuple[str, str], make: Make
) -> None:
    id_ = await make("v1.0.0", KEY)
    org, space = place
    for elsewhere in ((org, "99"), ("99", space), ("", ""), ("x", space)):
        with pytest.raises(NotFound):
            await plugins.tool(*elsewhere, id_, "order")
    assert await plugins.key(org, "99", id_) is None
    assert await plugins.key("99", space, id_) is None


async def test_a_key_comes_back_with_the_place_it_was_given_for(
    plugins: Plugins, place: tuple[str, str], make: Make
) -> None:
    assert await plugins.key(*place, await make("v1.0.0", KEY)) == KEY
    assert KEY.text not in repr(KEY)


async def test_a_plugin_without_a_key_has_none(plugins: Plugins, place: tuple[str, str], make: Make) -> None:
    assert await plugins.key(*place, await make()) is None


async def test_of_a_plugin_that_is_gone_there_is_neither_tool_nor_key(
    plugins: Plugins, place: tuple[str, str], make: Make, stores: Stores, home: Home
) -> None:
    id_ = await make("v1.0.0", KEY)
    await stores.plugins(home.org_id, home.space_id).delete(int(id_))
    assert await plugins.key(*place, id_) is None
    with pytest.raises(NotFound):
        await plugins.tool(*place, id_, "order")
