"""`mainspring ui`: who has the folder reads in Temporal's pages, and on its command line, what others see encrypted."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest

from api.temporal.guests import CODEC_PATH
from cli.data_folder import ApiAddress, DataFolder, TemporalAddress
from cli.http_client import ApiClient
from tests.cli.command import PATIENCE, Service, environment, mainspring
from workers.embedded.binary import find_temporal

CANARY = "canary 西湖"


def addresses(folder: Path) -> tuple[ApiAddress, TemporalAddress]:
    api, temporal = DataFolder(folder).api(), DataFolder(folder).temporal()
    assert api is not None
    assert temporal is not None
    return api, temporal


def temporal(data_dir: Path, *words: str, **more: str) -> str:
    """What Temporal's own command line prints."""
    where = addresses(data_dir)[1]
    return subprocess.run(
        [str(find_temporal(None)), "--address", where.address, *words],
        capture_output=True,
        text=True,
        env=environment(**more),
        timeout=PATIENCE,
        check=True,
    ).stdout


@pytest.fixture
async def executor(up: Service, data_dir: Path) -> str:
    """The id of a workflow that carried out a run with our words in it."""
    articles = [{"title": CANARY, "text": f"text of {CANARY}"}]
    async with ApiClient(addresses(data_dir)[0].url, DataFolder(data_dir).token() or "") as client:
        run = await client.post("/workflows/translate-articles/runs", {"inputs": {"articles": articles}})
    assert CANARY in str(run["output"])
    return unquote(run["temporal_url"].rpartition("/")[2])


def payloads(value: Any) -> list[dict[str, Any]]:
    """Every payload of a history in JSON."""
    match value:
        case {"metadata": {"encoding": str()}}:
            return [value]
        case dict():
            return [found for member in value.values() for found in payloads(member)]
        case list():
            return [found for member in value for found in payloads(member)]
        case _:
            return []


def clear(found: list[dict[str, Any]]) -> str:
    return "".join(base64.b64decode(one.get("data", "")).decode(errors="replace") for one in found)


async def test_temporals_pages_show_a_run_to_a_browser_that_was_let_in(executor: str, data_dir: Path) -> None:
    api, where = addresses(data_dir)
    history = json.loads(temporal(data_dir, "workflow", "show", "-w", executor, "-o", "json"))
    seen = payloads(history)
    assert len(seen) > 5
    assert CANARY not in clear(seen)
    link = mainspring("ui", "--data-dir", data_dir)
    assert link.returncode == 0, link.stderr
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as browser:
        settings = (await browser.get(f"{where.ui}/api/v1/settings")).json()
        # All that Temporal's pages know, and show to everybody.
        assert settings["Codec"]["Endpoint"] == f"{api.url}{CODEC_PATH}"
        headers = {"Origin": where.ui, "X-Namespace": "default"}
        decode = f"{settings['Codec']['Endpoint']}/decode?preserveStorageRefs=true"
        refused = await browser.post(decode, json={"payloads": seen}, headers=headers)
        assert refused.status_code == 401
        page = await browser.get(link.stdout.strip())
        assert f"{api.url}{CODEC_PATH}" in page.text
        shown = await browser.post(decode, json={"payloads": seen}, headers=headers)
    assert shown.headers["access-control-allow-origin"] == where.ui
    assert CANARY in clear(shown.json()["payloads"])


def test_temporals_command_line_shows_a_run_to_whoever_has_the_token(executor: str, data_dir: Path) -> None:
    show = ("workflow", "show", "-w", executor)
    assert CANARY not in temporal(data_dir, *show)
    endpoint = f"{addresses(data_dir)[0].url}{CODEC_PATH}"
    auth = f"Bearer {DataFolder(data_dir).token()}"
    assert CANARY in temporal(data_dir, *show, TEMPORAL_CODEC_ENDPOINT=endpoint, TEMPORAL_CODEC_AUTH=auth)
    assert CANARY in temporal(data_dir, *show, "--codec-endpoint", endpoint, "--codec-auth", auth)


def test_the_database_of_temporal_holds_no_value_of_a_run(executor: str, data_dir: Path) -> None:
    stored = b"".join(file.read_bytes() for file in data_dir.glob("temporal.db*"))
    assert executor.encode() in stored
    assert CANARY.encode() not in stored


def test_the_banner_says_how_to_read_there(up: Service, data_dir: Path) -> None:
    assert f"cli.main ui --data-dir {data_dir}" in up.said or " ui --data-dir" in up.said


def test_without_a_server_there_is_no_link(tmp_path: Path) -> None:
    done = mainspring("ui", "--data-dir", tmp_path / "data")
    assert done.returncode == 1
    assert "Nothing is up" in done.stderr
