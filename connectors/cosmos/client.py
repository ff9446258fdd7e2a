"""The one file that speaks to Cosmos DB's SDK; above it there are documents and ``Refusal``s.

The SDK's own retries are off, all of them, because a write that it repeats could land after a later one
of ours (design, section 4): throttling is told to the engine, and reads are repeated there too. That
takes two settings that look odd (azure-cosmos 4.17.1):

- ``retry_throttle_total=-1``: zero is falsy, and the SDK then takes its default of nine.
- ``enable_endpoint_discovery=False``: with discovery on, a 503 and a lost connection make the SDK send a
  write again, to another region or to the same one. Without it everything goes to the configured
  endpoint, which the service itself points at the writable region.

Below the SDK, aiohttp sends PUT and DELETE again where a kept connection breaks; ``send_once`` stops that.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterable, Awaitable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.request import getproxies

import aiohttp
from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import exceptions as cosmos
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.identity.aio import DefaultAzureCredential

from connectors.cosmos import cursors, errors
from connectors.cosmos.codec import Document
from connectors.cosmos.config import CosmosSinkSettings
from connectors.cosmos.cursors import Left
from connectors.cosmos.errors import BatchRefusedError, Refusal, RefusedError
from connectors.cosmos.keys import Place
from connectors.cosmos.layout import Layout
from connectors.wire.once import new_socket, send_once
from replicator.model.errors import NotConnectedError, PermanentError, ReplicatorError

# What the SDK logs of its background calls comes back as errors of ours, translated and with a hint.
logging.getLogger("azure.cosmos").setLevel(logging.CRITICAL)

T = TypeVar("T")
Operation = tuple[str, tuple[Any]]
"""``("upsert", (document,))``, ``("create", (document,))`` or ``("delete", (id,))``."""

_GIVE_UP_SHARE = 0.9  # of the longest time a call may take, so that giving up comes before it
_CONNECT_SECONDS_MAX = 5.0
_PRESENT = "SELECT VALUE c.id FROM c WHERE c.id IN ({})"


class CosmosContainer:
    """A container of an account; not connected until ``open``."""

    def __init__(self, settings: CosmosSinkSettings, call_seconds_max: float) -> None:
        self._settings = settings
        self._layout = Layout.of(settings)
        self._seconds = call_seconds_max * _GIVE_UP_SHARE
        self._client: CosmosClient | None = None
        self._credential: DefaultAzureCredential | None = None
        self._proxy: ContainerProxy | None = None

    async def open(self) -> None:
        """Connect and check the credential; nothing where that was done before.

        Raises:
            TransientError, PermanentError: as ``errors`` translates them.
        """
        if self._proxy is not None:
            return
        client = self._new_client()
        try:
            await self._call(client.__aenter__())
        except RefusedError as error:
            await self.close()
            raise errors.translate(error.refusal) from error
        except BaseException:
            await self.close()
            raise
        database = client.get_database_client(self._settings.database)
        self._proxy = database.get_container_client(self._settings.container)

    async def close(self) -> None:
        """Release the connections."""
        client, self._client, self._proxy = self._client, None, None
        credential, self._credential = self._credential, None
        if client is not None:
            await client.close()
        if credential is not None:
            await credential.close()

    async def upsert(self, document: Document) -> None:
        """Write a document, whatever was there."""
        await self._call(self._container.upsert_item(document))

    async def create(self, document: Document) -> None:
        """Write a document; refused with 409 where there is one."""
        await self._call(self._container.create_item(document))

    async def replace(self, document: Document, etag: str) -> None:
        """Write a document over the version with this ETag; refused with 412 or 404."""
        call = self._container.replace_item(
            document["id"], document, etag=etag, match_condition=MatchConditions.IfNotModified
        )
        await self._call(call)

    async def delete(self, at: Place, etag: str | None = None) -> None:
        """Delete a document, on condition of its ETag where one is given; refused with 404 or 412."""
        condition = None if etag is None else MatchConditions.IfNotModified
        key = self._layout.partition_key(at)
        await self._call(self._container.delete_item(at.id, key, etag=etag, match_condition=condition))

    async def transact(self, operations: Sequence[Operation], at: Place) -> None:
        """Apply up to 100 operations of the partition key value of this place, all or none.

        Raises:
            BatchRefusedError: one operation was refused, and so none was applied.
        """
        await self._call(self._container.execute_item_batch(operations, self._layout.partition_key(at)))

    async def present(self, identities: Sequence[str], at: Place) -> set[str]:
        """Which of these documents of the partition key value of this place exist."""
        names = [f"@id{index}" for index in range(len(identities))]
        pager = self._container.query_items(
            _PRESENT.format(", ".join(names)),
            parameters=[
                {"name": name, "value": each} for name, each in zip(names, identities, strict=True)
            ],
            partition_key=self._layout.partition_key(at),
        )
        return set(await self._call(_all_of(pager)))

    async def read(self, at: Place) -> Document:
        """A document as it is now; refused with 404 where there is none."""
        call = self._container.read_item(at.id, self._layout.partition_key(at))
        return dict(await self._call(call))

    async def read_many(self, places: Sequence[Place]) -> list[Document]:
        """The documents that exist at these places, in any order."""
        wanted = [(at.id, self._layout.partition_key(at)) for at in places]
        return list(await self._call(self._container.read_items(wanted)))

    async def ranges(self) -> list[str]:
        """The container's key ranges, one per physical partition, as texts that stay valid after splits."""
        found = await self._call(_all_of(self._container.read_feed_ranges(force_refresh=True)))
        return [_text(each) for each in found]

    async def page(
        self, key_range: str, cursor: str | None, rows_max: int
    ) -> tuple[list[Document], str | None]:
        """A page of all documents of a range, and the cursor of the next page; it may be empty."""
        left = cursors.left_of(key_range, cursor)
        while True:
            documents, continuation = await self._page(*left[0], rows_max)
            parts = await self._call(self._parts_of(left[0].key_range))
            if len(parts) <= 1:
                break
            left = cursors.split(left, parts)  # the page may be one that the SDK began again with
        rest = left[1:] if continuation is None else [Left(left[0].key_range, continuation), *left[1:]]
        return documents, cursors.cursor_of(key_range, rest)

    async def _page(
        self, key_range: str, continuation: str | None, rows_max: int
    ) -> tuple[list[Document], str | None]:
        pages = self._container.query_items(
            "SELECT * FROM c", feed_range=json.loads(key_range), max_item_count=rows_max
        ).by_page(continuation)
        return await self._call(_next_of(pages))

    async def _parts_of(self, key_range: str) -> list[str]:
        """What the SDK takes a range to consist of by now: one part, or several after a split."""
        whole = json.loads(key_range)
        return [
            _text(each)
            async for each in self._container.read_feed_ranges()
            if await self._container.is_feed_range_subset(whole, each)
        ]

    async def definition(self) -> Mapping[str, Any]:
        """The container's definition, read afresh: partition key, time to live, indexing, unique keys."""
        return dict(await self._call(self._container.read()))

    async def consistency(self) -> str:
        """The consistency level of reads: as configured, else the account's."""
        if self._settings.consistency is not None or self._client is None:
            return self._settings.consistency or ""
        account = await self._call(self._client.client_connection.GetDatabaseAccount())
        return str((account.ConsistencyPolicy or {}).get("defaultConsistencyLevel", ""))

    async def throughput(self) -> int | None:
        """The container's own request units per second; None where it is serverless or the database's."""
        try:
            offer = await self._call(self._container.get_throughput())
        except AttributeError:  # azure-cosmos 4.17.1 stumbles over its own 404 where there is none
            return None
        except RefusedError as error:
            if error.refusal.status in {400, 404}:
                return None
            raise
        return offer.auto_scale_max_throughput or offer.offer_throughput

    @property
    def _container(self) -> ContainerProxy:
        if self._proxy is None:
            raise NotConnectedError("the sink is not connected")
        return self._proxy

    def _new_client(self) -> CosmosClient:
        credential = self._new_credential()
        connector = aiohttp.TCPConnector(
            limit=self._settings.connections_max, socket_factory=partial(new_socket, self._seconds)
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # With trust_env aiohttp looks for proxies and .netrc in two other threads at every request.
            trust_env=not getproxies().keys().isdisjoint({"http", "https", "all"}),
            middlewares=(send_once,),
        )
        self._client = CosmosClient(
            self._settings.endpoint,
            credential,
            consistency_level=self._settings.consistency,
            transport=AioHttpTransport(session=session),
            connection_timeout=min(_CONNECT_SECONDS_MAX, self._seconds),
            read_timeout=self._seconds,
            enable_endpoint_discovery=False,
            retry_total=0,
            retry_connect=0,
            retry_read=0,
            retry_status=0,
            retry_throttle_total=-1,
            no_response_on_write=True,
            enable_compact_utf8_item_writes=True,
        )
        return self._client

    def _new_credential(self) -> str | AsyncTokenCredential:
        try:
            key = self._settings.account_key()
        except OSError as error:
            raise PermanentError(
                f"the account key cannot be read: {error}", hint="check key_file"
            ) from error
        if key is not None:
            _require_base64(key)
            return key
        if self._settings.endpoint.startswith("http://"):
            raise errors.refused_credential(
                "no account key is set, and tokens are not sent over plain HTTP"
            )
        self._credential = DefaultAzureCredential()
        return self._credential

    async def _call(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await call
        except (AzureError, TimeoutError) as error:
            raise _translated(error, self._seconds) from error


def _require_base64(key: str) -> None:
    """The SDK would fail on such a key only when it signs the first call, and not in our words."""
    try:
        base64.b64decode(key, validate=True)
    except ValueError as error:
        raise errors.refused_credential("the account key is not base64") from error


def _translated(error: AzureError | TimeoutError, seconds: float) -> RefusedError | ReplicatorError:
    if isinstance(error, cosmos.CosmosBatchOperationError):
        return BatchRefusedError(_refusal(error), error.error_index)
    if isinstance(error, cosmos.CosmosHttpResponseError) and error.status_code:
        return RefusedError(_refusal(error))
    if isinstance(error, ClientAuthenticationError):
        return errors.refused_credential(str(error.message))
    if isinstance(error, ServiceRequestError) and _was_never_sent(error):
        return errors.unreachable(str(error))
    if isinstance(error, TimeoutError):
        return errors.unanswered(f"no answer within {seconds:g} s")
    if isinstance(error, DecodeError):
        return errors.unanswered(f"the answer is not JSON: {error}")
    return errors.unanswered(str(error))


def _was_never_sent(error: ServiceRequestError) -> bool:
    """Whether no connection came about; the SDK uses this error for connections lost later, too."""
    cause = error.inner_exception
    return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)


def _refusal(error: cosmos.CosmosHttpResponseError | cosmos.CosmosBatchOperationError) -> Refusal:
    milliseconds = (error.headers or {}).get("x-ms-retry-after-ms")
    return Refusal(
        status=error.status_code or 0,
        sub_status=int(error.sub_status or 0),
        message=error.error.message
        if error.error and error.error.message
        else error.http_error_message or "",
        retry_after_seconds=None if milliseconds is None else float(milliseconds) / 1000,
    )


async def _all_of(pager: AsyncIterable[Any]) -> list[Any]:
    return [each async for each in pager]


async def _next_of(pages: Any) -> tuple[list[Document], str | None]:
    async for page in pages:
        return [document async for document in page], pages.continuation_token or None
    return [], None  # nothing is left; the token that the SDK still shows is the one that was given


def _text(feed_range: Mapping[str, Any]) -> str:
    return json.dumps(feed_range, sort_keys=True, separators=(",", ":"))
