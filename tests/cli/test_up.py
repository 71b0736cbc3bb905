"""`mainspring up` is a whole that a newcomer can use at once, and that stops when it is told to."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import psutil
import pytest

from cli.data_folder import ApiAddress, DataFolder, TemporalAddress
from cli.http_client import ApiClient
from tests.architecture.source import ROOT
from tests.cli.command import FREE_PORTS, PATIENCE, Service, environment, mainspring, result, service
from tests.cli.memory_run import EXAMPLES

KEYS = sorted(file.stem for file in EXAMPLES.glob("*.json"))
ALONE = [key for key in KEYS if key not in ("approve-expense", "ship-order")]
"""Those that need neither a person nor a shop."""


def addresses(folder: Path) -> tuple[ApiAddress, TemporalAddress]:
    api, temporal = DataFolder(folder).api(), DataFolder(folder).temporal()
    assert api is not None
    assert temporal is not None
    return api, temporal


@pytest.fixture
async def client(up: Service, data_dir: Path) -> AsyncIterator[ApiClient]:
    async with ApiClient(addresses(data_dir)[0].url, DataFolder(data_dir).token() or "") as made:
        yield made


def printed(up: Service, beginning: str) -> str:
    """The line of the banner that begins like this, or holds it."""
    return next(line for line in up.said.splitlines() if beginning in line).strip()


def test_the_banner_tells_what_there_is_and_shows_the_token_this_once(up: Service, data_dir: Path) -> None:
    folder = DataFolder(data_dir)
    api, temporal = addresses(data_dir)
    assert f"{api.url}/api/v1" in up.said
    assert temporal.ui in up.said
    assert f"{folder.token_file}  {folder.token()}  (shown this once)" in up.said
    assert folder.token_file.stat().st_mode & 0o777 == 0o600


def test_the_line_that_runs_an_example_works_as_it_stands(up: Service) -> None:
    line = printed(up, "triage-ticket.json")
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=PATIENCE, check=True
    )
    assert '"queue": "billing"' in done.stdout


@pytest.fixture
def curled(up: Service) -> list[str]:
    """What the shell hands to curl, which not every machine has."""
    said = f"curl() {{ printf '%s\\0' \"$@\"; }}; {printed(up, 'curl -s')}"
    done = subprocess.run(["sh", "-c", said], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.split("\0")[:-1]


async def test_the_line_for_http_works_as_it_stands(curled: list[str]) -> None:
    flag, url, *options = curled
    given = [*zip(options[::2], options[1::2], strict=True)]
    headers = dict(value.split(": ", 1) for option, value in given if option == "-H")
    (body,) = (value for option, value in given if option == "-d")
    async with httpx2.AsyncClient(timeout=60) as http:
        reply = await http.post(url, headers=headers, content=body)
    assert (flag, reply.status_code) == ("-s", 201)
    assert reply.json()["output"]["queue"] == "billing"


async def test_the_examples_are_published_at_the_first_start(client: ApiClient) -> None:
    page = await client.get("/workflows", limit=100)
    published = {one["key"]: one["latest_version"] for one in page["items"]}
    assert {*published} >= {*KEYS}
    assert all(published[key] for key in KEYS)


@pytest.mark.parametrize("key", ALONE)
async def test_a_published_example_runs_to_its_end(client: ApiClient, key: str) -> None:
    run = await client.post(f"/workflows/{key}/runs", {"inputs": {}})
    assert (run["state"], run["error"]) == ("succeeded", None)


async def test_a_run_that_asks_is_answered_from_another_terminal(client: ApiClient, data_dir: Path) -> None:
    run = await client.post("/workflows/approve-expense/runs", {"inputs": {"employee": "李雷"}})
    assert (run["state"], [wait["wait_id"] for wait in run["waits"]]) == ("waiting", ["ask"])
    wrong = mainspring("answer", run["id"], "ask", "perhaps", "--data-dir", data_dir)
    assert wrong.returncode == 1
    assert 'must be one of "approve", "reject", but "perhaps" came' in wrong.stderr
    nobody = mainspring("answer", run["id"], "refusal", "no", "--data-dir", data_dir)
    assert nobody.returncode == 1
    assert f"The run {run['id']} does not ask refusal. It asks: ask." in nobody.stderr
    asked = mainspring("answer", run["id"], "ask", "reject", "--data-dir", data_dir)
    assert asked.returncode == 2
    assert f"answer {run['id']} refusal" in asked.stderr
    done = mainspring("answer", run["id"], "refusal", "reason: 太贵了", "--data-dir", data_dir)
    assert result(done) == {"answer": "reject", "decision": "420 € for 李雷: rejected. 太贵了"}


async def test_runs_are_listed_shown_and_cancelled(client: ApiClient, data_dir: Path) -> None:
    run = await client.post("/workflows/approve-expense/runs", {"inputs": {}})
    listed = result(mainspring("runs", "--state", "waiting", "--json", "--data-dir", data_dir))
    assert run["id"] in {one["id"] for one in listed}
    cancelled = mainspring("cancel", run["id"], "--reason", "enough", "--data-dir", data_dir)
    assert cancelled.stdout == f"The run {run['id']} is cancelled.\n"
    shown = mainspring("show", run["id"], "--data-dir", data_dir)
    assert shown.stdout.startswith("Approve an expense (approve-expense, v0.0.1): cancelled")
    assert next(line for line in shown.stdout.splitlines() if line.startswith("ask ")).split()[1:3] == [
        "question",
        "cancelled",
    ]
    records = result(mainspring("show", run["id"], "--json", "--data-dir", data_dir))["nodes"]
    assert [node["path"] for node in records if node["state"] == "succeeded"] == ["start", "small"]
    again = mainspring("cancel", run["id"], "--data-dir", data_dir)
    assert (again.returncode, again.stdout) == (0, f"The run {run['id']} is cancelled.\n")


async def test_what_code_prints_is_shown_with_its_step(client: ApiClient, data_dir: Path) -> None:
    run = await client.post("/workflows/write-invoice/runs", {"inputs": {"customer": "李雷"}})
    shown = mainspring("show", run["id"], "--data-dir", data_dir)
    assert "bill | 3 lines, 89.50 net, 17.01 tax" in shown.stdout.splitlines()


async def test_what_was_dropped_because_it_did_not_fit_is_told_while_it_runs_and_afterwards(
    client: ApiClient, data_dir: Path, tmp_path: Path
) -> None:
    code = {"language": "python", "source": "def main(args):\n    return {'n': 'many'}\n"}
    nodes = [
        {"id": "start", "type": "start"},
        {
            "id": "count",
            "type": "code",
            "data": {
                "settings": code,
                "outputs": {"type": "object", "properties": {"n": {"type": "integer"}}},
            },
        },
        {"id": "end", "type": "end", "data": {"inputs": {"n": {"ref": ["count", "n"]}}}},
    ]
    edges = [{"sourceNodeID": "start", "targetNodeID": "count"}, {"sourceNodeID": "count", "targetNodeID": "end"}]
    file = tmp_path / "miscounted.json"
    file.write_text(json.dumps({"nodes": nodes, "edges": edges}), "utf-8")
    dropped = 'n must be a whole number of at most 64 bits, but the text "many" came.'
    done = mainspring("run", file, "--data-dir", data_dir)
    assert result(done) == {"n": None}
    assert f"warning: {dropped}" in done.stderr
    (run,) = (await client.get("/runs", workflow="miscounted"))["items"]
    shown = mainspring("show", run["id"], "--data-dir", data_dir)
    assert f"count ! {dropped}" in shown.stdout.splitlines()


def test_a_run_that_is_not_there_is_told(up: Service, data_dir: Path) -> None:
    done = mainspring("show", "123", "--data-dir", data_dir)
    assert done.returncode == 1
    assert done.stderr == "Error: There is no such run.\n"


def test_a_second_one_on_the_same_folder_says_which_process_is_there(up: Service, data_dir: Path) -> None:
    done = mainspring("up", *FREE_PORTS, "--data-dir", data_dir)
    assert done.returncode == 1
    assert f"Process {up.process.pid} runs a Temporal server on {data_dir}" in done.stderr
    assert "--data-dir" in done.stderr


@pytest.mark.parametrize("option", ["--port", "--temporal-port", "--ui-port"])
def test_a_port_that_is_taken_is_named_with_its_option(tmp_path: Path, option: str) -> None:
    ports = dict(zip(FREE_PORTS[::2], FREE_PORTS[1::2], strict=True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [word for pair in (ports | {option: port}).items() for word in pair]
        done = mainspring("up", *words, "--data-dir", tmp_path / "data")
    assert done.returncode == 1
    assert f"Another process listens on 127.0.0.1:{port}" in done.stderr
    assert f"Choose another port with {option}, 0 for any." in done.stderr
    assert "Traceback" not in done.stderr


def test_it_stops_in_order_and_starts_again_with_what_it_had(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    words = ("up", *FREE_PORTS[:4], "--no-ui", "--data-dir", folder)
    with service(*words, until="Ctrl-C stops it") as first:
        children = psutil.Process(first.process.pid).children(recursive=True)
        assert "temporal" in {child.name() for child in children}
        token = DataFolder(folder).token()
        assert first.stop(signal.SIGINT) == 0
        assert [child for child in children if child.is_running()] == []
        assert (DataFolder(folder).api(), DataFolder(folder).temporal()) == (None, None)
    with service(*words, until="Ctrl-C stops it") as second:
        assert DataFolder(folder).token() == token
        assert str(token) not in second.said
        assert second.stop(signal.SIGTERM) == 0
