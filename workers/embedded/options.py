"""What an embedded Temporal server is told: the options, and the tuned command line they become."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from workers.embedded.ports import Ports

SearchAttributeType = Literal["Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"]

DATABASE = "temporal.db"

# The dev server has one history shard and production's limits per shard: 20 task dispatches a second. A chain of ten
# activities takes 551 ms with these limits and 84–98 ms without. Its requests all come from this machine, so the rate
# limits of the doors are lifted too.
_TUNING: Mapping[str, JsonValue] = {
    "history.transferProcessorMaxPollRPS": 2000,
    "history.transferProcessorMaxPollHostRPS": 5000,
    "history.timerProcessorMaxPollRPS": 500,
    "history.visibilityProcessorMaxPollRPS": 50,
    # Unless told otherwise the server rounds every timer up to a second, as the clocks of a cluster may differ: a pause
    # of a millisecond, and the one before another worker takes a step over, take 1,010 ms. Here is one clock.
    "history.timerProcessorMaxTimeShift": "1ms",
    # One partition instead of four: with few pollers a burst otherwise waits for tasks to be forwarded.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    "frontend.rps": 20000,
    "frontend.namespaceRPS": 20000,
    "history.rps": 50000,
    "matching.rps": 50000,
    "system.enableEagerWorkflowStart": True,
}

# The server reads nothing of the user's own Temporal settings; what tunes its runtime may be set by the operator.
_KEPT_VARIABLES = ("TZ", "TMPDIR", "GOGC", "GOMAXPROCS", "GOMEMLIMIT")


@dataclass(frozen=True)
class EmbeddedOptions:
    """How to run the server. It asks nobody who they are, so `ip` is a loopback address.

    A port of 0 picks a free one, which then stays for the life of the server object; a `ui_port` of None means no UI.
    `durability="normal"` survives the death of every process, `"full"` also a power cut, for about 30 % more latency.
    At most ten search attributes may be of type `Keyword`: SQLite visibility has no more columns.
    `ui_codec_endpoint` is where the UI sends payloads that it cannot read; everybody who reaches the UI sees it.
    """

    data_dir: Path
    grpc_port: int = 7233
    ui_port: int | None = 8233
    ip: str = "127.0.0.1"
    durability: Literal["normal", "full"] = "normal"
    namespace: str = "default"
    search_attributes: Mapping[str, SearchAttributeType] = field(default_factory=dict[str, SearchAttributeType])
    retention_days: int | None = None
    ui_codec_endpoint: str = ""
    dynamic_config: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    binary: Path | None = None
    start_timeout: float = 30.0

    @property
    def log_file(self) -> Path:
        return self.data_dir / "temporal.log"

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return {"HOME": str(self.data_dir.absolute()), **kept}

    def arguments(self, ports: Ports) -> list[str]:
        """The arguments of `temporal`, which must be started in the data folder.

        The database is named without its folder: the name becomes part of a URL, where a `?` would mean something.
        """
        arguments = ["server", "start-dev", "--color", "never", "--ip", self.ip, "--port", str(ports.grpc)]
        arguments += ["--http-port", str(ports.http), "--metrics-port", str(ports.metrics)]
        if ports.ui is None:
            arguments.append("--headless")
        else:
            arguments += ["--ui-ip", self.ip, "--ui-port", str(ports.ui), "--ui-disable-news-fetch"]
            if self.ui_codec_endpoint:
                arguments += ["--ui-codec-endpoint", self.ui_codec_endpoint]
        arguments += ["--db-filename", DATABASE, "--sqlite-pragma", "journal_mode=WAL"]
        arguments += ["--sqlite-pragma", f"synchronous={self.durability.upper()}"]
        if self.namespace != "default":
            arguments += ["--namespace", self.namespace]
        for name, kind in self.search_attributes.items():
            arguments += ["--search-attribute", f"{name}={kind}"]
        for key, value in {**_TUNING, **self.dynamic_config}.items():
            arguments += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
        return arguments
