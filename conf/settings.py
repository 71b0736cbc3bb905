"""The settings: environment variables with the prefix MAINSPRING_, each with a default that works on a bare machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can choose. An absent address means the embedded adapter. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="MAINSPRING_", extra="ignore", frozen=True)

    data_dir: Path = Path("data")
    """One folder holds everything: database, blobs, Temporal's file, logs, the first token."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8888
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    mode: Literal["development", "production"] = "development"
    """In `production` nothing starts without what keeps it safe; in `development` it says loudly what is missing."""
    encryption_key: SecretStr = SecretStr("")
    """What keys and payloads are encrypted with: `id:base64`, the current one first; empty means `encryption-key` in
    the data folder, made at the first start."""
    encryption_key_file: str = ""
    """A file that holds the same."""

    temporal_address: Annotated[str, Field(validation_alias="TEMPORAL_ADDRESS")] = ""
    """Host and port of a Temporal cluster; empty means a supervised child of our own."""
    temporal_namespace: Annotated[str, Field(validation_alias="TEMPORAL_NAMESPACE")] = "default"
    temporal_port: Annotated[int, Field(ge=0, le=65_535)] = 7233
    temporal_ui_port: Annotated[int, Field(ge=-1, le=65_535)] = 8233
    """-1 leaves the UI out."""
    temporal_ui_url: str = ""
    """Where the UI of a cluster is; of a server of our own it is known."""
    temporal_durability: Literal["normal", "full"] = "normal"
    """`full` syncs every commit of the embedded Temporal: about 30 % slower, and a power cut loses nothing."""
    temporal_wait_seconds: Annotated[float, Field(ge=0)] = 60.0
    """How long a worker or an API that starts waits for a Temporal that is not its own: all may start at once."""
    task_queue: str = "mainspring"
    encrypt_payloads: bool = True
    """Encrypt what Temporal keeps of a run. Off, new payloads are in clear; what is encrypted is still read."""

    run_in_place: bool = True
    """Walk a synchronous run of a plan of inline steps alone within the API process."""
    run_timeout_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """The longest a run may take, waiting for people included."""
    reconcile_seconds: Annotated[float, Field(gt=0)] = 15.0
    """How often runs of which nothing was heard for as long are compared with Temporal."""

    egress_allow: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses that may be called although they are private: `host`, `host:port` or CIDR, separated by commas."""
    egress_body_bytes: Annotated[int, Field(ge=1_024)] = 10 * 1024 * 1024
    """The largest answer that an HTTP request takes; what a node hands on may be as large as `value_bytes`."""

    model_base_url: str = ""
    """An OpenAI-compatible server, for the model named `default`; empty means the scripted provider."""
    model_name: str = ""
    model_api_key: SecretStr = SecretStr("")
    model_wait_seconds: Annotated[float, Field(ge=0)] = 30.0
    """How long a call waits for its turn at a model whose own limits are reached; then its node tries again later."""
    model_media_bytes: Annotated[int, Field(ge=1_024)] = 20 * 1024 * 1024
    """The largest picture, sound, film or file that is fetched for a model."""

    code_processes: Annotated[int, Field(ge=0, le=64)] = 0
    """Zygotes of the code runner, each with up to four tasks under way; 0: as many as cores, at most four."""
    code_modules: Annotated[tuple[str, ...], NoDecode] = ()
    """Further modules that Python code may import, separated by commas; they must be installed."""
    code_language_layer: Literal["restricted", "off"] = "restricted"
    """`off` runs Python code as it is; the jail around it stays."""
    code_seconds: Annotated[int, Field(ge=1, le=600)] = 5
    """The longest that code may compute; what only waits is bounded by the timeout of its node."""
    code_memory_mb: Annotated[int, Field(ge=16, le=65_536)] = 128
    """What code may take, beyond the interpreter itself."""
    code_per_organisation: Annotated[int, Field(ge=1)] = 4
    """Tasks of one organisation under way at once; further ones wait for their turn."""

    table_text_bytes: Annotated[int, Field(ge=1_024, le=16 * 1024 * 1024)] = 1024 * 1024
    """The longest text in a field of a user table."""
    table_result_bytes: Annotated[int, Field(ge=1_024)] = 8 * 1024 * 1024
    """The most that is read of a user table at once."""
    table_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    """The longest that a statement on a user table may take."""
    table_organisation_bytes: Annotated[int, Field(ge=1024 * 1024)] = 1024 * 1024 * 1024
    """The most that the user tables of one organisation may take on the disk."""

    canvas_bytes: int = 5 * 1024 * 1024
    canvas_nodes: int = 1_000
    canvas_depth: int = 64
    executed_steps: int = 100_000
    subflow_depth: int = 20
    inline_value_bytes: Annotated[int, Field(ge=1_024, le=1_500_000)] = 256 * 1024
    run_input_bytes: int = 10 * 1024 * 1024
    import_bytes: int = 32 * 1024 * 1024
    value_bytes: int = 64 * 1024 * 1024
    template_bytes: int = 64 * 1024
    rendered_bytes: int = 2 * 1024 * 1024
    batch_items: int = 100_000
    batch_concurrency: int = 64
    loop_turns: int = 100_000
    in_place_steps: int = 2_000

    @field_validator("egress_allow", "code_modules", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
