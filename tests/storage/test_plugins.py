"""Plugins of a space: drafts that change, versions that do not, tools that are switched off, and whose they are."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from engine.openapi.document import read_document
from engine.openapi.tool import HttpTool
from storage.organisations import Home
from storage.plugins import NewPlugin, PluginRepository
from storage.stores import Stores
from tests.fakes.tool_server import described

DOCUMENT = described("https://tools.example.com")
TOOLS = read_document(DOCUMENT).tools
NAMES = [tool.name for tool in TOOLS]


def new(name: str = "Tools", **given: Any) -> NewPlugin:
    return NewPlugin(
        **{"name": name, "base_url": "https://tools.example.com", "document": DOCUMENT, "tools": TOOLS, **given}
    )


@pytest.fixture
def plugins(stores: Stores, home: Home) -> PluginRepository:
    return stores.plugins(home.org_id, home.space_id)


async def test_a_plugin_is_found_by_its_id_and_its_key(plugins: PluginRepository) -> None:
    made = await plugins.create(new("Weather 天气", key="weather", description="说明", auth={"kind": "bearer"}))
    for ref in (str(made.id), "weather"):
        found = await plugins.get(ref)
        assert (found.name, found.description, found.auth) == ("Weather 天气", "说明", {"kind": "bearer"})
        assert (found.document, found.revision, found.latest_version) == (DOCUMENT, 1, None)


async def test_a_tool_comes_back_as_it_was(plugins: PluginRepository) -> None:
    made = await plugins.create(new())
    assert [one.tool for one in await plugins.tools(made.id)] == list(TOOLS)


async def test_a_key_is_like_the_name_and_no_number(plugins: PluginRepository) -> None:
    assert (await plugins.create(new("My Tools"))).key == "my-tools"
    second = await plugins.create(new("My Tools"))
    assert second.key == f"my-tools-{second.id}"
    for name in ("天气", "123"):
        numbered = await plugins.create(new(name))
        assert numbered.key == f"plugin-{numbered.id}"
    with pytest.raises(InvalidInput):
        await plugins.create(new(key="123"))
    with pytest.raises(Conflict):
        await plugins.create(new(key="my-tools"))


async def test_another_space_finds_nothing(stores: Stores, home: Home, plugins: PluginRepository) -> None:
    made = await plugins.create(new(key="mine"))
    for elsewhere in (stores.plugins(home.org_id, 99), stores.plugins(99, home.space_id)):
        assert (await elsewhere.page()).items == []
        for ref in (str(made.id), "mine"):
            with pytest.raises(NotFound):
                await elsewhere.get(ref)
        with pytest.raises(NotFound):
            await elsewhere.tools(made.id)
        with pytest.raises(NotFound):
            await elsewhere.publish(made.id)
        with pytest.raises(NotFound):
            await elsewhere.enable(made.id, "order", False)
        with pytest.raises(NotFound):
            await elsewhere.keep_secret(made.id, 5)
        with pytest.raises(NotFound):
            await elsewhere.delete(made.id)


async def test_lists_come_in_pages_and_are_searched(plugins: PluginRepository) -> None:
    for name in ("Alpha", "Beta", "Gamma"):
        await plugins.create(new(name))
    first = await plugins.page(limit=2)
    assert [one.name for one in first.items] == ["Gamma", "Beta"]
    assert [one.name for one in (await plugins.page(cursor=first.next)).items] == ["Alpha"]
    assert [one.name for one in (await plugins.page(search="eta")).items] == ["Beta"]


async def test_a_draft_changes_by_the_revision_that_was_opened(plugins: PluginRepository) -> None:
    made = await plugins.create(new())
    changed = await plugins.change(made.id, {"name": "Other", "key": "never"}, revision=1)
    assert (changed.name, changed.key, changed.revision) == ("Other", made.key, 2)
    with pytest.raises(Conflict) as error:
        await plugins.change(made.id, {"name": "Late"}, revision=1)
    assert error.value.facts["revision"] == 2


async def test_a_new_document_brings_its_tools_and_one_that_is_off_stays_off(plugins: PluginRepository) -> None:
    made = await plugins.create(new())
    await plugins.enable(made.id, "order", False)
    more = HttpTool(name="more", method="GET", path="/more")
    await plugins.change(made.id, {}, revision=1, tools=[TOOLS[1], more])
    assert [(one.tool.name, one.enabled) for one in await plugins.tools(made.id)] == [("order", False), ("more", True)]


async def test_a_version_keeps_what_the_draft_was(plugins: PluginRepository) -> None:
    made = await plugins.create(new(base_url="https://one.example.com"))
    await plugins.enable(made.id, "order", False)
    assert (await plugins.publish(made.id, notes="第一版")).version == "v0.0.1"
    await plugins.change(made.id, {"base_url": "https://two.example.com"}, revision=1, tools=[TOOLS[0]])
    await plugins.enable(made.id, TOOLS[0].name, False)
    published = await plugins.tools(made.id, "v0.0.1")
    assert [one.tool.name for one in published] == [name for name in NAMES if name != "order"]
    assert all(one.enabled for one in published)
    assert [(one.version, one.notes) for one in (await plugins.versions(made.id)).items] == [("v0.0.1", "第一版")]
    assert (await plugins.get(str(made.id))).latest_version == "v0.0.1"


async def test_versions_grow(plugins: PluginRepository) -> None:
    made = await plugins.create(new())
    assert (await plugins.publish(made.id, version="v1.0.0")).version == "v1.0.0"
    assert (await plugins.publish(made.id)).version == "v1.0.1"
    for wanted, error in (("v1.0.1", Conflict), ("v0.9.0", Conflict), ("2", InvalidInput)):
        with pytest.raises(error):
            await plugins.publish(made.id, version=wanted)
    first = await plugins.versions(made.id, limit=1)
    assert [one.version for one in first.items] == ["v1.0.1"]
    assert [one.version for one in (await plugins.versions(made.id, cursor=first.next)).items] == ["v1.0.0"]


async def test_nothing_is_published_where_every_tool_is_off(plugins: PluginRepository) -> None:
    made = await plugins.create(new(tools=TOOLS[:1]))
    await plugins.enable(made.id, NAMES[0], False)
    with pytest.raises(Conflict, match="nothing to publish"):
        await plugins.publish(made.id)
    assert (await plugins.versions(made.id)).items == []


async def test_a_version_or_a_tool_that_is_not_there_is_not_found(plugins: PluginRepository) -> None:
    made = await plugins.create(new())
    with pytest.raises(NotFound, match=r"no version v9\.9\.9"):
        await plugins.tools(made.id, "v9.9.9")
    with pytest.raises(NotFound, match="no tool nope"):
        await plugins.enable(made.id, "nope", True)


async def test_what_is_deleted_is_out_of_sight_and_its_key_is_free(plugins: PluginRepository) -> None:
    made = await plugins.create(new(key="mine"))
    await plugins.keep_secret(made.id, 77)
    assert await plugins.delete(made.id) == 77
    for ref in (str(made.id), "mine"):
        with pytest.raises(NotFound):
            await plugins.get(ref)
    assert (await plugins.create(new(key="mine"))).id != made.id
