"""Canaries: small objects of ours whose events prove the way of the events read (design 5).

A canary is told by its ETag, which is the MD5 of its body, or whatever else the service answered to the
put: with a key of the key service it is not the MD5. A few keys are written over and over, never two
puts at the same time to the same one, for which S3 may send a single event (user guide, "Amazon S3 Event
Notifications").

Events have no order, so a canary proves that events of its time get through, and that all that were sent
before it and were not slower than it have been read. What it cannot prove, a list of both sides does.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import deque
from dataclasses import dataclass
from urllib.parse import quote

from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from replicator.model.clock import Clock

KEYS_MAX = 16
SENT_MAX = 256
MARKS_MAX = 4096
STRAYS_MAX = 64


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything committed before this instant has been read, and with it these marks."""

    read_to: float
    marks: tuple[str, ...]


class Canaries:
    """The canaries of one connection."""

    def __init__(self, client: Client, settings: SourceSettings, pipeline: str, clock: Clock) -> None:
        self._client = client
        self._prefix = f"{settings.canaries_prefix}{quote(pipeline, safe='')}/"
        self._clock = clock
        self._session = secrets.token_hex(8)
        self._serial = 0
        self._asked: list[str] = []
        self._asking = asyncio.Event()
        self._marks: list[tuple[float, str]] = []  # with the time of the canary that carries them
        self._sent: dict[str, float] = {}
        self._strays: deque[str] = deque(maxlen=STRAYS_MAX)

    def ask(self) -> str:
        """The name of a new mark, which a canary put after this call will carry."""
        name = f"{self._session}-{secrets.token_hex(4)}"
        self._asked.append(name)
        self._asking.set()
        return name

    def key(self) -> str:
        """The key of the next canary."""
        return f"{self._prefix}{self._serial % KEYS_MAX:02d}"

    async def wait(self, seconds: float) -> None:
        """Wait for the next mark that is asked for, no longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._asking.wait()
        except TimeoutError:
            return

    async def put(self) -> Proof | None:
        """Put a canary, with all marks that were asked for; what it proves if its event was faster.

        Raises:
            TransientError, PermanentError: as the service says. The next canary proves these marks too.
        """
        self._asking.clear()
        names, self._asked = self._asked, []
        key, self._serial = self.key(), self._serial + 1
        body = f"{self._session} {self._serial} {secrets.token_hex(8)}".encode()
        put_at = self._clock.wall()
        self._note(hashlib.md5(body, usedforsecurity=False).hexdigest(), put_at)
        self._marks = [*self._marks, *((put_at, name) for name in names)][-MARKS_MAX:]
        etag = await self._client.put(key, body)
        self._note(etag, put_at)
        return self.seen(etag) if etag in self._strays else None

    def seen(self, etag: str) -> Proof | None:
        """What the event of an object with this ETag proves; nothing where the object is none of ours."""
        put_at = self._sent.pop(etag, None)
        if put_at is None:
            self._strays.append(etag)
            return None
        marks = tuple(name for at, name in self._marks if at <= put_at)
        self._marks = [(at, name) for at, name in self._marks if at > put_at]
        return Proof(put_at, marks)

    def _note(self, etag: str, put_at: float) -> None:
        self._sent[etag] = put_at
        while len(self._sent) > SENT_MAX:
            del self._sent[next(iter(self._sent))]
