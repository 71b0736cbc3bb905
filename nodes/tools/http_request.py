"""HTTP Request: call an endpoint and hand its reply on."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any, Final, Literal
from urllib.parse import quote, unquote_plus, urlencode

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.canvas import Node
from engine.errors import NodeUnavailable
from engine.json_text import write_json
from engine.schema import as_schema, properties_of
from nodes.context import HttpReply
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, Retry, activity_node
from nodes.tools.http_body import BodyType, make_body, text_pairs
from nodes.tools.http_reply import check_status, decode_body

MOST_RETRIES: Final = 10
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
Pairs = list[tuple[str, str]]


class Auth(BaseModel):
    """How the request says who asks."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["none", "bearer", "basic", "custom"] = Field(
        default="none", description="custom sends name and value, where place says."
    )
    token: str = Field(default="", description="For bearer.", json_schema_extra={"format": "password"})
    username: str = Field(default="", description="For basic.")
    password: str = Field(default="", description="For basic.", json_schema_extra={"format": "password"})
    place: Literal["header", "query"] = Field(default="header", description="For custom.")
    name: str = Field(default="", description="For custom: the header or query parameter.")
    value: str = Field(default="", description="For custom.", json_schema_extra={"format": "password"})

    @model_validator(mode="before")
    @classmethod
    def _present(cls, given: Any) -> Any:
        """Null is no claim: what it stands for did not run, and may not be needed."""
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _complete(self) -> Auth:
        needed = {"bearer": ("token",), "basic": ("username",), "custom": ("name", "value")}.get(self.kind, ())
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"{self.kind} needs {' and '.join(missing)}.")
        return self

    def parts(self) -> tuple[Pairs, Pairs]:
        """The headers and the query parameters that it adds."""
        match self.kind:
            case "none":
                return [], []
            case "bearer":
                return [("Authorization", f"Bearer {self.token}")], []
            case "basic":
                pair = b64encode(f"{self.username}:{self.password}".encode()).decode()
                return [("Authorization", f"Basic {pair}")], []
            case "custom":
                pairs = [(self.name, self.value)]
                return (pairs, []) if self.place == "header" else ([], pairs)


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    url: str = Field(description="Where to send the request.")
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="Query parameters, in place of those of the same name in the URL. A list repeats its name.",
    )
    headers: dict[str, Any] = Field(default_factory=dict, description="Headers; their values become text.")
    auth: Auth = Field(default_factory=Auth)
    body_type: BodyType = Field("none", description="How the body is sent.")
    body: Any = Field(
        None,
        description="json: a value, or a JSON text. raw_text: a text. form_urlencoded, form_data: an object, or a list"
        " of fields with name and value or file_url. binary: the URL of a file.",
    )
    timeout_seconds: float = Field(60.0, gt=0, le=600, description="For one attempt, until the whole reply is there.")

    @field_validator("method", mode="before")
    @classmethod
    def _upper_case(cls, method: object) -> object:
        return method.upper() if isinstance(method, str) else method


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    retries: int | None = Field(
        None,
        ge=0,
        le=MOST_RETRIES,
        description="How often a request that got no answer is sent again, at once; a status is then an error for good."
        " Absent: what may go away is tried three times in all, with pauses.",
    )


def retry(node: Node) -> Retry:
    """A canvas that says itself how often leaves nothing to the node type."""
    return Retry(attempts=3 if node.data.settings.get("retries") is None else 1)


class Output(BaseModel):
    statusCode: int
    body: str = Field(description="The reply's body as text.")
    headers: dict[str, str] | str = Field(
        description="The reply's headers, their names in lower case; the last one of a name. Declared as a text they"
        " are JSON, with names like Content-Type.",
        json_schema_extra={"type": "object", "additionalProperties": {"type": "string"}},
    )


