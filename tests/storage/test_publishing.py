"""Versions that several processes publish at the same time."""

from __future__ import annotations

from pathlib import Path

from storage.stores import Stores
from storage.workflows import WorkflowRepository
from tests.storage.processes import Other, publish_versions


async def test_processes_that_publish_at_once_make_different_versions_and_lose_none(
    stores: Stores, workflows: WorkflowRepository, tmp_path: Path
) -> None:
    home = await stores.organisations.ensure_default()
    made = await workflows.create("问候", {"nodes": []})
    given = (tmp_path / "data", (home.org_id, home.space_id, made.id))
    with (
        Other(publish_versions, *given, [None] * 10) as one,
        Other(publish_versions, *given, [None] * 10) as other,
    ):
        told = [*one.rest(), *other.rest()]
    expected = [f"v0.0.{number}" for number in range(20, 0, -1)]
    assert {*told} == {*expected}
    assert [one.version for one in (await workflows.versions(made.id)).items] == expected
    with Other(publish_versions, *given, ["v1.0.0"]) as one, Other(publish_versions, *given, ["v1.0.0"]) as other:
        assert {*one.rest(), *other.rest()} == {"v1.0.0", None}
    assert (await workflows.get(made.id)).latest_version == "v1.0.0"
