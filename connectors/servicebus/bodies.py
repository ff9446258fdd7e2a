"""The container into which bodies go that are too large for their messages. Part of ``client``.

A blob is written in one call, on condition that it is not there. Its name names its content (``claim``), so
a call that lands twice, or late, changes nothing, and that is why its failures are settled in any case.
Nothing is ever deleted here. There are no retries, but for aiohttp's own of a PUT whose connection broke.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
)
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import ContainerClient

from connectors.servicebus import errors
from connectors.servicebus.claim import Claim
from connectors.servicebus.config import ClaimCheckSettings
from connectors.servicebus.errors import BlobRefusal
from replicator.model.errors import NotConnectedError, PermanentError

UPLOADS_MAX = 8
"""Bodies that are written at the same time."""

KEPT_MAX = 4096
"""Names remembered of bodies whose messages are not sent yet, so that a call that is repeated for want of
time does not write them again."""

_BODY_BYTES_MAX = 256 * 1024 * 1024  # in one call; no message is larger than 100 MB, and SQS's have 1 MiB
_TRIAL_NAME = "replicator-trial"
_UNMET = frozenset({"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"})


class Bodies:
    """A container of bodies; no call is made before one is needed."""

    def __init__(self, settings: ClaimCheckSettings, seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds
        self._client: ContainerClient | None = None
        self._credential: DefaultAzureCredential | None = None
        self._turns = asyncio.Semaphore(UPLOADS_MAX)
        self._kept: dict[str, None] = {}

    @property
    def container(self) -> str:
        """Its name."""
        return self._settings.container

    def open(self) -> None:
        """Make ready for calls; nothing is sent.

        Raises:
            PermanentError: there is no usable credential.
        """
        if self._client is None:
            self._client = self._new_client()

    async def close(self) -> None:
        """Release the connections."""
        client, self._client = self._client, None
        credential, self._credential = self._credential, None
        for each in (client, credential):
            if each is not None:
                await each.close()

    async def keep(self, bodies: Mapping[Claim, bytes], content_type: str, deadline: float) -> list[Claim]:
        """Make the bodies durable where their claims say; returns claims whose blob has another content.

        Raises:
            TransientError, PermanentError: not all of them are; those that are stay.
        """
        writes = [self._keep(claim, body, content_type) for claim, body in bodies.items()]
        try:
            async with asyncio.timeout_at(deadline):
                done = await asyncio.gather(*writes, return_exceptions=True)
        except TimeoutError as error:
            raise errors.body_unanswered("no answer came in time") from error
        failed = [each for each in done if isinstance(each, BaseException)]
        if failed:
            raise next((each for each in failed if isinstance(each, PermanentError)), failed[0])
        return [claim for claim, kept in zip(bodies, done, strict=True) if not kept]

    def forget(self, claims: Mapping[Claim, bytes]) -> None:
        """Their messages are sent: whoever sends one again has to see that its body still is there."""
        for claim in claims:
            self._kept.pop(claim.name, None)

    async def try_write(self) -> None:
        """Try a write that cannot come about, since it wants a blob to be replaced that is not there.

        Raises:
            TransientError, PermanentError: the container cannot be written to.
        """
        with contextlib.suppress(_UnmetError):
            async with self._call():
                await self._opened().upload_blob(
                    _TRIAL_NAME,
                    b"",
                    overwrite=True,
                    etag='"0x0"',
                    match_condition=MatchConditions.IfNotModified,
                )

    async def _keep(self, claim: Claim, body: bytes, content_type: str) -> bool:
        if claim.name in self._kept:
            return True
        async with self._turns:
            if not await self._create(claim, body, content_type) and not await self._is_there(claim, body):
                return False
        self._kept[claim.name] = None
        if len(self._kept) > KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        return True

    async def _create(self, claim: Claim, body: bytes, content_type: str) -> bool:
        """Whether it was written now; False where there is a blob of that name already."""
        settings = ContentSettings(content_type=content_type or "application/octet-stream")
        try:
            async with self._call():
                # validate_content sends its MD5, which the service compares and keeps.
                await self._opened().upload_blob(
                    claim.name, body, length=len(body), content_settings=settings, validate_content=True
                )
        except _UnmetError:
            return False
        return True

    async def _is_there(self, claim: Claim, body: bytes) -> bool:
        """Whether the blob that is there has this content, by the digest that the service computed."""
        async with self._call():
            blob = self._opened().get_blob_client(claim.name)
            found = await blob.get_blob_properties()
            if found.size != len(body):
                return False
            digest = found.content_settings.content_md5
            if digest:
                return bytes(digest) == hashlib.md5(body, usedforsecurity=False).digest()
            return bool(await (await blob.download_blob()).readall() == body)

    @contextlib.asynccontextmanager
    async def _call(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except TimeoutError as error:
            raise errors.body_unanswered(f"no answer came within {self._seconds:g} s") from error
        except HttpResponseError as error:
            refusal = _refusal_of(error)
            if refusal.code in _UNMET:
                raise _UnmetError from error
            raise errors.translate_body(refusal) from error
        except (AzureError, OSError, ValueError) as error:
            raise errors.translate_body(_refusal_of(error)) from error

    def _opened(self) -> ContainerClient:
        if self._client is None:
            raise NotConnectedError("the sink is not connected")
        return self._client

    def _new_client(self) -> ContainerClient:
        seconds = self._seconds
        options: dict[str, Any] = {
            "retry_total": 0,
            "connection_timeout": seconds,
            "read_timeout": seconds,
            "max_single_put_size": _BODY_BYTES_MAX,
        }
        container = self._settings.container
        try:
            text = self._settings.connection_string()
            if text is not None:
                return ContainerClient.from_connection_string(text, container, **options)
        except OSError as error:
            raise PermanentError(
                f"the connection string of the claim check cannot be read: {error}",
                hint="check claim_check.connection_string_file",
            ) from error
        except ValueError:
            # Its text may quote the connection string, which holds the key.
            raise PermanentError(
                "the connection string of the claim check is none",
                hint="copy it anew from the storage account's access keys",
            ) from None
        self._credential = DefaultAzureCredential()
        return ContainerClient(self._settings.endpoint, container, self._credential, **options)


class _UnmetError(Exception):
    """The condition of a write does not hold."""


def _refusal_of(error: Exception) -> BlobRefusal:
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", None) or {}
    wait = str(headers.get("Retry-After", ""))
    code = getattr(error, "error_code", None)
    return BlobRefusal(
        status=int(getattr(error, "status_code", None) or 0),
        code=str(getattr(code, "value", code) or ""),
        text=str(getattr(error, "message", "") or error),
        retry_after_seconds=float(wait) if wait.isdecimal() else None,
        unreachable=isinstance(error, ServiceRequestError),
        credential=isinstance(error, ClientAuthenticationError),
    )
