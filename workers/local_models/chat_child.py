"""The process that serves the local chat model: llama.cpp's own server, which speaks OpenAI's protocol."""

from __future__ import annotations

import importlib
import os
import secrets
import signal
import sys
from typing import Any, Final

from workers.local_models.installed import CHAT_ENGINE, CHAT_MODEL, chat_weights
from workers.local_models.telling import Listening, tell

_CONTEXT_TOKENS: Final = 4_096
_ANSWERS_AT_ONCE: Final = 2


def main(descriptor: int) -> None:
    """Load the model, serve it on a free port of loopback, and stay until one is told to go."""
    weights = chat_weights()
    if weights is None:
        sys.exit("The local model is not installed.")
    engine: Any = importlib.import_module(CHAT_ENGINE)
    wishes: Any = engine.CommonParams()
    wishes.model.path = str(weights)
    wishes.model_alias = {CHAT_MODEL}
    wishes.hostnames = ["127.0.0.1"]
    wishes.port = 0
    key = secrets.token_urlsafe(24)
    wishes.api_keys = [key]
    wishes.n_ctx = _CONTEXT_TOKENS * _ANSWERS_AT_ONCE
    wishes.n_parallel = _ANSWERS_AT_ONCE
    # As many threads as cores that we may use, or they wait for each other.
    wishes.cpuparams.n_threads = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    server: Any = engine.Server(wishes)
    tell(descriptor, Listening(f"{server.listening_address}/v1", key))
    # Whatever signal comes ends the process: the engine's own end would wait for answers that nobody reads any more.
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]))
