"""The filter of system calls, run here as the kernel would run it, for both kinds of processor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.coderunner.seccomp import compiled, program
from workers.coderunner.syscalls import MACHINES, this_machine

ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000
X86, ARM = MACHINES["x86_64"], MACHINES["aarch64"]
# Numbers as the kernel's own tables give them: x86-64, aarch64.
# fmt: off
GIVEN = {"read": (0, 63), "write": (1, 64), "brk": (12, 214), "futex": (202, 98), "exit_group": (231, 94),
         "clock_gettime": (228, 113), "getrandom": (318, 278), "munmap": (11, 215), "rt_sigreturn": (15, 139)}
KEPT = {"open": (2, None), "openat": (257, 56), "openat2": (437, 437), "socket": (41, 198), "connect": (42, 203),
        "clone": (56, 220), "clone3": (435, 435), "fork": (57, None), "vfork": (58, None), "execve": (59, 221),
        "execveat": (322, 281), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "ptrace": (101, 117),
        "prctl": (157, 167), "seccomp": (317, 277), "ioctl": (16, 29), "memfd_create": (319, 279), "bpf": (321, 280),
        "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "unshare": (272, 97), "setns": (308, 268),
        "mount": (165, 40), "dup": (32, 23), "fcntl": (72, 25), "sendmsg": (46, 211), "recvmsg": (47, 212),
        "process_vm_readv": (310, 270), "pidfd_send_signal": (424, 424), "setrlimit": (160, 164), "bind": (49, 200),
        "setuid": (105, 146), "personality": (135, 92), "keyctl": (250, 219), "shmget": (29, 194), "pipe2": (293, 59),
        "perf_event_open": (298, 241), "name_to_handle_at": (303, 264), "timer_create": (222, 107)}
# fmt: on


def verdict(kind: str, number: int, *arguments: int, audit: int | None = None) -> int:
    machine = MACHINES[kind]
    words = {0: number & 0xFFFFFFFF, 4: machine.audit if audit is None else audit}
    for place, value in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6]):
        words[16 + 8 * place], words[20 + 8 * place] = value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF
    steps, at, held = program(machine), 0, 0
    while True:
        operation, if_so, if_not, operand = steps[at]
        at += 1
        match operation:
            case 0x20:
                held = words[operand]
            case 0x15:
                at += if_so if held == operand else if_not
            case 0x35:
                at += if_so if held >= operand else if_not
            case 0x45:
                at += if_so if held & operand else if_not
            case 0x06:
                return operand
            case _:
                raise AssertionError(operation)


@pytest.mark.parametrize(("column", "kind"), [*enumerate(MACHINES)])
def test_what_a_task_needs_is_allowed_and_what_reaches_out_is_not(column: int, kind: str) -> None:
    assert {name: verdict(kind, row[column] or 0) for name, row in GIVEN.items()} == dict.fromkeys(GIVEN, ALLOW)
    kept = {name: number for name, row in KEPT.items() if (number := row[column]) is not None}
    assert {name: verdict(kind, number) for name, number in kept.items()} == dict.fromkeys(kept, REFUSE)


@pytest.mark.parametrize(("kind", "mmap", "mprotect"), [("x86_64", 9, 10), ("aarch64", 222, 226)])
@given(st.integers(0, 2**64 - 1))
def test_memory_is_given_unless_it_can_be_executed(kind: str, mmap: int, mprotect: int, protection: int) -> None:
    expected = REFUSE if protection & 4 else ALLOW
    assert verdict(kind, mmap, 0, 4096, protection) == expected
    assert verdict(kind, mprotect, 0, 4096, protection) == expected


@pytest.mark.parametrize(("kind", "number"), [("x86_64", 302), ("aarch64", 261)])
def test_limits_may_be_looked_at_and_not_set(kind: str, number: int) -> None:
    assert verdict(kind, number, 0, 7, 0) == ALLOW
    for process, new in ((1, 0), (0, 0x1000), (0, 0x7000_0000_0000)):
        assert verdict(kind, number, process, 7, new) == REFUSE


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_call_of_another_architecture_kills(number: int, audit: int) -> None:
    for kind, machine in MACHINES.items():
        if audit != machine.audit:
            assert verdict(kind, number, audit=audit) == KILL


@given(st.integers(0x40000000, 0xFFFFFFFF))
def test_the_second_table_of_an_x86_kills(number: int) -> None:
    assert verdict("x86_64", number) == KILL
    assert verdict("aarch64", number) == REFUSE


@given(st.integers(500, 0x3FFFFFFF))
def test_calls_that_nobody_knows_yet_are_refused(number: int) -> None:
    assert {verdict(kind, number) for kind in MACHINES} == {REFUSE}


def test_jumps_stay_within_the_program() -> None:
    for machine in (X86, ARM):
        steps = program(machine)
        assert all(at + 1 + max(step[1], step[2]) < len(steps) for at, step in enumerate(steps) if step[0] & 7 == 5)
        assert all(0 <= step[1] < 256 and 0 <= step[2] < 256 for step in steps)


def test_the_kernel_reads_eight_bytes_a_step() -> None:
    assert len(compiled().instructions) == 8 * len(program(this_machine() or X86))