@activity_node(
    "http_request",
    title="HTTP Request",
    category=Category.TOOLS,
    timeout=timedelta(minutes=10),
    retry=retry,
    settings=Settings,
    examples=(
        Example(
            title="Read a page",
            inputs={"url": "https://example.test/ok"},
            output={"statusCode": 200, "body": "ok", "headers": {"content-type": "text/plain"}},
        ),
        Example(
            title="Send JSON with a key",
            inputs={
                "method": "POST",
                "url": "https://example.test/echo",
                "auth": {"kind": "bearer", "token": "key"},
                "body_type": "json",
                "body": {"name": "李雷"},
            },
            output={"statusCode": 200, "body": '{"name":"李雷"}', "headers": {"content-type": "application/json"}},
        ),
    ),
)
async def http_request(inputs: Inputs, ctx: NodeContext) -> Output:
    """Call an HTTP endpoint and return its status, body and headers.

    A status of 400 and above is an error: 429 and 5xx may go away, so the request is tried again, no earlier than the
    server asks by `Retry-After`; the rest will not. As a request may reach the server twice, one that changes something
    carries an `Idempotency-Key` that is the same every time, unless the headers have one. Files of a form have 20 MiB
    together.
    """
    auth_headers, auth_params = inputs.auth.parts()
    headers = _replaced([*text_pairs(inputs.headers)], auth_headers)
    content: bytes | None = None
    if (body := await make_body(inputs.body_type, inputs.body, ctx.http)) is not None:
        content_type, content = body
        # Of a form the boundary is ours, so nobody else can name its type.
        if inputs.body_type == "form_data" or not _has(headers, "content-type"):
            headers = _replaced(headers, [("Content-Type", content_type)])
    if inputs.method not in SAFE and not _has(headers, "idempotency-key"):
        headers.append(("Idempotency-Key", ctx.idempotency_key))
    params = [pair for pair in text_pairs(inputs.params) if pair[0] not in dict(auth_params)]
    url = _with_params(inputs.url.strip(), [*params, *auth_params])
    retries = read_settings(Settings, ctx.settings).retries
    reply = await _sent(inputs, url, headers, content, ctx, retries)
    check_status(inputs.method, url, reply, for_good=retries is not None)
    return Output(statusCode=reply.status, body=decode_body(reply, ctx.warn), headers=_shown(reply, ctx))


async def _sent(
    inputs: Inputs, url: str, headers: Pairs, content: bytes | None, ctx: NodeContext, retries: int | None
) -> HttpReply:
    """The reply; a request that got none is sent again as often as the canvas says."""
    left = retries or 0
    while True:
        try:
            return await ctx.http.request(
                inputs.method, url, headers=headers, content=content, timeout_seconds=inputs.timeout_seconds
            )
        except NodeUnavailable as error:
            if retries is not None:
                error.facts["retry_at_once"] = True
            if left == 0:
                raise
            left -= 1


def _shown(reply: HttpReply, ctx: NodeContext) -> dict[str, str] | str:
    """The headers; as a text their names are spelled as programs that read such a text expect."""
    declared = as_schema(properties_of(dict(ctx.output_schema or {})).get("headers"))
    if declared.get("type") != "string":
        return dict(reply.headers)
    return write_json({"-".join(map(str.capitalize, name.split("-"))): value for name, value in reply.headers})


def _has(headers: Pairs, name: str) -> bool:
    return any(given.lower() == name for given, _ in headers)


def _replaced(headers: Pairs, by: Pairs) -> Pairs:
    """The headers, those of the same names replaced, whatever their case."""
    names = {name.lower() for name, _ in by}
    return [*(pair for pair in headers if pair[0].lower() not in names), *by]


def _with_params(url: str, params: Pairs) -> str:
    """The URL with these parameters; of its own query what they do not name stays as it is written."""
    if not params:
        return url
    whole, _, _ = url.partition("#")
    path, _, query = whole.partition("?")
    names = {name for name, _ in params}
    kept = [piece for piece in query.split("&") if piece and unquote_plus(piece.partition("=")[0]) not in names]
    return f"{path}?{'&'.join([*kept, urlencode(params, quote_via=quote)])}"
