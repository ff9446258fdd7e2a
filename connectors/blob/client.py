"""The one file that speaks to Blob Storage; above it there are blobs and ``Refusal``s.

The calls are the service's own REST ones over aiohttp, because the SDK's pipeline (12.31) takes 1.0 ms of
processor time for a small put, and this takes a fifth of it. ``identity`` is its part.

Nothing is sent twice: there are no retries here, and aiohttp's own of PUT and DELETE over a kept connection
that breaks are stopped by ``send_once``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from email.utils import formatdate
from functools import partial
from typing import NamedTuple
from urllib.parse import quote, urlsplit
from urllib.request import getproxies

import aiohttp
from yarl import URL

from connectors.blob import errors, listing
from connectors.blob.account import Account, account_of
from connectors.blob.config import BlobSinkSettings
from connectors.blob.errors import Refusal, RefusedError
from connectors.blob.identity import Identity
from connectors.blob.listing import Listed
from connectors.blob.signing import SharedKey
from connectors.wire.once import new_socket, send_once
from replicator.model.errors import NotConnectedError, TransientError
from replicator.model.record import NOTHING

API_VERSION = "2023-11-03"

Parts = Sequence[bytes]
"""Bytes in several pieces, which are sent one after the other and never joined."""

_FIELD_BYTES_MAX = 16 * 1024  # a header: all metadata of a blob may be in one, 8 KB
_WRITES = frozenset({"PUT", "DELETE"})
_GIVE_UP_SHARE = 0.9  # of the longest time a call may take, so that giving up comes before it
_CONNECT_SECONDS_MAX = 5.0
_STAGE_BYTES_PER_SECOND_MIN = 256 * 1024  # a block may take longer than a call: alone it has no effect
_KEEP_ALIVE_SECONDS = (
    3.0  # Azurite closes connections after 5 s of silence; using one then has an open outcome
)


class Answer(NamedTuple):
    """A success: its headers, by lower-case name, and its body."""

    headers: Mapping[str, str]
    body: bytes


class BlobContainer:
    """A container of an account; not connected until ``open``."""

    def __init__(self, settings: BlobSinkSettings, call_seconds_max: float) -> None:
        self._settings = settings
        self._seconds = call_seconds_max * _GIVE_UP_SHARE
        self._server_seconds = str(max(1, int(self._seconds)))
        self._session: aiohttp.ClientSession | None = None
        self._account = Account("", "")
        self._shared_key: SharedKey | None = None
        self._identity: Identity | None = None
        self._root = self._path = ""

    async def open(self) -> None:
        """Make ready for calls; nothing is sent.

        Raises:
            PermanentError: there is no usable credential.
        """
        if self._session is not None:
            return
        account = self._account = account_of(self._settings)
        self._root = urlsplit(account.url).path.rstrip("/")
        self._path = f"{self._root}/{quote(self._settings.container)}"
        self._shared_key = None if account.key is None else SharedKey(account.name, account.key)
        if account.key is None and account.sas is None:
            self._identity = Identity()
        self._session = _new_session(self._settings.connections_max, self._seconds)

    async def close(self) -> None:
        """Release the connections."""
        session, self._session = self._session, None
        identity, self._identity = self._identity, None
        if session is not None:
            await session.close()
        if identity is not None:
            await identity.close()

    @property
    def host(self) -> str:
        """Where the account is."""
        return urlsplit(self._account.url).netloc + self._root

    async def put(self, name: str, parts: Parts, headers: Mapping[str, str]) -> None:
        """Write a blob in one call; refused with 409 or 412 where a condition does not hold."""
        headers = {"x-ms-blob-type": "BlockBlob", **headers}
        await self._call("PUT", self._blob(name), {"timeout": self._server_seconds}, headers, parts)

    async def stage(
        self,
        name: str,
        block: str,
        parts: Parts | AsyncIterator[bytes],
        size: int,
        headers: Mapping[str, str],
    ) -> Answer:
        """Send a block, which stays unseen until it is committed; it may take longer than other calls."""
        seconds = self._seconds + size / _STAGE_BYTES_PER_SECOND_MIN
        query = {"comp": "block", "blockid": block}
        return await self._call("PUT", self._blob(name), query, headers, parts, size=size, seconds=seconds)

    async def commit(self, name: str, blocks: list[str], headers: Mapping[str, str]) -> None:
        """Make a blob of staged blocks; refused as ``put`` is."""
        query = {"comp": "blocklist", "timeout": self._server_seconds}
        await self._call("PUT", self._blob(name), query, headers, [listing.block_list(blocks)])

    async def delete(self, name: str, etag: str) -> None:
        """Delete the blob of this ETag; refused with 404 or 412."""
        query = {"timeout": self._server_seconds}
        await self._call("DELETE", self._blob(name), query, {"if-match": etag})

    async def head(self, name: str) -> Mapping[str, str]:
        """The properties and metadata of a blob; refused with 404."""
        return (await self._call("HEAD", self._blob(name))).headers

    async def tags(self, name: str) -> dict[str, str]:
        """The tags of a blob."""
        return listing.tags_in((await self._call("GET", self._blob(name), {"comp": "tags"})).body)

    async def get(
        self, name: str, first: int, last: int, take: Callable[[bytes], None], etag: str | None = None
    ) -> Mapping[str, str]:
        """Give bytes of a blob to ``take`` as they come, both ends included; the headers.

        Refused with 416 where the blob is shorter, and with 412 where its ETag is another.
        """
        headers = {"x-ms-range": f"bytes={first}-{last}"}
        if etag is not None:
            headers["if-match"] = etag
        return (await self._call("GET", self._blob(name), headers=headers, take=take)).headers

    async def page(self, marker: str | None, rows_max: int) -> tuple[list[Listed], str | None]:
        """A page of all blobs with their metadata, in order, and the marker of the next one."""
        query = {
            "restype": "container",
            "comp": "list",
            "include": "metadata",
            "maxresults": str(rows_max),
        }
        if marker is not None:
            query["marker"] = marker
        return listing.blobs_in((await self._call("GET", self._path, query)).body)

    async def properties(self) -> Mapping[str, str]:
        """The headers that describe the container."""
        return (await self._call("HEAD", self._path, {"restype": "container"})).headers

    async def account(self) -> Mapping[str, str]:
        """The headers that describe the account."""
        query = {"restype": "account", "comp": "properties"}
        return (await self._call("GET", self._path, query)).headers

    async def service(self) -> bytes:
        """The settings of the account's blob service, XML."""
        query = {"restype": "service", "comp": "properties"}
        return (await self._call("GET", f"{self._root}/", query)).body

    def _blob(self, name: str) -> str:
        return f"{self._path}/{quote(name, safe='/~')}"

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        parts: Parts | AsyncIterator[bytes] = (),
        *,
        size: int | None = None,
        seconds: float | None = None,
        take: Callable[[bytes], None] | None = None,
    ) -> Answer:
        """Send one request, once; ``take`` is given the body of a success as it comes.

        Raises:
            RefusedError: the answer is not a success.
            TransientError: there was none; ``settled`` where nothing was sent.
        """
        session = self._session
        if session is None:
            raise NotConnectedError("the sink is not connected")
        seconds = seconds or self._seconds
        try:
            async with asyncio.timeout(seconds):
                signed = await self._signed(method, path, query, headers, _size(parts, size))
                url = self._url(path, query)
                data = _payload(parts) if method == "PUT" else None
                sending = session.request(method, url, headers=signed, data=data, allow_redirects=False)
                async with sending as response:
                    return await _answer(response, take)
        except (TimeoutError, aiohttp.ClientError) as error:
            trouble = _trouble(error, seconds)
            raise (trouble if method in _WRITES else errors.without_effect(trouble)) from error

    async def _signed(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], size: int
    ) -> dict[str, str]:
        signed = {"x-ms-version": API_VERSION, "x-ms-date": formatdate(time.time(), usegmt=True), **headers}
        if method == "PUT":
            signed["content-length"] = str(size)
        if self._shared_key is not None:
            signed["authorization"] = self._shared_key.authorization(method, path, query, signed)
        elif self._identity is not None:
            signed["authorization"] = f"Bearer {await self._identity.token()}"
        return signed

    def _url(self, path: str, query: Mapping[str, str]) -> URL:
        parts = [f"{name}={quote(value, safe='')}" for name, value in query.items()]
        if self._account.sas is not None:
            parts.append(self._account.sas)
        origin = self._account.url.removesuffix(self._root)
        # As it is: URL would otherwise resolve dots and change what was signed.
        return URL(f"{origin}{path}?{'&'.join(parts)}" if parts else f"{origin}{path}", encoded=True)


