"""`mainspring models`, `usage` and `keys`, as a person uses them: keys come from variables, files and pipes alone."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import click
import pytest
from click.testing import CliRunner

from cli.commands.models import add, change
from cli.complaint import CommandFailed
from cli.key_input import KeySource, read_headers
from cli.model_options import Said, model_options
from storage.audit_log import AuditRepository, Wanted
from storage.clock import now_ms
from storage.keyring import KeyRing
from storage.stores import open_stores
from tests.cli.command import Service, mainspring, result, standing
from tests.fakes.openai_server import openai_server
from tests.storage.samples import a_call

KEY = "sk-canary-0123456789-9f3a"
OLD = "old:" + base64.b64encode(bytes(range(32))).decode()
NEW = "new:" + base64.b64encode(bytes(range(40, 72))).decode()


def body(*words: str) -> dict[str, Any]:
    """The request that these words make."""
    made: list[dict[str, Any]] = []

    @click.command()
    @model_options
    def command(**said: Any) -> None:
        made.append(Said(said).body())

    done = CliRunner().invoke(command, words, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return made[0]


async def spoken(*words: str | Path, given: str = "", **more: str) -> CompletedProcess[str]:
    return await asyncio.to_thread(mainspring, *words, given=given, **more)


async def test_a_model_is_set_up_tried_changed_and_taken_away(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "数据")
    async with openai_server() as server:
        allowed = {"MAINSPRING_EGRESS_ALLOW": server.place}
        where = ("--provider", "openai_compatible", "--base-url", server.base_url)
        made = await spoken(
            "models", "add", "写手", *where, "--model", "echo", "--key-env", "A_KEY", "--set", "temperature=0.5",
            "--concurrency", "3", "--price", "input=0.5", "--header-env", "X-Gate=A_GATE", "--json", *folder,
            A_KEY=KEY, A_GATE="sesame-open", **allowed,
        )  # fmt: skip
        model = result(made)
        assert model["test"]["answer"] == "Answer with one word: hello"
        assert (model["api_key"], [*model["headers"]]) == ({"set": True, "last4": "9f3a"}, ["X-Gate"])
        assert (model["quota"], model["defaults"]) == ({"concurrency": 3}, {"temperature": 0.5})
        asked = server.asked[0]
        assert (asked.headers["authorization"], asked.headers["x-gate"]) == (f"Bearer {KEY}", "sesame-open")
        with standing(tmp_path / "数据", **allowed):
            changed = await spoken(
                "models",
                "change",
                "写手",
                "--key-prompt",
                "--title",
                "新名",
                *folder,
                given="sk-piped-000000-77aa\n",
            )
            assert "…77aa" in changed.stdout, changed.stderr
            tried = await spoken("models", "test", "写手", *folder)
            assert (tried.returncode, "It answers 'Answer with one word: hello'" in tried.stdout) == (0, True)
            assert server.asked[-1].headers["authorization"] == "Bearer sk-piped-000000-77aa"
            failed = await spoken("models", "change", "写手", "--model", "gossip", *folder)
            # The server repeats the key it was sent.
            assert (failed.returncode, "The model did not answer: " in failed.stderr, "•••" in failed.stderr) == (
                1,
                True,
                True,
            )
            listed = await spoken("models", "list", *folder)
            assert "写手" in listed.stdout
            assert "新名" in listed.stdout
            refused = await spoken("models", "change", "写手", "--base-url", "https://evil.example.com/v1", *folder)
            assert (refused.returncode, "not sent to another address" in refused.stderr) == (1, True)
            gone = await spoken("models", "remove", "写手", "--yes", *folder)
            assert gone.returncode == 0
            missing = await spoken("models", "show", "写手", *folder)
            assert (missing.returncode, "There is no such model." in missing.stderr) == (1, True)
    for done in (made, changed, tried, failed, listed, refused, gone, missing):
        assert "canary" not in done.stdout + done.stderr
        assert "sesame" not in done.stdout + done.stderr


def test_no_option_takes_a_key_itself() -> None:
    for command in (add, change):
        names = {name for one in command.params for name in one.opts}
        assert {name for name in names if "key" in name or "header" in name} <= {
            "--key-env", "--key-file", "--key-prompt", "--header-env", "--forget-key", "key",
        }  # fmt: skip


def test_a_key_comes_from_one_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("A_KEY", f" {KEY}\n")
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert KeySource("A_KEY").read() == KeySource(None, tmp_path / "key").read() == KEY
    with pytest.raises(CommandFailed, match="one place"):
        KeySource("A_KEY", tmp_path / "key").read()


def test_a_key_that_is_not_where_it_was_said_to_be_is_missed_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="variable NO_SUCH_KEY, which is to hold the key, is empty or not set"):
        KeySource("NO_SUCH_KEY").read()
    with pytest.raises(CommandFailed) as error:
        KeySource(KEY).read()
    assert "canary" not in error.value.message
    (tmp_path / "empty").touch()
    with pytest.raises(CommandFailed, match="is empty"):
        KeySource(None, tmp_path / "empty").read()
    with pytest.raises(CommandFailed, match="NAME=VARIABLE"):
        read_headers(["X-Gate"])


def test_what_is_said_makes_the_request_and_nothing_else_is_in_it() -> None:
    assert body() == {}
    assert body(
        "--title", "写", "--set", "temperature=0.7", "--set", 'stop=["。"]', "--set", "thinking=auto", "--option",
        "a=b=c",
        "--can", "images", "--can", "tools=no", "--requests-per-minute", "60", "--gap-seconds", "2.5", "--price",
        "input=1.5", "--price", "currency=CNY", "--fallback", "a", "--fallback", "b", "--media", "url", "--no-default",
        "--no-test",
    ) == {
        "title": "写",
        "defaults": {"temperature": 0.7, "stop": ["。"], "thinking": "auto"},
        "options": {"a": "b=c"},
        "capabilities": {"images": True, "tools": False},
        "quota": {"requests_per_minute": 60},
        "patience": {"gap_seconds": 2.5},
        "prices": {"input": 1.5, "currency": "CNY"},
        "fallback": ["a", "b"],
        "media": "url",
        "is_default": False,
        "test": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--set", "temperature"), "NAME=VALUE"),
        (("--option", "=x"), "NAME=VALUE"),
        (("--can", "fly"), "--can takes one of"),
        (("--can", "tools=maybe"), "--can takes one of"),
        (("--price", "dinner=5"), "A price is one of"),
    ],
)
def test_what_makes_no_request_is_said(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        body(*words)


def test_providers_are_listed_without_a_server() -> None:
    runner = CliRunner()
    from cli.commands.models import command

    assert "deepseek" in runner.invoke(command, ["providers"]).stdout
    assert "temperature (0–2)" in runner.invoke(command, ["providers", "deepseek"]).stdout
    (one,) = json.loads(runner.invoke(command, ["providers", "deepseek", "--json"]).stdout)
    assert one["id"] == "deepseek"


async def test_what_was_spent_is_shown_as_a_table_and_as_json(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        home = await stores.organisations.ensure_default()
        mine = {"org_id": str(home.org_id), "started": now_ms()}
        await stores.ledger.record([a_call("1", **mine, cost=1_500_000), a_call("2", **mine, estimated=True)])
    table = await spoken("usage", "--by", "node", "--data-dir", tmp_path)
    assert table.returncode == 0, table.stderr
    assert "写作" in table.stdout
    assert "1.50025 USD" in table.stdout
    assert "For 1 calls the provider told no usage" in table.stdout
    told = result(await spoken("usage", "--json", "--data-dir", tmp_path))
    assert [one["calls"] for one in told["items"]] == [2]
    nothing = await spoken("usage", "--from", "2020-01-01", "--to", "2020-01-02", "--data-dir", tmp_path)
    assert nothing.stdout.strip() == "No model was called in that time."


async def test_the_folders_own_key_is_changed_and_everything_stays_readable(tmp_path: Path) -> None:
    async def kept(text: str) -> str:
        with open_stores(tmp_path, keys=KeyRing.parse((tmp_path / "encryption-key").read_text())) as stores:
            return await stores.secrets.put("7", "model", text)

    shown = await spoken("keys", "show", "--data-dir", tmp_path)
    assert "current, needed by nothing" in shown.stdout, shown.stderr
    secret = await kept("机密")
    before = (tmp_path / "encryption-key").read_text()
    done = await spoken("keys", "rotate", "--data-keys", "--data-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    after = (tmp_path / "encryption-key").read_text()
    assert before != after
    assert len(after.splitlines()) == 1
    with open_stores(tmp_path, keys=KeyRing.parse(after)) as stores:
        assert await stores.secrets.open("7", "model", secret) == "机密"
        [told] = (await AuditRepository(stores.database).page(Wanted([0], action="keys."))).items
    assert (told.actor, told.action, after.strip() in str(told.after)) == ("the machine", "keys.rotate", False)
    # As a rotation leaves it that broke off: with both keys, and nothing moved yet.
    (tmp_path / "encryption-key").write_text(f"{NEW}\n{after}")
    assert (await spoken("keys", "rotate", "--data-dir", tmp_path)).returncode == 0
    assert (tmp_path / "encryption-key").read_text() == f"{NEW}\n"


async def test_a_key_from_the_settings_is_changed_by_putting_a_new_one_in_front(tmp_path: Path) -> None:
    with open_stores(tmp_path, keys=KeyRing.parse(OLD)) as stores:
        await stores.secrets.put("7", "model", "机密")
    folder = ("--data-dir", tmp_path)
    refused = await spoken("models", "list", *folder, MAINSPRING_ENCRYPTION_KEY=NEW)
    assert (refused.returncode, "encrypted with the key old" in refused.stderr) == (1, True)
    assert "KCkqKyw" not in refused.stderr
    missing = await spoken("keys", "show", *folder, MAINSPRING_ENCRYPTION_KEY=NEW)
    assert "old: in use, MISSING" in missing.stdout
    done = await spoken("keys", "rotate", *folder, MAINSPRING_ENCRYPTION_KEY=f"{NEW},{OLD}")
    assert "Nothing needs old any more" in done.stdout, done.stderr
    again = await spoken("keys", "rotate", *folder, MAINSPRING_ENCRYPTION_KEY=NEW)
    assert "put a new key in front of it" in again.stdout
    assert not (tmp_path / "encryption-key").exists()


async def test_production_refuses_to_start_without_a_key_from_outside(tmp_path: Path) -> None:
    refused = await spoken("migrate", "--data-dir", tmp_path, MAINSPRING_MODE="production")
    assert (refused.returncode, "In production the encryption key has to come from outside" in refused.stderr) == (
        1,
        True,
    )
    done = await spoken("migrate", "--data-dir", tmp_path, MAINSPRING_MODE="production", MAINSPRING_ENCRYPTION_KEY=OLD)
    assert done.returncode == 0, done.stderr


async def test_the_key_of_a_folder_that_is_in_use_is_left_alone(up: Service, data_dir: Path) -> None:
    before = (data_dir / "encryption-key").read_text()
    refused = await spoken("keys", "rotate", "--data-dir", data_dir)
    assert (refused.returncode, "stop everything there first" in refused.stderr) == (1, True)
    assert (data_dir / "encryption-key").read_text() == before
    listed = await spoken("models", "list", "--json", "--data-dir", data_dir)
    assert result(listed) == []
