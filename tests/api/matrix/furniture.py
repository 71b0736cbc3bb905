"""One of everything in an organisation and a space of it, by the names that addresses have for their ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from httpx2 import AsyncClient, Response

from tests.api.drawings import greeting
from tests.api.serving import Serving
from tests.fakes.tool_server import described

ALIASES = {
    "workflow_id": "workflow",
    "execute_id": "run_id",
    "workspace_id": "space",
    "conversation_id": "conversation",
    "message_id": "message",
}
"""What the open API calls the same things."""


@dataclass
class Place:
    """An organisation, a space of it, and the ids of what is in them."""

    org_id: int
    space_id: int
    client: AsyncClient
    """Of the operator, at home in this space."""
    browser: AsyncClient
    """Of a person who is logged in, owns the space and administers the organisation."""
    ids: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, client: AsyncClient | None = None) -> Response:
        """Something that must work."""
        headers = {"x-space-id": str(self.space_id)}
        address = path if path.startswith("/v1/") else f"/api/v1{path}"
        answer = await (client or self.client).request(method, address, json=body, headers=headers)
        assert answer.status_code < 300, (path, answer.text)
        return answer

    async def make(self, name: str, path: str, body: Any, *, key: str = "id", **more: Any) -> Any:
        """Something new, whose id stands under `name` from here on."""
        made = (await self.ask("POST", path, body, **more)).json()
        self.ids[name] = str(made[key])
        return made


async def furnish(serving: Serving, place: Place) -> None:
    """Make one of everything."""
    place.ids |= {"organisation": str(place.org_id), "space": str(place.space_id), "name": "text_concat"}
    for room in (_workflows, _conversations, _contents, _people, _roles, _tokens, _files):
        await room(place)
    place.ids |= {other: place.ids[name] for other, name in ALIASES.items()}
    place.ids |= {f"default_{name}": id_ for name, id_ in place.ids.items() if name == "space"}


async def _workflows(place: Place) -> None:
    await place.make("folder", "/folders", {"name": "客服"})
    await place.make("empty_folder", "/folders", {"name": "空"})
    body = {"name": "流程", "canvas": greeting(), "folder_id": place.ids["folder"]}
    workflow = (await place.make("workflow", "/workflows", body))["id"]
    await place.ask("POST", f"/workflows/{workflow}/versions", {})
    await place.ask("PUT", f"/workflows/{workflow}/draft", {"canvas": greeting(), "revision": 1})
    await place.make("run_id", f"/workflows/{workflow}/runs", {"inputs": {"name": "Ada"}})
    nodes = await place.ask("GET", f"/v1/workflows/{workflow}/run_histories/{place.ids['run_id']}")
    place.ids["node_execute_uuid"] = next(iter(_uuids(nodes.json())), "greet")
    place.ids |= {"version": "v0.0.1", "node": "greet", "sha": "0" * 64}
    await place.make("thrown_away", "/workflows", {"name": "旧流程", "canvas": greeting()})
    await place.ask("DELETE", f"/workflows/{place.ids['thrown_away']}")
    external = f"7300000000{place.space_id % 10**9}"
    await place.ask("PUT", "/external-ids", {"table": {"workflow": {external: place.ids["workflow"]}}})
    place.ids |= {"kind": "workflow", "external": external}


def _uuids(answer: Any) -> list[str]:
    """The nodes of a run, as the open API names them."""
    found = []
    for run in answer["data"]:
        status = run.get("node_execute_status") or {}
        found += [one["node_execute_uuid"] for one in status.values()]
    return found


async def _conversations(place: Place) -> None:
    await place.ask("POST", "/conversation-templates", {"app_id": "shop", "name": "售后"})
    conversation = (await place.make("conversation", "/conversations", {"name": "谈话", "app_id": "shop"}))["id"]
    await place.make("message", f"/conversations/{conversation}/messages", {"role": "assistant", "content": "你好"})


async def _contents(place: Place) -> None:
    document = described("https://tools.example.com", scheme={"type": "http", "scheme": "bearer"})
    plugin = (await place.make("plugin", "/plugins", {"document": document}))["id"]
    place.ids["tool"] = "forecast"
    await place.ask("PUT", f"/plugins/{plugin}/credentials", {"key": "a secret"})
    database = (await place.make("database", "/databases", {"name": "books", "fields": [{"name": "title"}]}))["id"]
    await place.ask("POST", f"/databases/{database}/rows", {"rows": [{"title": "红楼梦"}], "draft": False})
    rows = (await place.ask("GET", f"/databases/{database}/rows")).json()["items"]
    place.ids["row"] = str(rows[0]["id"])
    base = (await place.make("base", "/knowledge", {"name": "手册"}))["id"]
    await place.make("document", f"/knowledge/{base}/documents", {"name": "a.txt", "text": "退款"})
    variable = {"scope": "user", "name": "language", "type": {"type": "string"}, "app_id": "shop"}
    await place.make("variable", "/variables", variable)
    model = {"key": "ours", "provider": "deepseek", "vendor_model": "deepseek-chat", "api_key": "sk-0123456789abcdef"}
    await place.make("model", "/models", {**model, "test": False})


async def _people(place: Place) -> None:
    org = place.ids["organisation"]
    await place.make("branch", "/organisations", {"name": f"分公司 {org}", "parent_id": org})
    for name in ("account", "linked_account", "free_account"):
        person = {"email": f"{name}{org}@example.com", "name": "同事", "organisation_id": org}
        made = (await place.ask("POST", "/accounts", person)).json()
        place.ids[name] = (made.get("account") or made)["id"]
    await place.ask("POST", f"/spaces/{place.space_id}/members", {"members": [{"account_id": place.ids["account"]}]})
    await place.make("department", f"/organisations/{org}/departments", {"name": "平台组"})
    await place.make("empty_department", f"/organisations/{org}/departments", {"name": "空"})
    places = [{"department_id": place.ids["department"], "primary": True}]
    made = (await place.ask("POST", f"/organisations/{org}/employees", {"name": "小李", "departments": places})).json()
    place.ids["employee"] = (made.get("employee") or made)["id"]
    linked = {"name": "同事", "departments": places, "account_id": place.ids["linked_account"]}
    made = (await place.ask("POST", f"/organisations/{org}/employees", linked)).json()
    place.ids["linked_employee"] = (made.get("employee") or made)["id"]
    made = (await place.ask("POST", f"/organisations/{org}/employees", {"name": "老王", "departments": places})).json()
    place.ids["gone_employee"] = (made.get("employee") or made)["id"]
    await place.ask("POST", f"/organisations/{org}/employees/{place.ids['gone_employee']}/resign", {})
    await place.make("deleted_space", "/spaces", {"name": "旧空间"}, client=place.browser)
    await place.ask("DELETE", f"/spaces/{place.ids['deleted_space']}", client=place.browser)


async def _roles(place: Place) -> None:
    body = {"name": "人事", "permissions": ["employee.view"], "organisation_id": place.ids["organisation"]}
    await place.make("role", "/roles", body)
    grant = {"account_id": place.ids["account"], "organisation_id": place.ids["organisation"]}
    await place.make("grant", "/roles/3/grants", grant)
    page = (await place.ask("GET", f"/audit?organisation={place.ids['organisation']}")).json()
    place.ids["event"] = page["items"][0]["id"]


async def _tokens(place: Place) -> None:
    await place.make("token", "/tokens", {"name": "nightly"}, client=place.browser)
    await place.make("app", "/oauth-apps", {"name": "shop"}, client=place.browser)
    await place.make("kid", f"/oauth-apps/{place.ids['app']}/keys", {"name": "one"}, key="kid", client=place.browser)
    made = await place.make(
        "guest_token", "/guest-tokens", {"user_id": "customer-17", "workflows": [place.ids["workflow"]]}
    )
    place.ids["guest_secret"] = made["token"]
    sessions = (await place.ask("GET", "/me/sessions", client=place.browser)).json()["items"]
    place.ids["session"] = sessions[0]["id"]
    me = (await place.ask("GET", "/me", client=place.browser)).json()
    place.ids["owner_account"] = str((me.get("account") or me)["id"])


async def _files(place: Place) -> None:
    headers = {"x-space-id": str(place.space_id)}
    answer = await place.client.post("/api/v1/files", files={"file": ("a.txt", "你好".encode())}, headers=headers)
    assert answer.status_code == 201, answer.text
    place.ids["file"] = answer.json()["id"]