def _new_session(connections_max: int, seconds: float) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=connections_max,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        socket_factory=partial(new_socket, seconds),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_field_size=_FIELD_BYTES_MAX,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
        headers={"User-Agent": "replicator"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(_CONNECT_SECONDS_MAX, seconds)),
        # With trust_env aiohttp looks for proxies and .netrc in two other threads at every request.
        trust_env=not getproxies().keys().isdisjoint({"http", "https", "all"}),
        middlewares=(send_once,),
    )


def _size(parts: Parts | AsyncIterator[bytes], size: int | None) -> int:
    if size is not None or not isinstance(parts, Sequence):
        return size or 0
    return sum(len(part) for part in parts)


def _payload(parts: Parts | AsyncIterator[bytes]) -> bytes | AsyncIterator[bytes]:
    if not isinstance(parts, Sequence):
        return parts
    if len(parts) <= 1:
        return parts[0] if parts else b""
    return _one_by_one(parts)


async def _one_by_one(parts: Parts) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def _answer(response: aiohttp.ClientResponse, take: Callable[[bytes], None] | None) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if response.status < 300 and take is not None:
        async for part in response.content.iter_any():
            take(part)
        return Answer(headers, b"")
    body = await response.read()
    if response.status < 300:
        return Answer(headers, body)
    wait = headers.get("retry-after", "")
    raise RefusedError(
        Refusal(
            status=response.status,
            code=headers.get("x-ms-error-code", ""),
            message=listing.message_in(body),
            retry_after_seconds=float(wait) if wait.isdecimal() else None,
        )
    )


def _trouble(error: TimeoutError | aiohttp.ClientError, seconds: float) -> TransientError:
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return errors.unreachable(str(error))
    if isinstance(error, TimeoutError):
        return errors.unanswered(f"no answer within {seconds:g} s")
    return errors.unanswered(str(error))
