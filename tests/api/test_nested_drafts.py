"""Drafts that call drafts: each is looked at once, however many ways lead to it."""

from __future__ import annotations

from typing import Any

from tests.api.drawings import TEXT, chain, end, greeting, start
from tests.api.serving import Serving

Document = dict[str, Any]


def calling(*workflows: str) -> Document:
    """A canvas that calls these, one after another."""
    calls = [
        {
            "id": f"call{number}",
            "type": "subworkflow",
            "data": {"settings": {"workflow": one, "version": ""}, "inputs": {"name": {"ref": ["start", "name"]}}},
        }
        for number, one in enumerate(workflows)
    ]
    return chain(start(("name",), name=TEXT), *calls, end(text="done"))


def bundle(*canvases: Document) -> Document:
    workflows = [{"id": str(number), "name": f"w{number}", "draft": one} for number, one in enumerate(canvases)]
    return {"bundle": {"kind": "mainspring-bundle", "format": 1, "root": "0", "workflows": workflows}}


async def test_drafts_with_many_ways_between_them_are_looked_at_once(serving: Serving) -> None:
    # Four ways on from each: along every way there are half a million millions of drafts to compile.
    many = 20
    canvases = [calling(*(str(other) for other in range(one + 1, min(one + 5, many)))) for one in range(many - 1)]
    answer = await serving.post("/workflows/import", bundle(*canvases, greeting()))
    assert answer.status_code == 200, answer.text
    assert [one["diagnostics"] for one in answer.json()["workflows"]] == [[]] * many
    top = answer.json()["workflows"][0]["id"]
    assert (await serving.post(f"/workflows/{top}/validate")).json()["valid"]


async def test_a_ring_of_drafts_is_found_from_each_of_them_and_from_what_calls_them(serving: Serving) -> None:
    many = 8
    ring = [calling(*(str(other) for other in range(many) if other != one)) for one in range(many)]
    answer = await serving.post("/workflows/import", bundle(*ring, calling("0", "3")))
    assert answer.status_code == 200, answer.text
    for one in answer.json()["workflows"]:
        assert "recursive_workflow" in {told["code"] for told in one["diagnostics"]}


async def test_drafts_far_below_one_another_are_a_finding_and_cannot_be_run(serving: Serving) -> None:
    deep = [calling(str(one + 1)) for one in range(99)]
    answer = await serving.post("/workflows/import", bundle(*deep, greeting()))
    assert answer.status_code == 200, answer.text
    assert [one["diagnostics"] for one in answer.json()["workflows"]] == [[]] * 100
    top = answer.json()["workflows"][0]["id"]
    (finding,) = (await serving.post(f"/workflows/{top}/validate")).json()["diagnostics"]
    assert finding["code"] == "calls_too_deep"
    assert "publish those that are called first" in finding["message"]
    refused = await serving.post(f"/workflows/{top}/runs", {"version": "draft", "inputs": {"name": "Ada"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "limit_exceeded")


async def test_a_large_ring_of_drafts_is_imported_with_what_is_wrong_with_it(serving: Serving) -> None:
    ring = [calling(str((one + 1) % 90)) for one in range(90)]
    answer = await serving.post("/workflows/import", bundle(*ring))
    assert answer.status_code == 200, answer.text
    assert all(one["diagnostics"] for one in answer.json()["workflows"])
