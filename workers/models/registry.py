"""The models by their names, each behind the layers that count, bound and complete its calls."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from conf.catalogue import Catalogue, ModelKind, load_catalogue
from conf.settings import Settings
from engine.errors import NotFound
from nodes.chat import ChatModel, ModelFailed
from nodes.context import Models
from nodes.ranking import Embedder, Reranker
from storage.model_secret import ModelSecret
from storage.models import SECRET_KIND
from storage.ports import ModelLedger, Quota, Secrets, Throttle
from storage.ports.files import OwnFiles
from workers.egress import EgressClient
from workers.local_models.models import LOCAL, LocalModels
from workers.models.accounts import Account, Books
from workers.models.adapters import chat_adapter, embedding_adapter, rerank_adapter
from workers.models.directory import DEFAULT, Directory, ModelRows
from workers.models.entry import ModelEntry, described
from workers.models.hashed_embedder import HashedEmbedder
from workers.models.kept import Kept, KeptChat, KeptEmbedder, KeptReranker
from workers.models.layers.capable import Capable
from workers.models.layers.fallback import WithFallback
from workers.models.layers.media import WithMedia
from workers.models.layers.metered import Metered, MeteredEmbedder, MeteredReranker
from workers.models.layers.options import WithOptions
from workers.models.layers.turnstile import Throttled, ThrottledEmbedder, ThrottledReranker, Turnstile
from workers.models.provider import ModelConnection
from workers.models.scripted import ScriptedModel
from workers.models.source import CallSite

SCRIPTED: Final = "scripted"
SLOW: Final = "scripted:slow"
SLOW_SECONDS: Final = 0.1
_MOST_KEPT: Final = 200
_UNBOUND: Final = Quota()
_CONFIGURED: Final = "settings"
_MEDIA: Final = frozenset({"images", "audio", "video", "files"})

Make = Callable[[ModelConnection, EgressClient], Any]
"""Makes the adapter of one kind."""


@dataclass(frozen=True)
class ModelStores:
    """What the registry reads and writes: rows of an organisation, the vault, who may go now, and what was spent."""

    rows: Callable[[int], ModelRows]
    secrets: Secrets
    throttle: Throttle
    ledger: ModelLedger


class ModelRegistry:
    """Implements `ModelSource`. Without stores and settings there is the scripted provider, and nothing is counted.

    Neither the scripted provider nor local models are counted: they cost nothing.
    """

    def __init__(
        self,
        egress: EgressClient | None = None,
        stores: ModelStores | None = None,
        *,
        settings: Settings | None = None,
        catalogue: Catalogue | None = None,
        local: LocalModels | None = None,
        files: OwnFiles | None = None,
    ) -> None:
        self._egress = egress
        self._stores = stores
        self._settings = settings or Settings.model_construct()
        self._local = local
        self._files = files
        self._books = None if stores is None else Books(stores.ledger)
        self._kept: OrderedDict[tuple[str, int], Kept[Any]] = OrderedDict()
        # These names mean the same everywhere: a canvas made with them says so.
        self._chats: dict[str, ChatModel] = {SCRIPTED: ScriptedModel(), SLOW: ScriptedModel(delay=SLOW_SECONDS)}
        self._embedders: dict[str, Embedder] = {SCRIPTED: HashedEmbedder()}
        if local is not None:
            self._chats[LOCAL] = local.chat()
            self._embedders[LOCAL] = local.embedder()
        catalogue = catalogue or load_catalogue()
        self._directory = Directory(
            catalogue,
            None if stores is None else stores.rows,
            _configured(self._settings, catalogue),
            {"chat": (DEFAULT, *self._chats), "embedding": (DEFAULT, *self._embedders)},
        )

    def at(self, site: CallSite) -> Models:
        """See `ModelSource`."""
        return _ModelsAt(self, site)

    async def aclose(self) -> None:
        """Write what is to be written, and let go of the providers."""
        if self._books is not None:
            await self._books.aclose()
        while self._kept:
            _, kept = self._kept.popitem()
            await kept.let_go()
        if self._local is not None:
            await self._local.aclose()

    # --- for one place in a run ---------------------------------------------------------------------------------------

    async def chat(self, site: CallSite, name: str, number: Callable[[], int], *, alone: bool = False) -> ChatModel:
        """The chat model of this name; `alone` without those that stand in for it."""
        if (known := self._chats.get(name)) is not None:
            return known
        if (found := await self._reach(site, name, "chat", chat_adapter)) is None:
            return self._chats[SCRIPTED]
        entry, kept = found
        model: ChatModel = KeptChat(kept)
        if (account := self._account(site, entry, number)) is not None:
            model = Metered(model, account)
        if (turnstile := self._turnstile(entry)) is not None:
            model = Throttled(model, turnstile)
        model = WithMedia(
            model,
            name,
            self._way_out(),
            how=entry.media,
            largest=self._settings.model_media_bytes,
            files=self._files,
            org_id=site.run.org_id,
        )
        model = Capable(model, name, entry.facts.capabilities)
        model = WithOptions(model, name, entry.facts, entry.defaults)
        if entry.fallback and not alone:
            model = WithFallback(model, name, entry.fallback, lambda other: self.chat(site, other, number, alone=True))
        return model

    async def takes(self, site: CallSite, name: str) -> frozenset[str]:
        """What the chat model of this name takes beside text: a local one nothing, the scripted one whatever comes."""
        if (known := self._chats.get(name)) is not None:
            return _MEDIA if isinstance(known, ScriptedModel) else frozenset()
        entry = await self._directory.find(site.run.org_id, name, "chat")
        if entry is None:
            return _MEDIA
        return frozenset(what for what in _MEDIA if getattr(entry.facts.capabilities, what))

    async def embedder(self, site: CallSite, name: str, number: Callable[[], int]) -> Embedder:
        """The embedder of this name. `scripted` is one that knows words and no meanings."""
        if (known := self._embedders.get(name)) is not None:
            return known
        if (found := await self._reach(site, name, "embedding", embedding_adapter)) is None:
            return self._embedders[SCRIPTED]
        entry, kept = found
        model: Embedder = KeptEmbedder(kept, entry.facts.dimensions)
        if (account := self._account(site, entry, number)) is not None:
            model = MeteredEmbedder(model, account)
        if (turnstile := self._turnstile(entry)) is not None:
            model = ThrottledEmbedder(model, turnstile)
        return model

    async def reranker(self, site: CallSite, name: str, number: Callable[[], int]) -> Reranker:
        """The reranker of this name."""
        if (found := await self._reach(site, name, "rerank", rerank_adapter)) is None:
            raise ModelFailed(f"There is no rerank model {name[:80]!r}.", reason="not_found", model=name[:80])
        entry, kept = found
        model: Reranker = KeptReranker(kept)
        if (account := self._account(site, entry, number)) is not None:
            model = MeteredReranker(model, account)
        if (turnstile := self._turnstile(entry)) is not None:
            model = ThrottledReranker(model, turnstile)
        return model

    # --- within -------------------------------------------------------------------------------------------------------

    def _way_out(self) -> EgressClient:
        if self._egress is None:
            raise TypeError("A provider is reached through the egress client, so one is needed.")
        return self._egress

    def _account(self, site: CallSite, entry: ModelEntry, number: Callable[[], int]) -> Account | None:
        return None if self._books is None else Account(self._books, site, entry, number)

    def _turnstile(self, entry: ModelEntry) -> Turnstile | None:
        if self._stores is None or entry.quota == _UNBOUND:
            return None
        longest = self._settings.model_wait_seconds
        return Turnstile(self._stores.throttle, f"model/{entry.id}", entry.quota, model=entry.name, longest=longest)

    async def _reach(
        self, site: CallSite, name: str, kind: ModelKind, make: Make
    ) -> tuple[ModelEntry, Kept[Any]] | None:
        """What a name means, and the adapter to it; None for a `default` that nobody has set up."""
        for fresh in (False, True):
            entry = await self._directory.find(site.run.org_id, name, kind, fresh=fresh)
            if entry is None:
                return None
            try:
                return entry, await self._adapter(entry, make)
            except NotFound:
                # The row may just have changed: a new key is kept under a new id, and the old one is gone.
                continue
        raise ModelFailed(
            f"The key of the model {name} is not there any more: set it again.", reason="auth", model=name
        )

    async def _adapter(self, entry: ModelEntry, make: Make) -> Kept[Any]:
        """The adapter of a row as it is now; that of an earlier revision is let go of."""
        place = (entry.id, entry.revision)
        if (kept := self._kept.get(place)) is not None:
            self._kept.move_to_end(place)
            return kept
        # The key is known from here on in the connection alone, which only the adapter has.
        connection = await self._connection(entry)
        if (kept := self._kept.get(place)) is not None:
            return kept
        for other in [other for other in self._kept if other[0] == entry.id and other[1] < entry.revision]:
            if (replaced := self._kept.pop(other, None)) is not None:
                await replaced.let_go()
        while len(self._kept) >= _MOST_KEPT:
            _, oldest = self._kept.popitem(last=False)
            await oldest.let_go()
        egress = self._way_out()
        return self._kept.setdefault(place, Kept(lambda: make(connection, egress)))

    async def _connection(self, entry: ModelEntry) -> ModelConnection:
        """Where it is reached, with its key. Raises `NotFound` when the key is gone."""
        if entry.id == _CONFIGURED:
            return entry.connection(self._settings.model_api_key.get_secret_value())
        if self._stores is None or not entry.secret_id:
            return entry.connection("")
        secret = ModelSecret.parse(await self._stores.secrets.open(entry.org_id, SECRET_KIND, entry.secret_id))
        return entry.connection(secret.api_key, secret.headers)


class _ModelsAt:
    """Implements `Models` for one place in a run. The calls made there are numbered, whichever model they ask."""

    def __init__(self, registry: ModelRegistry, site: CallSite) -> None:
        self._registry = registry
        self._site = site
        self._number: Callable[[], int] = count(1).__next__

    async def chat(self, name: str) -> ChatModel:
        """See `Models`."""
        return await self._registry.chat(self._site, name, self._number)

    async def takes(self, name: str) -> frozenset[str]:
        """See `Models`."""
        return await self._registry.takes(self._site, name)

    async def embedder(self, name: str) -> Embedder:
        """See `Models`."""
        return await self._registry.embedder(self._site, name, self._number)

    async def reranker(self, name: str) -> Reranker:
        """See `Models`."""
        return await self._registry.reranker(self._site, name, self._number)


def _configured(settings: Settings, catalogue: Catalogue) -> ModelEntry | None:
    """The one model that the settings name, if they do."""
    if not settings.model_base_url:
        return None
    name = settings.model_name or DEFAULT
    return ModelEntry(
        id=_CONFIGURED,
        revision=1,
        name=name,
        provider="openai_compatible",
        vendor_model=name,
        facts=described(catalogue, "chat", "openai_compatible", name, {}, name),
        base_url=settings.model_base_url,
    )
