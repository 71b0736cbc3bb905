"""Links to files that whoever holds them may follow for a while: signed, and good for one file alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from engine.errors import InvalidInput
from storage.clock import now_ms
from storage.ids import read_id
from storage.keyring import KeyRing, needed
from storage.ports.files import INNER

PATH: Final = "/api/v1/file-links/"
LONGEST_SECONDS: Final = 7 * 24 * 3600
_ADDRESS: Final = re.compile(re.escape(PATH) + r"(\d{1,19})")
_PURPOSE: Final = "mainspring: links to files"
_LONGEST_URL: Final = 2_000
_NEVER: Final = 0
"""When an inner URL ends. A link that ended at that moment is followed by nobody."""


@dataclass(frozen=True, slots=True)
class FileLink:
    """Which file, of which organisation, until when (UTC seconds), and who asked for the link."""

    org_id: int
    file_id: int
    expires: int
    account_id: int = 0


class FileLinks:
    """Makes links and knows its own. Without keys it does neither."""

    def __init__(self, ring: KeyRing | None, clock: Callable[[], int] = now_ms) -> None:
        self._ring = ring
        self._clock = clock

    def make(self, org_id: int, file_id: int, account_id: int, *, seconds: int) -> tuple[str, int]:
        """The link, from its path on, and when it ends. Raises `InvalidInput` when that is too far away."""
        if not 1 <= seconds <= LONGEST_SECONDS:
            raise InvalidInput(f"A link lives 1 to {LONGEST_SECONDS} seconds.", field="seconds", given=seconds)
        link = FileLink(org_id, file_id, self._clock() // 1000 + seconds, account_id)
        query = {"org": link.org_id, "account": link.account_id, "expires": link.expires}
        ring = needed(self._ring)
        return f"{PATH}{file_id}?{urlencode({**query, 'signature': _sign(ring, ring.current, link)})}", link.expires

    def inner(self, org_id: int, file_id: int) -> str:
        """The URL of a file for runs of its organisation alone: it leads nowhere else, and never ends."""
        ring = needed(self._ring)
        signature = _sign(ring, ring.current, FileLink(org_id, file_id, _NEVER))
        return f"{INNER}{file_id}?{urlencode({'org': org_id, 'signature': signature})}"

    def read(self, file: str, org: str, account: str, expires: str, signature: str) -> FileLink | None:
        """The link of these words; None when it is none of ours, or too old."""
        numbers = [read_id(word) if word != "0" else 0 for word in (org, file, expires, account)]
        if self._ring is None or any(number is None for number in numbers):
            return None
        link = FileLink(*(number or 0 for number in numbers))
        return link if self._signed(link, signature) and link.expires > self._clock() // 1000 else None

    def in_url(self, url: str) -> FileLink | None:
        """The link that a URL is, whatever host it names: nobody else can have signed it. None for any other URL."""
        inner = url.startswith(INNER)
        if not (inner or PATH in url) or len(url) > _LONGEST_URL:
            return None
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        given = dict(parse_qsl(parts.query))
        words = [given.get(name, "") for name in ("org", "account", "expires", "signature")]
        if inner:
            file, org = read_id(parts.path.removeprefix("/")), read_id(words[0])
            link = FileLink(org or 0, file or 0, _NEVER)
            return link if file and org and self._signed(link, words[3]) else None
        if (found := _ADDRESS.fullmatch(parts.path)) is None or not parts.scheme.lower().startswith("http"):
            return None
        return self.read(found[1], *words)

    def _signed(self, link: FileLink, signature: str) -> bool:
        """Whether we signed it, with whichever key of the ring: links live on when the current one changes."""
        if self._ring is None or not signature.isascii():
            return False
        # All are compared, whichever fits.
        fitting = [hmac.compare_digest(_sign(self._ring, key, link), signature) for key in self._ring.ids]
        return any(fitting)


def _sign(ring: KeyRing, key_id: str, link: FileLink) -> str:
    text = f"{link.org_id}.{link.file_id}.{link.expires}.{link.account_id}"
    mark = hmac.new(ring.derived(key_id, _PURPOSE), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")
