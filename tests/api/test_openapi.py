"""The description of the API is complete: every route, every error, every permission."""

import re
from collections.abc import Iterator
from typing import Any

from api.access import Open, api_routes, required
from api.open.envelope import is_open
from tests.api.serving import Serving

JSON = "application/json"


async def described(serving: Serving) -> dict[str, Any]:
    answer = await serving.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


async def test_every_route_is_described(serving: Serving) -> None:
    document = await described(serving)
    found = {path.removeprefix("/api/v1") for path in document["paths"]}
    # How a part of an address is read is no part of its name: `{tool:path}` is `{tool}`.
    served = {re.sub(r":\w+}", "}", one.path) for one in api_routes(serving.app.routes) if one.include_in_schema}
    assert found == served
    assert all(operation["description"] for _, _, operation in operations(document))
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len({*names})


def for_everybody(serving: Serving) -> set[str]:
    """The names of the routes that let everybody through, on purpose."""
    return {one.name for one in api_routes(serving.app.routes) if isinstance(required(one.dependant), Open)}


async def test_every_route_asks_for_the_token_but_those_for_everybody(serving: Serving) -> None:
    everybody = for_everybody(serving)
    assert {"live", "log_in", "register"} <= everybody
    for method, path, operation in operations(await described(serving)):
        assert ("security" in operation) == (operation["operationId"] not in everybody), (method, path)


async def test_every_error_has_the_body_of_a_problem_or_of_the_open_api(serving: Serving) -> None:
    everybody = for_everybody(serving)
    for method, path, operation in operations(await described(serving)):
        if "/health/" in path:
            continue
        errors = {status: answer for status, answer in operation["responses"].items() if status.startswith(("4", "5"))}
        assert {"401", "403"} <= errors.keys() or operation["operationId"] in everybody, (method, path)
        # What no part of a file answers is told in its headers.
        errors.pop("416", None)
        for status, answer in errors.items():
            kind = "application/json" if is_open(path) else "application/problem+json"
            assert [*answer["content"]] == [kind], (method, path, status)
            if is_open(path) and operation["operationId"] not in everybody:
                assert answer["content"][kind]["schema"]["$ref"].endswith("/Failure"), (method, path, status)
        if "{workflow}" in path or "{run_id}" in path:
            assert "404" in errors, (method, path)
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= errors.keys(), (method, path)


async def test_no_schema_is_named_after_the_file_it_stands_in(serving: Serving) -> None:
    # Two of one name would both get such names, and clients that were generated before would lose theirs.
    document = await described(serving)
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


async def test_every_reference_leads_somewhere(serving: Serving) -> None:
    document = await described(serving)
    text = (await serving.get("/openapi.json")).text
    referred = {*re.findall(r'"#/components/schemas/([^"]+)"', text)}
    assert referred <= document["components"]["schemas"].keys()
    assert "Problem" in referred
    assert "HTTPValidationError" not in text


async def test_what_a_run_looks_like_is_described_as_it_is(serving: Serving) -> None:
    from api.runs.schemas import EventPage, NodePage, RunOut, RunPage
    from tests.api.drawings import greeting

    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    assert RunOut.model_validate(run).model_dump(mode="json", by_alias=True) == run
    for path, model in (
        ("/runs", RunPage),
        (f"/runs/{run['id']}/nodes", NodePage),
        (f"/runs/{run['id']}/events", EventPage),
    ):
        shown = (await serving.get(path)).json()
        assert model.model_validate(shown).model_dump(mode="json", by_alias=True) == shown
