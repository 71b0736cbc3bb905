"""Runs of inline steps, walked by the API itself."""

from tests.api.drawings import TEXT, chain, concat, end, greeting, long_chain, start
from tests.api.serving import Serving


async def test_a_run_answers_with_its_output(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    assert (run["state"], run["output"], run["mode"]) == ("succeeded", {"text": "Hello Ada!"}, "in_place")


async def test_what_is_answered_is_what_is_stored(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "世界"})
    stored = await serving.get(f"/runs/{run['id']}")
    assert stored.status_code == 200
    assert stored.json() == run
