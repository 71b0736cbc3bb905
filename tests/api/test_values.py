"""Values by reference, as runs carry them: shown whole while they are small, fetched when they are not."""

import hashlib
import json
from typing import Any

import pytest

from api.runs.values import Showing
from engine.values import BlobRef
from storage.ports import Blobs
from tests.api.drawings import greeting
from tests.api.serving import Serving


async def stored(blobs: Blobs, value: Any, org_id: int) -> dict[str, Any]:
    """The reference to a value, as it stands in records."""
    data = json.dumps(value).encode()
    sha = hashlib.sha256(data).hexdigest()
    await blobs.put(f"{org_id}/{sha}", data)
    kind: Any = "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
    return BlobRef(sha, len(data), kind, len(value)).to_wire()


async def test_a_reference_is_shown_as_what_it_stands_for(serving: Serving) -> None:
    text = await stored(serving.stores.blobs, "a long text", 1)
    record = await stored(serving.stores.blobs, {"a": [{"b": 7}]}, 1)
    deep = dict(record["$blob"]) | {"path": ["a", 0, "b"]}
    nowhere = dict(record["$blob"]) | {"path": ["z"]}
    value = {"text": text, "list": [1, {"deep": {"$blob": deep}}], "none": {"$blob": nowhere}, "plain": [{}]}
    shown = await Showing(serving.stores.blobs, 1).whole(value)
    assert shown == {"text": "a long text", "list": [1, {"deep": 7}], "none": None, "plain": [{}]}


async def test_what_is_too_large_stays_a_reference(serving: Serving) -> None:
    small = await stored(serving.stores.blobs, "x" * 50, 1)
    large = await stored(serving.stores.blobs, "y" * 500, 1)
    showing = Showing(serving.stores.blobs, 1, room=100)
    assert await showing.whole([large, small, small]) == [large, "x" * 50, "x" * 50]


@pytest.mark.parametrize("value", [{"$blob": 7}, {"$blob": {"sha": "x"}}, {"$blob": {}, "more": 1}])
async def test_what_merely_looks_like_a_reference_stays_as_it_is(serving: Serving, value: Any) -> None:
    assert await Showing(serving.stores.blobs, 1).whole({"a": value}) == {"a": value}


@pytest.mark.parametrize("size", [-1_000_000, 0, 1])
async def test_a_reference_that_lies_about_its_size_stays_as_it_is(serving: Serving, size: int) -> None:
    large = await stored(serving.stores.blobs, "y" * 500, 1)
    forged = {"$blob": dict(large["$blob"]) | {"size": size}}
    assert await Showing(serving.stores.blobs, 1, room=100).whole([forged, large]) == [forged, large]


async def test_a_reference_leads_to_nothing_of_another_organisation(serving: Serving) -> None:
    foreign = await stored(serving.stores.blobs, "secret", 2)
    assert await Showing(serving.stores.blobs, 1).whole(foreign) == foreign
    forged = {"$blob": dict(foreign["$blob"]) | {"sha": "../2/" + foreign["$blob"]["sha"]}}
    assert await Showing(serving.stores.blobs, 1).whole(forged) == forged


async def test_a_large_value_can_be_fetched(serving: Serving) -> None:
    home = await serving.stores.organisations.ensure_default()
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    reference = await stored(serving.stores.blobs, {"text": "很长" * 1_000}, home.org_id)
    answer = await serving.get(f"/runs/{run['id']}/values/{reference['$blob']['sha']}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"text": "很长" * 1_000}
    foreign = await stored(serving.stores.blobs, "secret", home.org_id + 1)
    for sha in (foreign["$blob"]["sha"], "0" * 64, "x", "..%2f..%2fsecret"):
        assert (await serving.get(f"/runs/{run['id']}/values/{sha}")).status_code == 404
