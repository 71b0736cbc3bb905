"""As root, as anybody, and where the kernel refuses: what is in force, who starts, and who does not."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workers.coderunner.running import ATTEMPTS, LANGUAGES, Running, code_runner
from workers.coderunner.client import RunnerGone
from workers.coderunner.engine import TaskFailed

REQUIRED = {
    "mount namespace", "process namespace", "network namespace", "ipc namespace", "host name namespace", "empty root",
    "unprivileged user", "no capabilities", "no new privileges", "empty environment", "system call filter", "limits",
}  # fmt: skip
SPACES = {name for name in REQUIRED if name.endswith("namespace")} | {"empty root"}
ALONE: dict[str, Any] = {"processes": 1, "engines": {"attempts": ATTEMPTS}, "leave_out": LANGUAGES}


async def value(runner: Running, source: str) -> Any:
    return (await runner.client.run({"engine": "attempts", "source": source})).value


@pytest.mark.parametrize("confined", [(), ("uid=1000",)], ids=["as whoever we are", "as somebody without rights"])
async def test_every_layer_is_in_force(confined: tuple[str, ...]) -> None:
    with code_runner(*confined, mode="production", **ALONE) as runner:
        (ready,) = runner.events
        assert ready["event"] == "ready"
        assert ready["missing"] == {}
        assert set(ready["active"]) - {"control group namespace", "user namespace"} == REQUIRED | {"language"}
        assert ("user namespace" in ready["active"]) == (os.geteuid() != 0 or bool(confined))
        assert await value(runner, "import os\n[os.getuid(), os.getppid()]") == [65534, 1]
        with pytest.raises(TaskFailed, match="SIGSEGV"):
            await value(runner, "ctypes.string_at(0)")
        assert await value(runner, "1") == 1


MISSING = [
    (("no-namespaces",), SPACES),
    (("no-filters",), {"system call filter"}),
    (("uid=1000", "no-namespaces"), SPACES),
]


@pytest.mark.parametrize(("confined", "missing"), MISSING)
async def test_development_goes_on_without_a_layer_and_says_so(confined: tuple[str, ...], missing: set[str]) -> None:
    with code_runner(*confined, **ALONE) as runner:
        (ready,) = runner.events
        assert ready["event"] == "ready"
        assert set(ready["missing"]) == missing
        assert set(ready["active"]) >= REQUIRED - missing
        assert ready["complaint"].startswith("The code runner lacks layers of its jail: ")
        assert await value(runner, "6 * 7") == 42
        # What is left of the jail holds: ending the zygote ends what it started, with or without a namespace.
        with pytest.raises(TaskFailed) as failed:
            await runner.client.run({"engine": "attempts", "source": "while True: pass"}, seconds=0.2)
        assert failed.value.reason == "timeout"


@pytest.mark.parametrize(("confined", "missing"), MISSING)
async def test_production_does_not_start_without_a_layer(confined: tuple[str, ...], missing: set[str]) -> None:
    with code_runner(*confined, mode="production", **ALONE) as runner:
        (refused,) = runner.events
        assert refused["event"] == "refused"
        assert all(name in refused["reason"] for name in missing)
        assert "To have them, " in refused["reason"]
        assert runner.process.wait(20) == 1
        with pytest.raises(RunnerGone):
            await value(runner, "1")


async def test_a_module_that_is_not_there_is_named() -> None:
    engines = {"attempts": "tests.workers.coderunner.no_such_module"}
    with code_runner(processes=1, engines=engines, leave_out=LANGUAGES) as runner:
        (trouble,) = runner.events
        assert trouble["event"] == "trouble"
        assert "No module named 'tests.workers.coderunner.no_such_module'" in trouble["reason"]
        with pytest.raises(RunnerGone, match="no_such_module"):
            await value(runner, "1")


async def test_an_engine_that_is_not_there_is_named(jail: Running) -> None:
    with pytest.raises(RunnerGone, match="there is no engine 'cobol'"):
        await jail.client.run({"engine": "cobol"})


def test_nobody_else_can_speak_with_it(jail: Running) -> None:
    path = Path(jail.client.socket)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


STRANGER = """
import os, socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.connect(sys.argv[1])
os.setresuid(1000, 1000, 1000) if os.geteuid() == 0 else None
asking.close()
asking = socket.socket(socket.AF_UNIX)
asking.settimeout(20)
asking.connect(sys.argv[1])
try:
    asking.sendall(b"H" + (2).to_bytes(4, "big") + b"{}")
    print(asking.recv(100) or "nothing")
except ConnectionError:
    print("nothing")
"""


def test_somebody_else_who_gets_as_far_as_the_socket_gets_no_answer() -> None:
    with code_runner(**ALONE) as runner:
        path = Path(runner.client.socket)
        path.parent.chmod(0o755)
        path.chmod(0o666)
        asked = subprocess.run([sys.executable, "-c", STRANGER, str(path)], capture_output=True, check=True)
        assert asked.stdout.strip() == b"nothing"
        assert asyncio.run(value(runner, "1")) == 1


@pytest.mark.parametrize(
    "said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"H\x00\x00\x00\x02[]", b"H\xff\xff\xff\xff", b'H\x00\x00\x00\x05{"a"']
)
async def test_nonsense_on_the_socket_harms_nobody(jail: Running, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(jail.client.socket)
    writer.write(said)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert await value(jail, "1") == 1
