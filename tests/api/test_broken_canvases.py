"""Every broken canvas there is, by way of the API: precise findings, a draft that is kept, and never a 500."""

import json

import pytest

from tests.api.serving import Serving
from tests.canvases.table import Broken, big_document, broken_canvases, deep_document

JSON = {"content-type": "application/json"}


def is_object(document: bytes) -> bool:
    """Whether a document can be a canvas in a JSON body: an object, each key once."""

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("twice")
        return dict(pairs)

    def nothing(word: str) -> None:
        raise ValueError(word)

    try:
        # Strictly UTF-8, and without half characters, as a body must be.
        found = json.loads(document.decode(), object_pairs_hook=once, parse_constant=nothing)
        json.dumps(found, ensure_ascii=False).encode()
    except ValueError:
        return False
    return isinstance(found, dict)


CANVASES = [one for one in broken_canvases() if is_object(one.document)]
OTHERS = [one for one in broken_canvases() if not is_object(one.document)]


@pytest.mark.parametrize("broken", CANVASES, ids=lambda one: one.name)
async def test_everything_that_is_wrong_is_said_and_the_draft_is_kept(serving: Serving, broken: Broken) -> None:
    answer = await serving.client.post(
        "/api/v1/validate", content=b'{"canvas": ' + broken.document + b"}", headers=JSON
    )
    assert answer.status_code == 200, answer.text
    found = [(one["code"], one["node"], one["field"], one["severity"]) for one in answer.json()["diagnostics"]]
    if b"subworkflow" not in broken.document:
        # The workflows that those canvases call are not here.
        assert found == [*broken.findings]
    workflow = (await serving.post("/workflows", {"name": broken.name})).json()["id"]
    body = b'{"revision": 1, "canvas": ' + broken.document + b"}"
    saved = await serving.client.put(f"/api/v1/workflows/{workflow}/draft", content=body, headers=JSON)
    assert saved.status_code == 200
    assert [one["code"] for one in saved.json()["diagnostics"]] == [code for code, *_ in found]
    draft = (await serving.get(f"/workflows/{workflow}/draft")).json()
    assert draft["canvas"] == json.loads(broken.document)
    published = await serving.post(f"/workflows/{workflow}/versions", {})
    run = await serving.post(f"/workflows/{workflow}/runs", {"version": "draft"})
    if any(severity == "error" for *_, severity in found):
        assert (published.status_code, published.json()["code"]) == (422, "invalid_canvas")
        assert (run.status_code, run.json()["code"]) == (422, "invalid_canvas")
    else:
        assert published.status_code == 201


@pytest.mark.parametrize("broken", OTHERS, ids=lambda one: one.name)
async def test_what_cannot_be_a_canvas_at_all_is_a_problem(serving: Serving, broken: Broken) -> None:
    answer = await serving.client.post(
        "/api/v1/validate", content=b'{"canvas": ' + broken.document + b"}", headers=JSON
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in ("malformed_body", "invalid_request", "limit_exceeded")


async def test_a_document_over_the_limit_is_refused(serving: Serving) -> None:
    body = b'{"canvas": ' + big_document(10 * 1024 * 1024) + b"}"
    answer = await serving.client.post("/api/v1/validate", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_document_just_over_the_limit_is_a_finding(serving: Serving) -> None:
    body = b'{"canvas": ' + big_document(5 * 1024 * 1024 + 20_000) + b"}"
    answer = await serving.client.post("/api/v1/validate", content=body, headers=JSON)
    assert [one["code"] for one in answer.json()["diagnostics"]] == ["canvas_too_large"]


@pytest.mark.parametrize(("depth", "status"), [(50, 200), (100, 200), (150, 200), (250, 422), (5_000, 422)])
async def test_a_deep_document_is_a_finding_or_a_problem(serving: Serving, depth: int, status: int) -> None:
    body = b'{"canvas": ' + deep_document(depth) + b"}"
    answer = await serving.client.post("/api/v1/validate", content=body, headers=JSON)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["valid"] is False
