"""Commands that need no server: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.temporal.guests import CODEC_PATH
from cli.configuration import load_settings
from cli.main import COMMANDS, mainspring
from cli.temporal_server import CODEC_PATH as TOLD
from cli.temporal_server import SEARCH_ATTRIBUTES
from tests.cli.memory_run import EXAMPLES
from workers.connection import SEARCH_ATTRIBUTES as WANTED


def run(*words: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(mainspring, words)


def test_the_help_names_every_command() -> None:
    page = run("--help")
    assert page.exit_code == 0
    assert all(f"  {name} " in page.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_page_of_its_own(name: str) -> None:
    page = run(name, "--help")
    assert page.exit_code == 0
    assert (
        f"mainspring {name}" in page.stdout
        or f"mainspring.main {name}" in page.stdout
        or f" {name} [OPTIONS]" in page.stdout
    )


def test_a_valid_canvas_is_valid() -> None:
    done = run("validate", str(EXAMPLES / "choose-offer.json"))
    assert (done.exit_code, done.stdout.strip()) == (0, f"{EXAMPLES}/choose-offer.json is valid.")


def test_findings_are_lines_that_say_where_and_what(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    nodes = [
        {"id": "start", "type": "start"},
        {"id": "问", "type": "llm"},
    ]
    file.write_text(json.dumps({"nodes": nodes, "edges": []}), "utf-8")
    done = run("validate", str(file))
    assert done.exit_code == 1
    assert done.stdout.startswith("error 问.id invalid_id: An id has 1 to 64 letters")


def test_findings_come_as_json_too(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"nodes": [{"id": "start", "type": "begin"}]}', "utf-8")
    done = run("validate", "--json", str(file))
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert found["valid"] is False
    assert {"code", "message", "node", "field", "severity"} <= found["diagnostics"][0].keys()


def test_a_file_that_is_not_json_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text("{,")
    done = run("validate", str(file))
    assert done.exit_code == 1
    assert done.stdout.startswith("error not_json: The document is not JSON")


def test_node_types_are_listed_with_what_they_do() -> None:
    done = run("nodes")
    assert done.exit_code == 0
    line = next(line for line in done.stdout.splitlines() if line.startswith("http_request"))
    assert "Call an HTTP endpoint" in line


def test_node_types_are_listed_as_json() -> None:
    entries = json.loads(run("nodes", "--json").stdout)
    assert {"name", "title", "inputs", "ports"} <= entries[0].keys()
    assert "llm" in {entry["name"] for entry in entries}


def test_pages_are_written_once_and_a_stale_one_is_named(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert run("docs", "--check", "--root", root).exit_code == 1
    written = run("docs", "--root", root).stdout.split()
    assert {"docs/canvas.schema.json", "docs/openapi.json", "docs/nodes/index.md", "docs/nodes/llm.md"} <= {*written}
    assert run("docs", "--root", root).stdout == ""
    assert run("docs", "--check", "--root", root).exit_code == 0
    (tmp_path / "docs/nodes/llm.md").write_text("old")
    (tmp_path / "docs/openapi.json").unlink()
    check = run("docs", "--check", "--root", root)
    assert check.exit_code == 1
    assert check.stderr.splitlines()[:2] == ["docs/nodes/llm.md is out of date.", "docs/openapi.json is out of date."]


def test_the_database_is_made_by_migrating_and_migrating_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        done = run("migrate", "--data-dir", str(tmp_path / "data"))
        assert (done.exit_code, done.stdout) == (0, f"The database in {tmp_path}/data is up to date.\n")
    assert (tmp_path / "data/mainspring.sqlite").is_file()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["fly"], "No such command 'fly'."),
        (["run"], "Missing argument 'FILE|WORKFLOW'."),
        (["run", "nope.json"], "Error: nope.json cannot be read: No such file or directory."),
        (["run", str(EXAMPLES / "choose-offer.json"), "--set", "item"], "--set takes key=value"),
        (["run", str(EXAMPLES / "choose-offer.json"), "--input", "{"], "What --input says is not JSON"),
        (["run", str(EXAMPLES / "choose-offer.json"), "--answer", "yes"], "--answer takes WAIT=VALUE"),
        (["up", "--port", "70000"], "Invalid value for '--port'"),
    ],
)
def test_whoever_misuses_a_command_reads_a_sentence(words: list[str], complaint: str) -> None:
    done = run(*words)
    assert done.exit_code == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_does_not_fit_is_named_by_its_variable(tmp_path: Path) -> None:
    done = run("migrate", "--data-dir", str(tmp_path), MAINSPRING_PORT="eighty")
    assert done.exit_code == 1
    assert "The settings do not fit: MAINSPRING_PORT input should be a valid integer" in done.stderr


def test_what_is_said_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAINSPRING_PORT", "1000")
    monkeypatch.setenv("MAINSPRING_HOST", "127.0.0.2")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal:7233")
    settings = load_settings(port=2000, data_dir=tmp_path, temporal_port=None)
    assert (settings.port, settings.host, settings.temporal_address) == (2000, "127.0.0.2", "temporal:7233")
    assert load_settings(temporal_address="").temporal_address == ""


def test_a_worker_without_a_temporal_says_how_to_come_by_one(tmp_path: Path) -> None:
    done = run("worker", "--data-dir", str(tmp_path))
    assert done.exit_code == 1
    assert "No Temporal runs on" in done.stderr
    assert "mainspring temporal" in done.stderr


def test_a_cluster_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nowhere = {"TEMPORAL_ADDRESS": "127.0.0.1:9", "MAINSPRING_TEMPORAL_WAIT_SECONDS": "0.1"}
    done = run("worker", "--data-dir", str(tmp_path), **nowhere)
    assert done.exit_code == 1
    assert "Error: Temporal at 127.0.0.1:9 (namespace default) cannot be used: " in done.stderr


def test_an_address_that_is_none_is_named_and_not_waited_for(tmp_path: Path) -> None:
    done = run("worker", "--data-dir", str(tmp_path), TEMPORAL_ADDRESS="temporal:port")
    assert done.exit_code == 1
    assert "TEMPORAL_ADDRESS is 'temporal:port', and must be a host and a port" in done.stderr


def test_a_temporal_beside_a_cluster_is_refused(tmp_path: Path) -> None:
    done = run("temporal", "--data-dir", str(tmp_path), TEMPORAL_ADDRESS="cluster:7233")
    assert done.exit_code == 1
    assert "TEMPORAL_ADDRESS names a cluster at cluster:7233" in done.stderr


def test_the_embedded_temporal_knows_the_search_attributes_that_runs_carry() -> None:
    assert dict.fromkeys(SEARCH_ATTRIBUTES, "Keyword") == WANTED


def test_temporals_pages_are_told_where_the_codec_is() -> None:
    assert TOLD == CODEC_PATH


@pytest.mark.parametrize("entry", ["http://shop.internal/", "10.0.0.0/99", "127.0.0.1:99999", "169.254.169.254"])
@pytest.mark.parametrize("command", ["up", "worker"])
def test_an_entry_of_the_allow_list_that_opens_nothing_is_named_before_anything_starts(
    tmp_path: Path, command: str, entry: str
) -> None:
    allowed = f"10.0.0.0/8,{entry}"
    done = run(command, "--data-dir", str(tmp_path / "data"), MAINSPRING_EGRESS_ALLOW=allowed)
    assert done.exit_code == 1
    assert f"The settings do not fit: MAINSPRING_EGRESS_ALLOW '{entry}'" in done.stderr
    assert "a network (10.0.0.0/8)" in done.stderr
    assert not (tmp_path / "data").exists()
