"""Models that nodes may ask for, and the providers that offer them."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.json_response import write_json
from api.models.draft import has_key, header_names, shown_options
from api.models.schemas import (
    KeyOut,
    ModelChange,
    ModelIn,
    ModelOut,
    ModelPage,
    ModelRef,
    ModelSaved,
    Providers,
    TrialOut,
)
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import ModelsDep, StoresDep
from api.reading import strict_route
from conf.catalogue import load_catalogue
from nodes.probe import ProbeResult
from storage.models import INSTANCE, ModelKind
from storage.tables import Model

router = APIRouter(tags=["models"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.MODEL_VIEW)]
Editor = Annotated[Member, require(Permission.MODEL_EDIT)]


@router.get("/providers", response_model=Providers, responses=problems(401, 403))
async def list_providers(member: Viewer) -> Response:
    """List the providers with what is known of their models. Models that are not known here work all the same."""
    return Response(_providers(), media_type="application/json")


@router.post("/models", status_code=201, responses=problems(400, 401, 403, 409, 413, 415, 422))
async def create_model(body: ModelIn, member: Editor, actor: ActorDep, models: ModelsDep) -> ModelSaved:
    """Set a model up. It is tried with one short call first; what the provider says comes back."""
    model, tried = await models.create(body, member, actor)
    return ModelSaved(**_shown(model, await models.hints([model])), test=_trial(tried))


@router.get("/models", responses=problems(401, 403, 422))
async def list_models(
    member: Viewer,
    stores: StoresDep,
    models: ModelsDep,
    kind: Annotated[ModelKind | None, Query(description="Only those of this kind.")] = None,
    search: Annotated[str, Query(max_length=200, description="A part of a key, title or vendor's name.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ModelPage:
    """List one's own models and those of the instance, the newest first."""
    page = await stores.models(member.org_id).page(kind=kind, search=search, cursor=cursor, limit=limit)
    hints = await models.hints(page.items)
    return ModelPage(items=[ModelOut(**_shown(one, hints)) for one in page.items], next_cursor=page.next)


@router.post("/models/test", responses=problems(400, 401, 403, 413, 415, 422))
async def test_new_model(body: ModelIn, member: Editor, models: ModelsDep) -> TrialOut:
    """Try a model with one short call, and store nothing."""
    return TrialOut.model_validate(await models.try_new(body, member), from_attributes=True)


@router.get("/models/{model}", responses=problems(401, 403, 404))
async def get_model(model: ModelRef, member: Viewer, stores: StoresDep, models: ModelsDep) -> ModelOut:
    """One model."""
    found = await stores.models(member.org_id).get(model)
    return ModelOut(**_shown(found, await models.hints([found])))


@router.patch("/models/{model}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_model(
    model: ModelRef, body: ModelChange, member: Editor, actor: ActorDep, models: ModelsDep
) -> ModelSaved:
    """Change a model. When calls would be other calls afterwards it is tried first, as it would be then."""
    changed, tried = await models.change(model, body, member, actor)
    return ModelSaved(**_shown(changed, await models.hints([changed])), test=_trial(tried))


@router.delete("/models/{model}", status_code=204, responses=problems(401, 403, 404))
async def delete_model(model: ModelRef, member: Editor, actor: ActorDep, models: ModelsDep) -> Response:
    """Take a model away, and its key for good. What it cost stays known."""
    await models.delete(model, member, actor)
    return Response(status_code=204)


@router.post("/models/{model}/test", responses=problems(401, 403, 404))
async def test_model(model: ModelRef, member: Editor, models: ModelsDep) -> TrialOut:
    """Try a model as it is with one short call."""
    return TrialOut.model_validate(await models.try_stored(model, member), from_attributes=True)


@cache
def _providers() -> bytes:
    providers = load_catalogue().providers.values()
    return write_json({"items": [one.model_dump(mode="json") for one in providers]})


def _trial(tried: ProbeResult | None) -> TrialOut | None:
    return None if tried is None else TrialOut.model_validate(tried, from_attributes=True)


def _shown(model: Model, hints: dict[int, str | None]) -> dict[str, Any]:
    last4 = hints[model.id]
    return {
        "id": str(model.id),
        "key": model.key,
        "title": model.title,
        "kind": model.kind,
        "provider": model.provider,
        "vendor_model": model.vendor_model,
        "base_url": model.base_url,
        "api_key": KeyOut(set=has_key(model), last4=last4 or ""),
        "headers": {name: KeyOut(set=True) for name in header_names(model)},
        "options": shown_options(model),
        "defaults": model.defaults,
        "capabilities": model.capabilities,
        "quota": model.quota,
        "patience": model.patience,
        "prices": model.prices,
        "fallback": model.fallback,
        "media": model.media,
        "is_default": bool(model.is_default),
        "enabled": bool(model.enabled),
        "instance": model.org_id == INSTANCE,
        "revision": model.revision,
        "created": model.created,
        "updated": model.updated,
    }
