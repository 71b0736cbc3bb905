"""The description of the API is complete: every route, every error, every permission."""

import json
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


SPEAKING = frozenset(
    {
        "access", "account", "account_id", "app_id", "arguments", "audio", "avatar", "base_url", "body", "channel",
        "comment", "concurrency", "content", "content_type", "currency", "data", "defaults", "description", "disabled",
        "document", "domain", "draft", "en_name", "enabled", "execute_id", "expires", "fallback", "feedback_type",
        "fields", "files", "format", "from", "header", "idempotency-key", "images", "input", "is_default", "job_title",
        "json_object", "json_schema", "key", "keyword", "kind", "limit", "media", "members", "meta_data", "min_score",
        "name", "nickname", "node_execute_uuid", "notes", "options", "org", "output", "password", "path", "payloads",
        "provider", "query", "reason", "reasoning", "requests_per_minute", "role", "rows", "scope", "search", "sha",
        "signature", "sort_field", "sort_order", "state", "streaming", "text", "title", "tokens_per_minute", "tools",
        "top_k", "type", "url", "user_id", "user_ids", "users", "value", "values", "vendor_model", "version", "video",
        "wait_id", "workflow_id", "workspace_id",
    }
)  # fmt: skip
"""Names that say what they are, where they stand. Any other needs a description."""


def described_at(schema: dict[str, Any]) -> bool:
    return "description" in schema or "$ref" in schema or any(described_at(one) for one in schema.get("anyOf", ()))


async def test_every_operation_and_every_chapter_is_told(serving: Serving) -> None:
    document = await described(serving)
    told = {one["name"]: one["description"] for one in document["tags"]}
    used = set()
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        used |= {*operation["tags"]}
    assert told.keys() == used
    assert all(told.values())


async def test_every_parameter_and_every_field_of_a_body_says_what_it_is(serving: Serving) -> None:
    document = await described(serving)
    schemas, silent = document["components"]["schemas"], set()
    for method, path, operation in operations(document):
        for one in operation.get("parameters", []):
            if "description" not in one and not described_at(one["schema"]):
                silent.add((f"{method} {path}", one["name"]))
        for name in schemas_of(operation.get("requestBody", {}), schemas):
            for field, schema in schemas[name].get("properties", {}).items():
                if not described_at(schema):
                    silent.add((name, field))
    assert {(where, name) for where, name in silent if name not in SPEAKING} == set()


async def test_every_body_has_an_example(serving: Serving) -> None:
    document = await described(serving)
    schemas = document["components"]["schemas"]
    for method, path, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get(JSON)
        if body is not None:
            every = [body, *(schemas[name] for name in schemas_of(body, schemas))]
            assert any('"example' in json.dumps(one) for one in every), (method, path)


def schemas_of(part: Any, schemas: dict[str, Any], found: set[str] | None = None) -> set[str]:
    """The names of the schemas that a part of the document is made of."""
    found = set() if found is None else found
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(part)):
        if name not in found:
            found.add(name)
            schemas_of(schemas[name], schemas, found)
    return found
