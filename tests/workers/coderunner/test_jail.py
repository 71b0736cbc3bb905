"""What a task finds in the jail, whatever it tries with all the rights that Python has: nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.coderunner.running import Running
from workers.coderunner.engine import TaskFailed

TRIED = """
def told(attempt):
    try:
        return ["done", repr(attempt())]
    except OSError as error:
        return ["refused", error.errno]
    except Exception as error:
        return ["failed", type(error).__name__]
"""


def seen(pid: int, file: str) -> str:
    return Path(f"/proc/{pid}/{file}").read_text()


async def attempt(jail: Running, source: str, **more: Any) -> Any:
    return (await jail.client.run({"engine": "attempts", "source": TRIED + source, **more})).value


@pytest.mark.parametrize(
    "what",
    [
        "open('/etc/passwd')",
        "open('/proc/self/environ')",
        "open('/dev/null')",
        "open('/note', 'w')",
        "__import__('os').listdir('/')",
        "__import__('os').stat('/')",
        "__import__('os').mkdir('/x')",
        "__import__('os').chdir('..')",
        "__import__('os').readlink('/proc/self/exe')",
        "__import__('os').memfd_create('x')",
        "__import__('os').pipe()",
        "__import__('os').dup(3)",
        "__import__('os').fork()",
        "__import__('os').execv('/bin/sh', ['sh'])",
        "__import__('os').kill(1, 9)",
        "__import__('os').kill(-1, 9)",
        "__import__('os').killpg(1, 9)",
        "__import__('os').setuid(0)",
        "__import__('os').setsid()",
        "__import__('os').uname()",
        "__import__('os').nice(-1)",
        "__import__('os').pidfd_open(1)",
        "__import__('os').sched_setaffinity(0, [0])",
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "subprocess.run(['true'])",
        "resource.prlimit(0, resource.RLIMIT_CPU, (1, 1))",
        "resource.prlimit(1, resource.RLIMIT_CPU)",
        "signal.setitimer(signal.ITIMER_REAL, 0)",
        "mmap.mmap(-1, 4096, prot=7)",
        "__import__('fcntl').fcntl(3, 1)",
    ],
)
async def test_the_kernel_refuses(jail: Running, what: str) -> None:
    assert await attempt(jail, f"import os, fcntl\ntold(lambda: {what})") == ["refused", errno.EPERM]


@pytest.mark.parametrize("number", [41, 56, 57, 59, 101, 157, 165, 272, 298, 310, 317, 321, 323, 425, 435, 438])
async def test_calls_that_python_has_no_words_for_are_refused_too(jail: Running, number: int) -> None:
    source = f"libc = ctypes.CDLL(None, use_errno=True)\n[libc.syscall({number}, 0, 0, 0, 0), ctypes.get_errno()]"
    assert (await attempt(jail, source)) == [-1, errno.EPERM]


async def test_no_memory_becomes_executable(jail: Running) -> None:
    source = """
libc = ctypes.CDLL(None, use_errno=True)
page = mmap.mmap(-1, 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
[libc.mprotect(ctypes.c_void_p(address), 4096, 5), ctypes.get_errno()]
"""
    assert await attempt(jail, source) == [-1, errno.EPERM]


async def test_a_call_of_the_other_table_kills(jail: Running) -> None:
    with pytest.raises(TaskFailed) as failed:
        await attempt(jail, "ctypes.CDLL(None).syscall(0x40000000 + 39)")
    assert failed.value.reason == "refused"


async def test_a_task_is_nobody_and_has_nothing(jail: Running) -> None:
    source = """
import os
[os.getuid(), os.geteuid(), os.getgid(), os.getppid(), len(os.environ), os.getcwd.__name__, len(sys.argv)]
"""
    found = await attempt(jail, source)
    assert found[:5] == [65534, 65534, 65534, 1, 0]


async def test_the_only_open_descriptor_is_the_call_itself(jail: Running) -> None:
    source = f"""
import os
opened = []
for number in range(100):
    try:
        os.lseek(number, 0, 0)
    except OSError as error:
        if error.errno == {errno.EBADF}:
            continue
    opened.append(number)
opened
"""
    assert await attempt(jail, source) == [0, 1, 2, 3]


async def test_what_is_printed_leads_nowhere(jail: Running) -> None:
    source = "import os\nprint('canary' * 1000)\n[os.write(1, b'canary'), os.write(2, b'canary')]"
    assert await attempt(jail, source) == [6, 6]
    (launcher,) = psutil.Process(jail.pid).children()
    for zygote in launcher.children():
        assert {os.readlink(f"/proc/{zygote.pid}/fd/{number}") for number in (0, 1, 2)} == {"/dev/null"}


async def test_nothing_can_be_imported_that_is_not_there_already(jail: Running) -> None:
    assert await attempt(jail, "told(lambda: __import__('wave'))") == ["failed", "ModuleNotFoundError"]


async def test_the_zygote_and_its_parents_cannot_be_looked_into(jail: Running) -> None:
    source = """
libc = ctypes.CDLL(None, use_errno=True)
found = []
for pid in (1, 2, os.getppid()):
    for number, arguments in ((101, (16, pid, 0, 0)), (310, (pid, 0, 0, 0)), (62, (pid, 19, 0, 0))):
        found.append([libc.syscall(number, *arguments), ctypes.get_errno()])
found
"""
    assert await attempt(jail, "import os\n" + source) == [[-1, errno.EPERM]] * 9


async def test_the_processes_are_seen_as_they_are_from_outside(jail: Running) -> None:
    """What the service says of its layers, looked at by somebody else."""
    status = await jail.client.status()
    assert status["layers"]["missing"] == {}
    service, (launcher,) = jail.pid, psutil.Process(jail.pid).children()
    zygotes = launcher.children()
    assert len(zygotes) == 2
    for zygote in zygotes:
        assert zygote.ppid() == launcher.pid
        for kind in ("mnt", "pid", "net", "ipc", "uts"):
            # /proc/PID/ns/pid is the namespace of the process itself.
            assert os.readlink(f"/proc/{zygote.pid}/ns/{kind}") != os.readlink(f"/proc/{service}/ns/{kind}")
        lines = dict(line.split(":", 1) for line in seen(zygote.pid, "status").splitlines())
        assert [*map(int, lines["CapEff"].split())] == [0]
        assert lines["NoNewPrivs"].strip() == "1"
        assert set(os.listdir(f"/proc/{zygote.pid}/root/")) == set()
        assert seen(zygote.pid, "environ") == ""
        network = seen(zygote.pid, "net/dev").splitlines()[2:]
        assert [line.split(":")[0].strip() for line in network] == ["lo"]


async def test_nothing_of_the_application_is_in_there(jail: Running) -> None:
    """Only the package itself, and the test engine."""
    ours = "('engine', 'nodes', 'workers', 'storage', 'conf', 'api', 'cli')"
    source = f"sorted(name for name in sys.modules if name.split('.')[0] in {ours} and 'coderunner' not in name)"
    assert await attempt(jail, source) == ["workers"]
