"""Where Temporal is: the cluster that the settings name, a server that runs on the data folder, or a child of ours."""

from __future__ import annotations

import asyncio
from typing import Final

from cli.complaint import CommandFailed, FolderBusy
from cli.data_folder import DataFolder, TemporalAddress
from cli.listening import url_at
from conf.settings import Settings
from workers.embedded import DataFolderInUse, EmbeddedOptions, EmbeddedTemporal, PortTaken

SEARCH_ATTRIBUTES: Final = (
    "AppOrg", "AppSpace", "AppWorkflow", "AppVersion", "AppRunKind", "AppState", "AppNode", "AppErrorCode",
)  # fmt: skip
"""The same as in `workers.connection`, which cannot be asked: it imports temporalio for half a second, and in that time
the server shall start already. A test compares the two."""

CODEC_PATH: Final = "/api/v1/temporal/codec"
"""The same as in `api.temporal.guests`, for the same reason."""

_OPTIONS: Final = {"gRPC": "--temporal-port", "UI": "--ui-port"}


class TemporalServer:
    """Started early and waited for late: its first half second is well used by importing everything else."""

    def __init__(
        self, settings: Settings, folder: DataFolder, *, adopt: bool = False, own: bool = True, api_url: str = ""
    ) -> None:
        """`adopt`: a server that runs on the folder will do, and is left running. Without `own` there must be one.

        `api_url` is where its pages find the API, which shows them what is encrypted; else where the settings say.
        """
        self._settings = settings
        self._folder = folder
        self._adopt = adopt
        self._own = own
        self._api_url = api_url or _api_url(settings)
        self._child: EmbeddedTemporal | None = None
        self._starting: asyncio.Task[None] | None = None
        self._told: TemporalAddress | None = None
        self._address: TemporalAddress | None = None

    @property
    def embedded(self) -> bool:
        """Whether it is a child of this process."""
        return self._child is not None

    async def begin(self) -> None:
        """Find it, or begin to start it."""
        settings = self._settings
        if settings.temporal_address:
            pages = settings.temporal_ui_url.rstrip("/")
            self._address = TemporalAddress(settings.temporal_address, pages, settings.temporal_namespace, 0)
            return
        if (self._adopt or not self._own) and (running := await self._running()) is not None:
            self._address = running
            return
        if not self._own:
            raise CommandFailed(
                f"No Temporal runs on {self._folder.path}. Start `mainspring temporal` or `mainspring up` there, or set"
                " TEMPORAL_ADDRESS to the address of a cluster."
            )
        self._child = EmbeddedTemporal(self._options())
        self._starting = asyncio.create_task(self._start(self._child), name="temporal start")
        # One turn of the loop takes the start to where the child has been made.
        await asyncio.sleep(0)

    async def ready(self) -> TemporalAddress:
        """Where it is, once it answers. Raises `CommandFailed`."""
        if self._starting is not None and self._child is not None:
            await self._starting
            namespace = self._settings.temporal_namespace
            self._address = TemporalAddress(
                self._child.address, self._child.ui_url or "", namespace, self._child.pid or 0
            )
            self._told = self._address
            self._folder.tell(self._told)
        if self._address is None:
            raise RuntimeError("begin() comes before ready()")
        return self._address

    async def stop(self) -> None:
        """End the child, if there is one."""
        if self._told is not None:
            self._folder.forget(self._told)
            self._told = None
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
            self._starting = None
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def _running(self) -> TemporalAddress | None:
        """The server that runs on the folder, if one does."""
        told = self._folder.temporal()
        if told is None:
            return None
        from workers.embedded import rpc

        return told if await rpc.answers(told.address, told.namespace) else None

    def _options(self) -> EmbeddedOptions:
        settings = self._settings
        return EmbeddedOptions(
            data_dir=self._folder.path,
            grpc_port=settings.temporal_port,
            ui_port=None if settings.temporal_ui_port < 0 else settings.temporal_ui_port,
            durability=settings.temporal_durability,
            namespace=settings.temporal_namespace,
            search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, "Keyword"),
            ui_codec_endpoint=f"{self._api_url}{CODEC_PATH}" if self._api_url and settings.encrypt_payloads else "",
        )

    async def _start(self, child: EmbeddedTemporal) -> None:
        try:
            await child.start()
        except PortTaken as taken:
            option = _OPTIONS.get(str(taken.facts.get("purpose")))
            hint = f" Choose another port with {option}, 0 for any." if option else ""
            raise CommandFailed(f"{taken.message}{hint}") from taken
        except DataFolderInUse as used:
            raise FolderBusy(f"{used.message} (--data-dir names one.)") from used


def _api_url(settings: Settings) -> str:
    """Where the API will be, when another process serves it; nothing when that takes any port."""
    return url_at(settings.host, settings.port) if settings.port else ""
