"""Where a process of the tree begins: with no environment, no site, and only the paths that it is handed."""

import json
import os
import signal
import socket
import sys


def main() -> int:
    """`serve PARENT OPTIONS`, or `launch PARENT DESCRIPTOR KIND OPTIONS`."""
    role, parent, *rest = sys.argv[1:]
    sys.path += json.loads(rest[-1])["paths"]
    os.environ.clear()
    # What is imported here every child pays for: asyncio does without TLS, of which there is none.
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio as asyncio

    del sys.modules["ssl"]

    from workers.coderunner.options import Options

    options = Options.from_json(rest[-1])
    if role == "serve":
        from workers.coderunner.service import serve

        return serve(options, int(parent))
    from workers.coderunner import kernel
    from workers.coderunner.launcher import launch

    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != int(parent):
        return 0
    launch(options, rest[1], socket.socket(fileno=int(rest[0])))


if __name__ == "__main__":
    sys.exit(main())
