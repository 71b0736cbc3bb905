"""The filter of system calls: a program for the kernel that allows what is listed and refuses all else."""

from __future__ import annotations

import ctypes
import errno
import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

from workers.coderunner.kernel import prctl
from workers.coderunner.syscalls import Machine, this_machine

_SET_SECCOMP, _FILTER = 22, 2
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH = 0, 4
_X32: Final = 0x40000000
_PROT_EXEC: Final = 4

Instruction = tuple[int, int, int, int]
"""Operation, how far to jump if it holds, and if it does not, operand."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def program(machine: Machine) -> list[Instruction]:
    """The filter. A call of another architecture kills: its numbers mean other calls."""
    refuse: Instruction = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    allow: Instruction = (_RETURN, 0, 0, _ALLOW)
    kill: Instruction = (_RETURN, 0, 0, _KILL)
    made: list[Instruction] = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, machine.audit), kill, (_LOAD, 0, 0, _NUMBER)]
    if machine.x32:
        made += [(_AT_LEAST, 0, 1, _X32), kill]
    for number in machine.allowed:
        made += [(_EQUAL, 0, 1, number), allow]
    for number in machine.memory:
        made += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, _low(2)), (_ANY_BIT, 0, 1, _PROT_EXEC), refuse, allow]
    for number in machine.limits:
        nothing = [
            step for word in (_low(0), _low(2), _high(2)) for step in ((_LOAD, 0, 0, word), (_EQUAL, 1, 0, 0), refuse)
        ]
        made += [(_EQUAL, 0, len(nothing) + 1, number), *nothing, allow]
    return [*made, refuse]


def install() -> None:
    """From here on this process, which can never get rid of it. Raises `OSError`."""
    prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(compiled().program))


@dataclass(frozen=True)
class Compiled:
    """A filter as the kernel reads it; the program points into the instructions."""

    instructions: ctypes.Array[ctypes.c_char]
    program: _Program


@cache
def compiled() -> Compiled:
    """The filter of this machine. Asked for once before there are children: it takes a while. Raises `OSError`."""
    machine = this_machine()
    if machine is None:
        raise OSError(errno.ENOSYS, "There is no filter of system calls for this kind of processor")
    code = b"".join(struct.pack("HBBI", *step) for step in program(machine))
    held = ctypes.create_string_buffer(code, len(code))
    return Compiled(held, _Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p)))


def _low(argument: int) -> int:
    """Where the lower half of an argument is: both kinds of processor put it first."""
    return 16 + 8 * argument


def _high(argument: int) -> int:
    return _low(argument) + 4
