"""Code that means harm, in the real jail: whatever it tries, it reaches nothing, and the next honest call works.

A good part of it runs without the language layer, so that the kernel's alone has to hold.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.workers.coderunner.running import Running
from tests.workers.coderunner.snippets import Snippet, outcome, snippets, told, works
from workers.coderunner.client import Answer

LANGUAGE = ("attributes", "formats", "names", "imports", "classes", "chains")
SECRET = "CANARY-4f1d-nobody-may-read-this"
LEFT_OVER = Path("/tmp/left-over")
OURS = Path(__file__).resolve().parents[3]


@contextmanager
def canaries(running: Running, folder: Path) -> Iterator[dict[str, Any]]:
    """A secret in a file and in our environment, a port that listens, and files that are counted."""
    secret = folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    LEFT_OVER.unlink(missing_ok=True)
    os.environ["CANARY"] = SECRET
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield {"file": str(secret), "port": listening.getsockname()[1], "pid": running.pid}
        with pytest.raises(BlockingIOError):
            listening.accept()
    del os.environ["CANARY"]
    assert secret.read_text() == SECRET
    assert [path.name for path in folder.iterdir()] == ["secret"]
    assert not LEFT_OVER.exists()
    assert [path.name for path in Path(running.client.socket).parent.iterdir()] == ["runner"]
    assert running.process.poll() is None


@asynccontextmanager
async def watched(running: Running, folder: Path) -> AsyncIterator[dict[str, Any]]:
    """With canaries, and with the processes counted before and after."""
    before = len(running.family())
    with canaries(running, folder) as params:
        yield params
    # Zygotes of which odd things came are replaced, and children that have ended go.
    async with asyncio.timeout(60):
        while len(running.family()) != before:  # noqa: ASYNC110  (processes tell nobody when they end)
            await asyncio.sleep(0.05)


async def escapes(running: Running, language: str, cases: list[Snippet], params: Any, seconds: float) -> str:
    """The cases that did something else than they may, or after which an honest call failed."""
    turns = asyncio.Semaphore(4)

    async def one(number: int, case: Snippet) -> list[str]:
        async with turns:
            came = await outcome(
                running.client, language, case.source, params, org=f"org {number % 5}", seconds=seconds
            )
            honest = await works(running, language)
        said = told(case.name, came) + repr(getattr(came, "logs", ""))
        found = [] if case.fits(came) else [said]
        if SECRET in said:
            found.append(f"{case.name} read the secret")
        if str(OURS) in said or "site-packages" in said or "Traceback" in said:
            found.append(f"{case.name} tells of our own files: {said}")
        return found if honest else [*found, f"after {case.name} nothing works"]

    found = await asyncio.gather(*map(one, range(len(cases)), cases))
    return "\n".join(finding[:500] for findings in found for finding in findings)


@pytest.mark.parametrize("name", LANGUAGE)
async def test_the_language_layer_lets_nothing_out(guarded: Running, tmp_path: Path, name: str) -> None:
    async with watched(guarded, tmp_path) as params:
        assert await escapes(guarded, "python", snippets(f"escape_{name}"), params, 5) == ""


async def test_bombs_go_off_within(guarded: Running, tmp_path: Path) -> None:
    cases = snippets("escape_bombs")
    for case in cases:  # whichever limit is met first on this machine
        case.expected = f"timeout | memory | {case.expected}"
    async with watched(guarded, tmp_path) as params:
        assert await escapes(guarded, "python", cases, params, 0.8) == ""


async def test_the_kernel_alone_lets_nothing_out(unguarded: Running, tmp_path: Path) -> None:
    async with watched(unguarded, tmp_path) as params:
        assert await escapes(unguarded, "python", snippets("escape_kernel"), params, 1.5) == ""


async def test_the_kernel_alone_holds_what_the_language_layer_would(unguarded: Running, tmp_path: Path) -> None:
    """Whatever walks of attributes find there: nothing of it is worth having."""
    cases = [case for name in ("attributes", "formats", "chains") for case in snippets(f"escape_{name}")]
    async with watched(unguarded, tmp_path) as params:
        for case in cases:
            case.expected = "error | syntax | output | crashed | timeout | memory"
        found = await escapes(unguarded, "python", cases, params, 3)
        assert "read the secret" not in found
        assert "nothing works" not in found


async def test_javascript_lets_nothing_out(guarded: Running, tmp_path: Path) -> None:
    async with watched(guarded, tmp_path) as params:
        cases = snippets("escape_javascript")
        for case in cases:
            case.expected = f"timeout | {case.expected}" if "memory" in case.expected else case.expected
        assert await escapes(guarded, "javascript", cases, params, 3) == ""


@pytest.mark.parametrize(
    "source",
    [
        "def main(args): return {}\0",
        "(" * 100_000,
        "x = [" * 1_000 + "]" * 1_000,
        "-" * 100_000 + "1",
        "a." * 50_000 + "b",
        "x = 1\n" * 50_000,
        "if 1:\n" + "".join(" " * n + "if 1:\n" for n in range(1, 99)),
        "\ud800",
        "# coding: utf-7\n+AGE-",
        "lambda: " * 5_000 + "1",
        "f'" + "{" * 500,
        "def f(" + ",".join(f"a{n}" for n in range(100_000)) + "): pass",
    ],
    ids=lambda source: source[:12],
)
async def test_text_that_is_meant_to_break_the_compiler_breaks_nothing_else(guarded: Running, source: str) -> None:
    came = await outcome(guarded.client, "python", source, seconds=5)
    assert not isinstance(came, Answer)
    assert await works(guarded, "python")


def test_there_are_enough_of_both() -> None:
    language = sum(len(snippets(f"escape_{name}")) for name in (*LANGUAGE, "bombs", "javascript"))
    assert (language >= 140, len(snippets("escape_kernel")) >= 60) == (True, True)
