"""The rules around models: what is saved was tried, and a key goes nowhere but where it was given for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from api.access import Member, Permission
from api.errors import InvalidRequest, ModelTestFailed, PermissionDenied
from api.models.checks import check
from api.models.draft import (
    ModelDraft,
    changed_draft,
    changes_of,
    given_secret,
    is_called_otherwise,
    is_elsewhere,
    new_draft,
    new_settings,
    stored_draft,
    stored_options,
)
from api.models.schemas import ModelChange, ModelIn
from conf.catalogue import load_catalogue
from engine.errors import Conflict, NotFound
from nodes.probe import ModelProbe, ProbeResult
from storage.audit import Actor, Deed, Note
from storage.model_secret import ModelSecret
from storage.models import INSTANCE, SECRET_KIND, ModelRepository
from storage.stores import Stores
from storage.tables import Model
from storage.vault import last4_of

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_HIDDEN = "•••"
_ALWAYS = ("scripted", "local")
"""Names that no row has and that may stand in for one."""
NAMES_ALWAYS_THERE = ("default", *_ALWAYS)
"""Names that nodes may ask for without anybody having set a model up."""


class ModelService:
    """Sets models up, changes and tries them. `probe` is missing where this process has no way out."""

    def __init__(self, stores: Stores, probe: ModelProbe | None) -> None:
        self._stores = stores
        self._probe = probe

    async def create(self, body: ModelIn, member: Member, actor: Actor) -> tuple[Model, ProbeResult | None]:
        """A new model, and what trying it gave."""
        org_id = INSTANCE if body.instance else member.org_id
        models = self._owned(org_id, member)
        draft = new_draft(body)
        check(draft, load_catalogue())
        await self._check_fallback(body.fallback, draft.kind, models, body.key)
        await self._check_free(body.key, org_id, models)
        tried = await self._try(draft) if body.test and body.enabled else None
        secret_id = await self._keep(org_id, draft.secret)
        try:
            settings = new_settings(body, draft.secret, secret_id)
            return await models.create(settings, _note(actor, "model.create", org_id)), tried
        except BaseException:  # whatever it was, a cancellation too: no key stays behind without its model
            await self._forget(org_id, secret_id)
            raise

    async def change(
        self, ref: str, body: ModelChange, member: Member, actor: Actor
    ) -> tuple[Model, ProbeResult | None]:
        """A model as it is then, and what trying it gave."""
        model = await self._stores.models(member.org_id).get(ref)
        models = self._owned(model.org_id, member)
        if body.revision != model.revision:
            raise Conflict("The model has changed since you opened it.", revision=model.revision)
        if body.fallback is not None:
            await self._check_fallback(body.fallback, model.kind, models, body.key or model.key)
        changes, note = changes_of(body), _note(actor, "model.change", model.org_id)
        if not is_called_otherwise(body):
            return await models.change(model.id, changes, revision=body.revision, note=note), None
        before = await self._secret(model)
        draft = changed_draft(model, body, _secret_after(body, before))
        _check_kept(draft, model, body)
        check(draft, load_catalogue())
        enabled = model.enabled if body.enabled is None else body.enabled
        tried = await self._try(draft) if body.test and enabled else None
        changes["options"] = stored_options(draft.options, draft.secret)
        if draft.secret == before:
            return await models.change(model.id, changes, revision=body.revision, note=note), tried
        # Under a new id: who still has the row as it was finds no key, and sends none to the address that was.
        secret_id = await self._keep(model.org_id, draft.secret)
        changes["secret_id"] = int(secret_id) if secret_id else None
        try:
            changed = await models.change(model.id, changes, revision=body.revision, note=note)
        except BaseException:  # as above
            await self._forget(model.org_id, secret_id)
            raise
        await self._forget(model.org_id, "" if model.secret_id is None else str(model.secret_id))
        return changed, tried

    async def delete(self, ref: str, member: Member, actor: Actor) -> None:
        """Take a model out of sight, and its key out of the vault."""
        model = await self._stores.models(member.org_id).get(ref)
        note = _note(actor, "model.delete", model.org_id)
        await self._owned(model.org_id, member).delete(model.id, note)
        await self._forget(model.org_id, "" if model.secret_id is None else str(model.secret_id))

    async def try_stored(self, ref: str, member: Member) -> ProbeResult:
        """Try a model as it is."""
        model = await self._stores.models(member.org_id).get(ref)
        self._owned(model.org_id, member)
        return await self._ask(stored_draft(model, await self._secret(model)))

    async def try_new(self, body: ModelIn, member: Member) -> ProbeResult:
        """Try a model that is not stored, and store nothing."""
        draft = new_draft(body)
        check(draft, load_catalogue())
        return await self._ask(draft)

    async def hints(self, models: Sequence[Model]) -> dict[int, str | None]:
        """What may be shown of the key of each model, by its id; None where there is no key."""
        found: dict[int, str | None] = {}
        for org_id in {model.org_id for model in models}:
            mine = [model for model in models if model.org_id == org_id]
            ids = [str(model.secret_id) for model in mine if model.secret_id is not None]
            known = await self._stores.secrets.hints(str(org_id), SECRET_KIND, ids) if ids else {}
            found |= {model.id: known.get(str(model.secret_id)) for model in mine}
        return found

    # --- rules --------------------------------------------------------------------------------------------------------

    def _owned(self, org_id: int, member: Member) -> ModelRepository:
        """The models that the member is about to change."""
        if org_id != INSTANCE:
            return self._stores.models(member.org_id)
        if Permission.MODEL_EDIT_INSTANCE not in member.permissions:
            raise PermissionDenied(
                "This token may not change the models of the instance.",
                permission=Permission.MODEL_EDIT_INSTANCE.value,
            )
        return self._stores.instance_models()

    async def _check_free(self, key: str, org_id: int, models: ModelRepository) -> None:
        """Before anything is called and paid for."""
        try:
            taken = (await models.get(key)).org_id == org_id
        except NotFound:
            return
        if taken:
            raise Conflict("Another model has this key.", field="key", key=key)

    async def _check_fallback(self, names: Sequence[str], kind: str, models: ModelRepository, key: str) -> None:
        known = {*await models.names(kind), *_ALWAYS}  # type: ignore[arg-type]  # of a stored model, or a checked one
        for number, name in enumerate(names):
            if name == key:
                why = "A model does not stand in for itself."
            elif name not in known:
                why = f"There is no {kind} model {name!r}; there are: {', '.join(sorted(known))}."
            elif name in names[:number]:
                why = f"{name} is named twice."
            else:
                continue
            raise _wrong(f"fallback.{number}", "invalid_model", why)

    # --- the vault ----------------------------------------------------------------------------------------------------

    async def _keep(self, org_id: int, secret: ModelSecret) -> str:
        if not secret:
            return ""
        last4 = last4_of(secret.api_key)
        return await self._stores.secrets.put(str(org_id), SECRET_KIND, secret.to_text(), last4=last4)

    async def _forget(self, org_id: int, secret_id: str) -> None:
        if secret_id:
            await self._stores.secrets.delete(str(org_id), secret_id)

    async def _secret(self, model: Model) -> ModelSecret:
        if model.secret_id is None:
            return ModelSecret()
        try:
            text = await self._stores.secrets.open(str(model.org_id), SECRET_KIND, str(model.secret_id))
        except NotFound:
            # It was changed this very moment: whoever goes on finds that the model has changed too.
            return ModelSecret()
        return ModelSecret.parse(text)

    # --- trying -------------------------------------------------------------------------------------------------------

    async def _try(self, draft: ModelDraft) -> ProbeResult | None:
        """What the call gave. Raises `ModelTestFailed` when it failed."""
        if self._probe is None:
            return None
        tried = await self._ask(draft)
        if not tried.ok:
            raise ModelTestFailed(
                f"The model did not answer: {tried.message.rstrip('.') or 'without a reason'}. Nothing was saved;"
                ' untried it would be ("test": false, or --no-test).',
                reason=tried.reason,
                status=tried.status,
                milliseconds=tried.milliseconds,
            )
        return tried

    async def _ask(self, draft: ModelDraft) -> ProbeResult:
        if self._probe is None:
            return ProbeResult(ok=False, message="This process has no way out to try a model.", reason="unsupported")
        tried = await self._probe.try_model(draft.on_trial())
        _log.info("model tried", provider=draft.provider, model=draft.vendor_model, ok=tried.ok, reason=tried.reason)
        # The probe hides the key where it speaks; that nobody forgets it here, it is hidden again.
        return replace(tried, message=_hidden(tried.message, draft.secret), answer=_hidden(tried.answer, draft.secret))


def _note(actor: Actor, action: str, org_id: int) -> Note:
    # Models are of an organisation, whatever space the request was sent in.
    return Note(actor, Deed(action, "model", org_id=org_id, space_id=0))


def _secret_after(body: ModelChange, before: ModelSecret) -> ModelSecret:
    """What the model is reached with then."""
    given = given_secret(body.api_key, body.headers)
    return ModelSecret(
        given.api_key if "api_key" in body.model_fields_set else before.api_key,
        given.headers if "headers" in body.model_fields_set else before.headers,
    )


def _check_kept(draft: ModelDraft, model: Model, body: ModelChange) -> None:
    """A stored key is not sent to an address that it was not given for: who may edit a model could read it there."""
    if is_elsewhere(draft, model):
        for field, kept in (("api_key", draft.secret.api_key), ("headers", draft.secret.headers)):
            if kept and field not in body.model_fields_set:
                sentence = f"Give {field} again: what is stored is not sent to another address."
                raise _wrong(field, "needed_again", sentence)


def _wrong(field: str, code: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, errors=[{"field": field, "code": code, "message": sentence}])


def _hidden(text: str, secret: ModelSecret) -> str:
    for hidden in sorted((secret.api_key, *secret.headers.values()), key=len, reverse=True):
        if len(hidden) >= 4:
            text = text.replace(hidden, _HIDDEN)
    return text
