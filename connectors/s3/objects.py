"""The calls that are made for keys and objects, over ``wire``: a part of the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote

from connectors.aws.errors import unreachable
from connectors.s3 import answers, codec
from connectors.s3.answers import Listing
from connectors.s3.client import Client
from connectors.s3.config import SourceSettings
from connectors.s3.errors import changed
from connectors.s3.wire import Answer, Stream, refusal
from replicator.model.record import NOTHING

_WITH_CHECKSUMS = {"x-amz-checksum-mode": "ENABLED"}
_TRIES_MAX = 3


class Objects:
    """The objects of the bucket. Every call raises TransientError or PermanentError as ``errors`` says.

    ``bodies`` bounds how many bodies are open at once; it is taken by who opens one, for its whole life.
    """

    def __init__(self, client: Client, settings: SourceSettings) -> None:
        self._client = client
        self._settings = settings
        self.bodies = asyncio.Semaphore(settings.bodies_max)
        self._tags_were_read = False
        self._heads_count_tags = False

    async def list(self, after: str, keys_max: int, *, prefix: str | None = None) -> Listing:
        """The next keys in the order of their UTF-8 bytes, which is that of Python's texts."""
        wanted = {
            "encoding-type": "url",
            "list-type": "2",
            "max-keys": str(keys_max),
            "prefix": self._settings.prefix if prefix is None else prefix,
            "start-after": after,
        }
        query = "&".join(f"{name}={quote(value, safe='-._~')}" for name, value in wanted.items() if value)
        answer = await self._client.wire.ask("ListObjectsV2", f"?{query}")
        if answer.status != 200:
            raise refusal("ListObjectsV2", answer)
        try:
            return answers.listing(answer.body)
        except (ValueError, KeyError) as error:
            raise unreachable("ListObjectsV2", f"no such answer: {error}", settled=True) from error

    async def head(self, key: str) -> Mapping[str, str] | None:
        """The object's headers; None where there is none.

        HEAD answers 404 for a missing bucket as well, and only a call with a body tells which it is: a
        missing bucket must never be taken for a missing object.

        Raises:
            ChangeError: the object is encrypted with a customer's key.
        """
        for _ in range(_TRIES_MAX):
            answer = await self._client.wire.ask("HeadObject", codec.path_of(key), _WITH_CHECKSUMS, "HEAD")
            if answer.status == 200:
                return answer.headers
            if answer.status == 400:  # only an answer with a body says why
                headers = {"range": "bytes=0-0"}
                self._check(key, await self._client.wire.ask("GetObject", codec.path_of(key), headers))
            elif answer.status != 404:
                raise refusal("HeadObject", answer)
            elif await self._read_tags(key) is None:
                return None
        raise changed(key)

    @asynccontextmanager
    async def open(self, key: str, *, begin: int = 0, etag: str = "") -> AsyncIterator[Stream | None]:
        """The object with its body; None where there is none.

        Args:
            key: the object's.
            begin: the first byte that is wanted.
            etag: the version that is wanted, where a certain one is.

        Raises:
            TransientError: ``changed`` where it has another ETag now; and as for every call.
            ChangeError: it is archived, or encrypted with a customer's key.
        """
        headers = _WITH_CHECKSUMS if not begin else {"range": f"bytes={begin}-"}
        if etag:
            headers = headers | {"if-match": f'"{etag}"'}
        async with self._client.wire.open("GetObject", "GET", codec.path_of(key), headers) as stream:
            if begin and stream.status == 200:
                raise unreachable("GetObject", "the service ignores ranges", settled=True)
            if stream.status not in (200, 206):
                self._check(key, await stream.whole())
                yield None
            else:
                yield stream

    async def tags(
        self, key: str, headers: Mapping[str, str], *, of_head: bool
    ) -> Mapping[str, str] | None:
        """The tags of an object whose headers are these; None where it vanished.

        The headers count the tags where the caller may read them. So no count means no tags only once
        tags have been read; and a stand-in may leave it out of the answer to a HEAD altogether.
        """
        count = codec.tags_count(headers)
        if of_head and count is not None:
            self._heads_count_tags = True
        told = not of_head or self._heads_count_tags or headers.get("server") == "AmazonS3"
        if not count and told and self._tags_were_read:
            return NOTHING
        return await self._read_tags(key)

    async def _read_tags(self, key: str) -> Mapping[str, str] | None:
        answer = await self._client.wire.ask("GetObjectTagging", f"{codec.path_of(key)}?tagging")
        if answer.status == 200:
            self._tags_were_read = True
            return answers.tags(answer.body)
        if answers.error(answer.body).code in (
            "NoSuchKey",
            "MethodNotAllowed",
        ):  # a delete marker is no object
            return None
        raise refusal("GetObjectTagging", answer)

    @staticmethod
    def _check(key: str, answer: Answer) -> None:
        """Raise what the answer to a GET means, but for one: that there is no such object."""
        if answer.status == 206:
            return
        code, message, _, archive = answers.error(answer.body)
        if answer.status == 404 and code == "NoSuchKey":
            return
        if answer.status in (412, 416):
            raise changed(key)
        if code == "InvalidObjectState":
            raise codec.archived(key, archive)
        if code == "InvalidRequest" and "Server Side Encryption" in message:
            raise codec.customer_key(key)
        raise refusal("GetObject", answer)
