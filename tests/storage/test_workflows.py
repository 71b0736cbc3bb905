"""The workflows of a space: drafts with revisions, versions that only grow, unseen by others."""

import asyncio
import json

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.ids import new_id
from storage.organisations import Home
from storage.stores import Stores
from storage.versions import version_after
from storage.workflows import WorkflowRepository

DRAFT: dict[str, Json] = {
    "format": 1,
    "nodes": [{"id": "start", "type": "start"}],
    "edges": [],
    "meta": {"b": 1, "a": "中文"},
}


async def test_a_workflow_is_read_as_it_was_created(workflows: WorkflowRepository) -> None:
    created = await workflows.create(" 文章摘要 ", DRAFT, key="summarise", description="Reads so that you need not.")
    read = await workflows.get(created.id)
    assert read.model_dump() == created.model_dump()
    assert (read.name, read.revision, read.latest_version) == ("文章摘要", 1, None)
    assert json.dumps(read.draft) == json.dumps(DRAFT)
    assert (await workflows.get_by_key("summarise")).id == created.id


async def test_a_key_is_made_from_the_name(workflows: WorkflowRepository) -> None:
    assert (await workflows.create("Daily  Report!", DRAFT)).key == "daily-report"
    second = await workflows.create("daily report", DRAFT)
    assert second.key == f"daily-report-{second.id}"
    chinese = await workflows.create("日报", DRAFT)
    assert chinese.key == f"workflow-{chinese.id}"


async def test_a_key_is_taken_once_per_space(workflows: WorkflowRepository, stores: Stores, home: Home) -> None:
    await workflows.create("One", DRAFT, key="one")
    with pytest.raises(Conflict) as raised:
        await workflows.create("Another", DRAFT, key="one")
    assert raised.value.facts["field"] == "key"


@pytest.mark.parametrize("key", ["", "A", "a b", "a_", "-a", "a-", "ä", "a~b", "a" * 65, "a\n"])
async def test_a_key_that_reads_badly_in_an_address_is_refused(workflows: WorkflowRepository, key: str) -> None:
    with pytest.raises(InvalidInput):
        await workflows.create("One", DRAFT, key=key)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
async def test_a_name_must_be_one(workflows: WorkflowRepository, name: str) -> None:
    with pytest.raises(InvalidInput):
        await workflows.create(name, DRAFT)


async def test_saving_a_draft_needs_the_revision_it_was_made_from(workflows: WorkflowRepository) -> None:
    workflow = await workflows.create("One", DRAFT)
    assert await workflows.save_draft(workflow.id, {"nodes": []}, revision=1) == 2
    with pytest.raises(Conflict) as raised:
        await workflows.save_draft(workflow.id, DRAFT, revision=1)
    assert raised.value.facts == {"revision": 2}
    assert (await workflows.get(workflow.id)).draft == {"nodes": []}


