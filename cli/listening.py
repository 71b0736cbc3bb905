"""The socket of the API: taken before anything else is done, so that a taken port is known at once."""

from __future__ import annotations

import errno
import socket
from typing import Final

from cli.complaint import CommandFailed
from conf.settings import Settings

_BACKLOG: Final = 1_024


def bind(settings: Settings) -> socket.socket:
    """Take the port; 0 takes any. Raises `CommandFailed` that names it when it is not to be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((settings.host, settings.port))
        taken.listen(_BACKLOG)
    except OSError as problem:
        taken.close()
        where = f"{settings.host}:{settings.port}"
        if problem.errno == errno.EADDRINUSE:
            why = f"Another process listens on {where}, where the API should be."
        else:
            why = f"The API cannot listen on {where}: {problem.strerror or problem}."
        raise CommandFailed(f"{why} Choose another port with --port, 0 for any.", port=settings.port) from problem
    return taken


def url_of(listening: socket.socket) -> str:
    """How clients on this machine reach it."""
    host, port = listening.getsockname()[:2]
    return url_at(host, port)


def url_at(host: str, port: int) -> str:
    """The address of an API that listens there, from this machine."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
