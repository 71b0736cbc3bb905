"""The ports of an embedded server: chosen once, checked before every start."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.embedded.errors import PortTaken

# A server whose parent was killed dies too, but its sockets may close a moment after its hold on the data folder.
_GRACE = 0.5
_POLL = 0.02


@dataclass(frozen=True)
class Ports:
    """Where one server listens, through all its restarts: clients reconnect to the address they know."""

    grpc: int
    ui: int | None
    http: int
    metrics: int

    @classmethod
    def choose(cls, ip: str, *, grpc: int, ui: int | None) -> Ports:
        """Keep the ports asked for and pick free ones for the rest; a 0 asks for any."""
        free = _free_ports(ip)
        return cls(
            grpc=grpc or next(free),
            ui=next(free) if ui == 0 else ui,
            http=next(free),
            metrics=next(free),
        )

    def named(self) -> dict[str, int]:
        """Each port by what it is for."""
        named = {"gRPC": self.grpc, "UI": self.ui, "HTTP": self.http, "metrics": self.metrics}
        return {purpose: port for purpose, port in named.items() if port is not None}


async def wait_until_free(ip: str, ports: Ports) -> None:
    """Return when nobody listens on any of the ports; PortTaken if that takes longer than a dying server would."""
    deadline = asyncio.get_running_loop().time() + _GRACE
    for purpose, port in ports.named().items():
        while not _is_free(ip, port):
            if asyncio.get_running_loop().time() > deadline:
                message = f"Another process listens on {ip}:{port}, where the {purpose} port of Temporal should be."
                raise PortTaken(message, ip=ip, port=port, purpose=purpose)
            await asyncio.sleep(_POLL)


async def accepts(ip: str, port: int) -> bool:
    """Whether somebody takes a connection there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(probe, (ip, port))
        except OSError:
            return False
        return True


def _is_free(ip: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the server itself does: a connection that is only waiting to be forgotten does not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as problem:
            if problem.errno == errno.EADDRINUSE:
                return False
            message = f"Temporal cannot listen on {ip}:{port}: {problem.strerror}."
            raise PortTaken(message, ip=ip, port=port) from problem
        return True


def _free_ports(ip: str) -> Iterator[int]:
    """Free ports, each once, below those the system hands out for outgoing connections.

    A port from that range could be lost while the server restarts: to anybody's outgoing connection, even to a client
    that tries to reach the very port, is given it as its own and so connects to itself.
    """
    given: set[int] = set()
    while True:
        port = random.randrange(20_000, _first_outgoing_port())  # noqa: S311 - spreads servers out, keeps no secret
        if port not in given and _is_free(ip, port):
            given.add(port)
            yield port


def _first_outgoing_port() -> int:
    # Only Linux has the file; elsewhere the range begins at 49152.
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(setting.read_text().split()[0]) if setting.exists() else 49_152
    # Where the range was widened so far down that nothing is left below it, the old border must do.
    return first if first > 21_000 else 32_768
