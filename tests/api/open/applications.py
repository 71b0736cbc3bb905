"""OAuth applications for tests: one with a key, which signs what a test wants."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from httpx2 import AsyncClient, Response

from api.open.oauth import GRANT
from tests.api.browsing import at_a_browser
from tests.api.people import Somebody, somebody
from tests.api.serving import Serving, client_of

TOKEN = "/api/permission/oauth2/token"


def pair(bits: int = 2048) -> tuple[str, str]:
    """A private key and its public half."""
    key = rsa.generate_private_key(65_537, bits)
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


PRIVATE, PUBLIC = pair()


@dataclass
class Application:
    """An application of somebody, with a key."""

    serving: Serving
    owner: Somebody
    page: AsyncClient
    id: str
    client_id: str
    kid: str
    private: str = PRIVATE
    count: list[int] = field(default_factory=lambda: [0])

    def signed(self, *, key: str | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """What it signs; a claim that is None is left out."""
        self.count[0] += 1
        now = int(time.time())
        said = {
            "iss": self.client_id,
            "aud": "test",
            "iat": now,
            "exp": now + 3_600,
            "jti": f"{now}:{self.count[0]}",
        }
        said = {name: value for name, value in {**said, **claims}.items() if value is not None}
        return jwt.encode(said, key or self.private, "RS256", headers={"kid": self.kid, **(header or {})})

    async def ask(self, text: str, host: str = "test", **body: Any) -> Response:
        """Ask for a token."""
        headers = {"authorization": f"Bearer {text}", "host": host}
        async with client_of(self.serving.app, None) as client:
            return await client.post(TOKEN, json={"grant_type": GRANT, **body}, headers=headers)

    async def token(self, **body: Any) -> str:
        answer = await self.ask(self.signed(), **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


async def application(serving: Serving, role: str = "owner", **fields: Any) -> Application:
    owner = await somebody(serving, role, grants=(2,))
    page = await at_a_browser(serving, owner)
    wanted = {"name": "导入程序", "space_id": str(owner.space_id), **fields}
    made = await page.post("/api/v1/oauth-apps", json=wanted)
    assert made.status_code == 201, made.text
    app = made.json()
    key = await page.post(f"/api/v1/oauth-apps/{app['id']}/keys", json={"public_key": PUBLIC, "name": "one"})
    assert key.status_code == 201, key.text
    assert key.json()["private_key"] is None
    return Application(serving, owner, page, app["id"], app["client_id"], key.json()["kid"])


def refusal(answer: Response) -> tuple[int, int]:
    """The status, and the number in the envelope."""
    body = answer.json()
    assert body["msg"]
    assert answer.headers["x-tt-logid"]
    return answer.status_code, body["code"]
