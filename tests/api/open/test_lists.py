"""Workflows, versions, spaces and guests, as programs list them with the SDK."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from cozepy import CozeAPIError, PublishStatus, WorkspaceRoleType
from cozepy.workflows import WorkflowMode
from cozepy.workspaces.members import WorkspaceMember

from storage.ids import new_id
from tests.api.drawings import TEXT, chain, greeting, start
from tests.api.open.coze import programs, sync
from tests.api.people import another_organisation, somebody
from tests.api.test_chat_runs import answer


async def test_a_list_of_workflows_ends_and_knows_states_and_modes(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        talking = chain(start(USER_INPUT=TEXT), answer("{{x}}", x=["start", "USER_INPUT"]))
        made = [await there.serving.published(greeting(), f"流程 {number}") for number in range(5)]
        talks = await there.serving.published(talking, "Talk")
        drawn = str((await there.serving.drawn(greeting(), "Drawn"))["id"])
        workflows = there.coze.workflows
        listed = await sync(lambda: [*workflows.list(page_size=2)])
        assert [one.workflow_id for one in listed] == [talks, *reversed(made)]
        assert listed[1].workflow_name == "流程 4"
        every = await sync(lambda: [*workflows.list(publish_status=PublishStatus.ALL)])
        assert [one.workflow_id for one in every] == [drawn, talks, *reversed(made)]
        only = await sync(lambda: [*workflows.list(publish_status=PublishStatus.UNPUBLISHED_DRAFT)])
        assert [one.workflow_id for one in only] == [drawn]
        chats = await sync(lambda: [*workflows.list(workflow_mode=WorkflowMode.CHATFLOW)])
        assert [one.workflow_id for one in chats] == [talks]
        assert await sync(lambda: [*workflows.list(app_id="7")]) == []
        home = await there.serving.stores.organisations.ensure_default()
        here = await sync(lambda: [*workflows.list(workspace_id=str(home.space_id), page_size=100)])
        assert len(here) == 6
        _, foreign = await another_organisation(there.serving)
        ada = await somebody(there.serving, "viewer")
        with pytest.raises(CozeAPIError) as error:
            await sync(lambda: [*there.as_(ada.token).workflows.list(workspace_id=str(foreign))])
        assert error.value.code == 4200
        await ada.client.aclose()
        wrong = await there.raw.get("/v1/workflows", params={"workflow_mode": "dance"})
        assert wrong.json()["code"] == 4000
        page = await there.raw.get("/v1/workflows", params={"page_num": "0"})
        assert (page.status_code, page.json()["code"]) == (422, 4000)
        empty = await there.raw.get("/v1/workflows?page_num=&page_size=&app_id=&workspace_id=&publish_status=")
        assert len(empty.json()["data"]["items"]) == 6


async def test_a_workflow_and_its_versions_are_described(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting(), "问候")
        for number in range(4):
            again = await there.serving.post(f"/workflows/{workflow}/versions", {"notes": f"说明 {number}"})
            assert again.status_code == 201
        found = await sync(partial(there.coze.workflows.retrieve, workflow_id=workflow))
        assert found.workflow_detail.workflow_name == "问候"
        versions = await sync(lambda: [*there.coze.workflows.versions.list(workflow_id=workflow, page_size=2)])
        assert [one.version for one in versions] == ["v0.0.5", "v0.0.4", "v0.0.3", "v0.0.2", "v0.0.1"]
        assert versions[0].description == "说明 3"
        paged = await there.async_coze.workflows.versions.list(workflow_id=workflow, page_size=3)
        assert [one.version async for one in paged] == [one.version for one in versions]
        with pytest.raises(CozeAPIError) as error:
            await sync(partial(there.coze.workflows.retrieve, workflow_id="7"))
        assert error.value.code == 4200


async def test_who_asks_sees_their_spaces_and_lets_others_in(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        ada, bob = await somebody(there.serving, "owner", name="安娜"), await somebody(there.serving, name="鲍勃")
        coze = there.as_(ada.token)
        me = await sync(coze.users.me)
        assert (me.user_id, me.nick_name) == (str(ada.account_id), "安娜")
        spaces = await sync(lambda: [*coze.workspaces.list(page_size=1)])
        assert {one.id for one in spaces} >= {str(ada.space_id)}
        assert {one.workspace_type.value for one in spaces} == {"personal", "team"}
        members = coze.workspaces.members
        new = [WorkspaceMember(user_id=str(one), role_type=WorkspaceRoleType.MEMBER) for one in (bob.account_id, 7)]
        added = await sync(partial(members.create, workspace_id=str(ada.space_id), users=new))
        assert added.added_success_user_ids == [str(bob.account_id)]
        assert added.not_exist_user_ids == ["7"]
        twice = await sync(partial(members.create, workspace_id=str(ada.space_id), users=new[:1]))
        assert twice.already_joined_user_ids == [str(bob.account_id)]
        listed = await there.raw.get(
            f"/v1/workspaces/{ada.space_id}/members", headers={"authorization": f"Bearer {ada.token}"}
        )
        assert listed.json()["data"]["total_count"] == 2
        removing = there.as_(bob.token).workspaces.members.delete
        with pytest.raises(CozeAPIError) as error:
            await sync(partial(removing, workspace_id=str(ada.space_id), user_ids=[str(ada.account_id)]))
        assert error.value.code == 4101
        gone = await sync(
            partial(
                members.delete,
                workspace_id=str(ada.space_id),
                user_ids=[str(bob.account_id), str(ada.account_id), "7"],
            )
        )
        assert gone.removed_success_user_ids == [str(bob.account_id)]
        assert gone.owner_not_support_remove_user_ids == [str(ada.account_id)]
        assert gone.not_in_workspace_user_ids == ["7"]
        for one in (ada, bob):
            await one.client.aclose()


async def test_a_guest_runs_what_the_token_names_as_himself_and_sees_nothing_else(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        mine, other = [await there.serving.published(greeting(), name) for name in ("Mine", "Other")]
        guest = await somebody(
            there.serving, "editor", kind="guest", guest={"user": "客人", "workflows": [mine]}, expires=None
        )
        coze = there.as_(guest.token)
        run = partial(coze.workflows.runs.create, parameters={"name": "Ada"})
        done = await sync(partial(run, workflow_id=mine, ext={"user_id": "客人"}))
        assert done.data == '{"text":"Hello Ada!"}'
        listed = await sync(lambda: [*coze.workflows.list()])
        assert [one.workflow_id for one in listed] == [mine]
        for refused, code in (
            (partial(run, workflow_id=other), 4200),
            (partial(run, workflow_id=mine, ext={"user_id": "另一位"}), 4101),
            (partial(coze.workflows.retrieve, workflow_id=other), 4200),
        ):
            with pytest.raises(CozeAPIError) as error:
                await sync(refused)
            assert error.value.code == code
        histories = coze.workflows.runs.run_histories
        own = await sync(partial(histories.retrieve, workflow_id=mine, execute_id=done.execute_id or ""))
        assert own.connector_uid == "客人"
        foreign = await sync(partial(there.coze.workflows.runs.create, workflow_id=mine, parameters={"name": "B"}))
        for execute_id in (foreign.execute_id or "", str(new_id())):
            with pytest.raises(CozeAPIError) as error:
                await sync(partial(histories.retrieve, workflow_id=mine, execute_id=execute_id))
            assert error.value.code == 4200
        await guest.client.aclose()
