"""One real code runner for all tests of a session, and one with the test engine alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.coderunner.running import ATTEMPTS, LANGUAGES, Running, code_runner


@pytest.fixture(scope="session")
def runner() -> Iterator[Running]:
    """With every engine. `await runner.client.run({"engine": "python", "source": …, "params": {…}})`."""
    with code_runner(processes=2) as running:
        yield running


@pytest.fixture(scope="session")
def jail() -> Iterator[Running]:
    """With the engine `attempts` alone: quick to start."""
    with code_runner(processes=2, engines={"attempts": ATTEMPTS}, leave_out=LANGUAGES) as running:
        yield running


@pytest.fixture(scope="session")
def short() -> Iterator[Running]:
    """The same, where a task may compute for one second."""
    with code_runner(processes=1, cpu_seconds=1, engines={"attempts": ATTEMPTS}, leave_out=LANGUAGES) as running:
        yield running


@pytest.fixture(scope="session")
def guarded() -> Iterator[Running]:
    """With the languages and numpy, where a task may compute for one second."""
    with code_runner(processes=2, cpu_seconds=1, modules=("numpy",), leave_out=("template", "document")) as running:
        yield running


@pytest.fixture(scope="session")
def unguarded() -> Iterator[Running]:
    """Python without the language layer, and with the modules that an attacker would like best."""
    wanted = (
        "builtins",
        "ctypes",
        "fcntl",
        "gc",
        "mmap",
        "os",
        "resource",
        "signal",
        "socket",
        "subprocess",
        "sys",
        "termios",
        "threading",
    )
    with code_runner(
        processes=2, cpu_seconds=1, restricted=False, modules=wanted, leave_out=("javascript", "template", "document")
    ) as running:
        yield running