async def test_of_many_that_save_the_same_revision_one_does(workflows: WorkflowRepository) -> None:
    workflow = await workflows.create("One", DRAFT)
    saving = [workflows.save_draft(workflow.id, {"by": number}, revision=1) for number in range(10)]
    outcomes = await asyncio.gather(*saving, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 9 + ["int"]


async def test_workflows_are_listed_in_pages_the_newest_first(workflows: WorkflowRepository) -> None:
    made = [(await workflows.create(f"流程 {number}", DRAFT)).id for number in range(5)]
    first = await workflows.page(limit=3)
    second = await workflows.page(limit=3, cursor=first.next)
    assert [one.id for one in [*first.items, *second.items]] == made[::-1]
    assert second.next is None


async def test_workflows_are_found_by_a_part_of_what_they_are_called(workflows: WorkflowRepository) -> None:
    await workflows.create("文章摘要", DRAFT, key="summarise")
    await workflows.create("Weather", DRAFT, description="Tells 100% of the weather")

    async def found(search: str) -> list[str]:
        return [one.name for one in (await workflows.page(search=search)).items]

    assert await found("摘要") == ["文章摘要"]
    assert await found("SUMMAR") == ["文章摘要"]
    assert await found("100%") == ["Weather"]
    assert await found("_") == []


async def test_a_workflow_can_be_renamed(workflows: WorkflowRepository) -> None:
    workflow = await workflows.create("One", DRAFT, description="Old")
    await workflows.rename(workflow.id, name="二")
    await workflows.rename(workflow.id, description="New")
    read = await workflows.get(workflow.id)
    assert (read.name, read.description, read.revision) == ("二", "New", 1)


async def test_publishing_freezes_the_canvas_as_the_next_version(workflows: WorkflowRepository) -> None:
    workflow = await workflows.create("One", DRAFT, key="one")
    first = await workflows.publish(workflow.id, DRAFT, "a" * 64)
    second = await workflows.publish(workflow.id, {"nodes": []}, "b" * 64, version="v2.0.0", notes="Much better")
    third = await workflows.publish(workflow.id, {"nodes": []}, "c" * 64)
    assert [first.version, second.version, third.version] == ["v0.0.1", "v2.0.0", "v2.0.1"]
    assert (await workflows.version(workflow.id, "v0.0.1")).canvas == DRAFT
    assert (await workflows.version(workflow.id)).version == "v2.0.1"
    published = await workflows.published(workflow.id)
    assert (published.key, published.version, published.plan_hash) == ("one", "v2.0.1", "c" * 64)
    assert (await workflows.published(workflow.id, "v2.0.0")).plan_hash == "b" * 64
    page = await workflows.versions(workflow.id, limit=2)
    assert [one.version for one in page.items] == ["v2.0.1", "v2.0.0"]
    assert [one.version for one in (await workflows.versions(workflow.id, cursor=page.next)).items] == ["v0.0.1"]
    assert (await workflows.get(workflow.id)).latest_version == "v2.0.1"


@pytest.mark.parametrize("version", ["v1.9.0", "v1.10.0", "v0.99.99"])
async def test_a_version_that_does_not_grow_is_refused(workflows: WorkflowRepository, version: str) -> None:
    workflow = await workflows.create("One", DRAFT)
    await workflows.publish(workflow.id, DRAFT, "a" * 64, version="v1.10.0")
    with pytest.raises(Conflict):
        await workflows.publish(workflow.id, DRAFT, "a" * 64, version=version)
    assert len((await workflows.versions(workflow.id)).items) == 1


async def test_many_that_publish_at_once_get_different_versions(workflows: WorkflowRepository) -> None:
    workflow = await workflows.create("One", DRAFT)
    made = await asyncio.gather(*(workflows.publish(workflow.id, DRAFT, "a" * 64) for _ in range(5)))
    assert [one.version for one in made] == [f"v0.0.{number}" for number in range(1, 6)]


@pytest.mark.parametrize(
    "version", ["1.0.0", "v1.0", "v01.0.0", "v1.0.0 ", "v1.0.-1", "latest", "v٣.0.0", "v9999999.0.0"]
)
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidInput):
        version_after(None, version)


async def test_a_version_that_was_not_published_is_not_found(workflows: WorkflowRepository) -> None:
    workflow = await workflows.create("One", DRAFT)
    for version in (None, "v1.0.0"):
        with pytest.raises(NotFound):
            await workflows.published(workflow.id, version)
        with pytest.raises(NotFound):
            await workflows.version(workflow.id, version)
    with pytest.raises(InvalidInput):
        await workflows.published(workflow.id, "newest")


async def test_a_deleted_workflow_is_not_found_and_its_key_is_free(workflows: WorkflowRepository) -> None:
    for _ in range(3):
        workflow = await workflows.create("One", DRAFT, key="one")
        await workflows.publish(workflow.id, DRAFT, "a" * 64)
        await workflows.delete(workflow.id)
        await nowhere(workflows, workflow.id)
    assert (await workflows.page()).items == []


async def test_another_spaces_workflow_is_not_found(workflows: WorkflowRepository, stores: Stores, home: Home) -> None:
    workflow = await workflows.create("One", DRAFT, key="one")
    await workflows.publish(workflow.id, DRAFT, "a" * 64)
    await nowhere(stores.workflows(home.org_id, new_id()), workflow.id)
    await nowhere(stores.workflows(new_id(), home.space_id), workflow.id)
    assert (await workflows.get(workflow.id)).name == "One"


async def nowhere(workflows: WorkflowRepository, workflow_id: int) -> None:
    """Whatever one tries, there is no such workflow."""
    for attempt in (
        workflows.get(workflow_id),
        workflows.get_by_key("one"),
        workflows.save_draft(workflow_id, DRAFT, revision=1),
        workflows.rename(workflow_id, name="Mine"),
        workflows.publish(workflow_id, DRAFT, "a" * 64),
        workflows.published(workflow_id),
        workflows.version(workflow_id),
        workflows.versions(workflow_id),
        workflows.delete(workflow_id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await workflows.page()).items == []
