"""What each part of the API is about, in one sentence: the chapters of its description."""

from __future__ import annotations

from typing import Final

TAGS: Final[dict[str, str]] = {
    "workflows": "Drawn as canvases and kept as drafts: made, found, changed, copied, moved and thrown away.",
    "versions": "What of a workflow is published and never changes again; compared, and brought back as drafts.",
    "folders": "Where the workflows of a space are filed.",
    "trash": "Workflows that were thrown away, until they are restored or gone for good.",
    "references": "Who uses what: asked before something is deleted.",
    "import and export": "Workflows of other systems and of other spaces, brought in; and ours, taken along.",
    "runs": "Workflows carried out: started, looked at, answered and stopped.",
    "events": "What happens in a run, as a list and as a stream that can be taken up again.",
    "debugging": "Single nodes tried with inputs of one's own.",
    "node types": "What canvases are drawn of.",
    "models": "The models of an organisation, and the providers that have them.",
    "plugins": "Tools described by OpenAPI documents, with their keys and versions.",
    "knowledge": "Documents that workflows look things up in.",
    "databases": "Tables that workflows read and write.",
    "conversations": "What end users and workflows have said to each other.",
    "variables": "What is remembered for end users, applications and workflows.",
    "files": "Uploaded, looked at, and handed out by signed links.",
    "accounts": "Who can log in; one's own profile, password and sessions.",
    "organisations": "The tree of groups, companies and branches.",
    "departments": "The tree of departments in an organisation.",
    "employees": "The people of an organisation, and where they work.",
    "spaces": "Where things are worked on together, and by whom.",
    "roles": "Permissions in bundles, given to accounts and departments.",
    "tokens": "What programs and end users show instead of logging in.",
    "oauth apps": "Programs that sign for tokens of their own.",
    "audit": "Who did what, to what, from where: only added to.",
    "usage": "What the calls of models cost.",
    "temporal": "For Temporal's own pages: payloads in clear for those who may read them.",
    "system": "Whether the server lives, and descriptions for machines.",
    "open API": "The addresses, answers and errors that programs written for Coze know.",
}
