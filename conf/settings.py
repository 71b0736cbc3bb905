"""The settings: environment variables with the prefix MAINSPRING_, each with a default that works on a bare machine."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator can choose. An absent address means the embedded adapter. Sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="MAINSPRING_", extra="ignore", frozen=True)

    data_dir: Path = Path("data")
    """One folder holds everything: database, blobs, Temporal's file, logs, the first token."""
    space: str = ""
    """In which commands work, by its id or key; empty: where the token is at home."""
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
    open_run_seconds: Annotated[float, Field(gt=0, le=3_600)] = 600.0
    """How long `POST /v1/workflow/run` waits for the end of a run; the run itself goes on after that."""
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

    file_bytes: Annotated[int, Field(ge=1_024)] = 512 * 1024 * 1024
    """The largest file that may be uploaded."""
    file_space_bytes: Annotated[int, Field(ge=1_024)] = 10 * 1024 * 1024 * 1024
    """The most that the files of one space may have together."""
    file_types: Annotated[tuple[str, ...], NoDecode] = ()
    """Endings of the names of files that may be uploaded, separated by commas; empty: all kinds that are known."""

    public_urls: Annotated[tuple[str, ...], NoDecode] = ()
    """The addresses by which programs reach this server, separated by commas: what an OAuth application signs must be
    meant for one of them. None: for the host that the request names, but in `production`."""
    token_requests_per_minute: Annotated[int, Field(ge=0)] = 1_200
    """Of one token, or one browser that is logged in, in one process; 0: no bound. So with all that follow."""
    token_runs_per_minute: Annotated[int, Field(ge=0)] = 300
    guest_requests_per_minute: Annotated[int, Field(ge=0)] = 120
    """Of one end user in a space, whichever of his tokens he shows."""
    guest_runs_per_minute: Annotated[int, Field(ge=0)] = 20
    account_requests_per_minute: Annotated[int, Field(ge=0)] = 6_000
    account_runs_per_minute: Annotated[int, Field(ge=0)] = 1_200
    organisation_requests_per_minute: Annotated[int, Field(ge=0)] = 60_000
    organisation_runs_per_minute: Annotated[int, Field(ge=0)] = 12_000
    stranger_requests_per_minute: Annotated[int, Field(ge=0)] = 300
    """Of one address from which nobody is known: wrong tokens, and applications that ask for theirs."""

    administrator: str = "administrator@mainspring.local"
    """The address of the account that the first start makes; its password is printed then, once."""
    registration: Literal["closed", "open", "listed"] = "closed"
    """Whether people may make accounts for themselves: nobody, everybody, or those of `registration_allow`."""
    registration_allow: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses and domains, separated by commas. Nothing proves that an address is its owner's."""
    login_attempts: Annotated[int, Field(ge=1)] = 10
    """How often within 15 minutes one may try to log in with an account, from one address."""
    login_attempts_per_address: Annotated[int, Field(ge=1)] = 100
    """How often from one address, with whatever accounts: a whole office may share one."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or CIDR of proxies that are believed who asks and whether by https, separated by commas."""

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

    @field_validator(
        "egress_allow",
        "code_modules",
        "file_types",
        "public_urls",
        "registration_allow",
        "trusted_proxies",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one, strict=False)
        return value
