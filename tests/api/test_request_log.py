"""What the log says of requests: enough to find them again, and nothing that is secret."""

import json

from structlog.testing import capture_logs

from tests.api.drawings import greeting
from tests.api.serving import Serving


async def test_a_request_is_one_line_without_secrets(serving: Serving) -> None:
    with capture_logs() as lines:
        answer = await serving.client.get("/api/v1/workflows?search=geheim", headers={"x-request-id": "mine"})
    assert answer.status_code == 200
    [line] = [line for line in lines if line["event"] == "request"]
    assert (line["method"], line["path"], line["status"], line["request_id"]) == (
        "GET",
        "/api/v1/workflows",
        200,
        "mine",
    )
    assert line["log_level"] == "info"
    told = json.dumps(lines)
    assert serving.token not in told
    assert "geheim" not in told


async def test_a_run_is_told_by_its_record_and_in_the_log_only_when_it_did_not_begin(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    with capture_logs() as lines:
        await serving.run(workflow, {"name": "geheim"})
        await serving.post(f"/workflows/{workflow}/runs", {"inputs": {}})
    told = [(line["status"], line["log_level"]) for line in lines if line["event"] == "request"]
    assert told == [(201, "debug"), (422, "info")]
    assert "geheim" not in json.dumps(lines)


async def test_what_breaks_is_told_with_its_trace_under_the_id_of_the_request(serving: Serving) -> None:
    serving.stores.reader.close()
    with capture_logs() as lines:
        answer = await serving.client.get("/api/v1/workflows")
    assert answer.status_code >= 500
    assert answer.json()["request_id"] in {line.get("request_id") for line in lines}
