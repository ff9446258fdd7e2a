"""The part of ``client`` that asks the identity library for tokens, where no key or signature is set."""

from __future__ import annotations

import asyncio
import time

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity.aio import DefaultAzureCredential

from connectors.blob import errors

_SCOPE = "https://storage.azure.com/.default"
_SPARE_SECONDS = 300.0


class Identity:
    """Tokens of DefaultAzureCredential, each used until shortly before it ends."""

    def __init__(self) -> None:
        self._credential = DefaultAzureCredential()
        self._lock = asyncio.Lock()
        self._token, self._expires_at = "", 0.0

    async def token(self) -> str:
        """A token that is valid now."""
        async with self._lock:
            if time.time() > self._expires_at - _SPARE_SECONDS:
                try:
                    given = await self._credential.get_token(_SCOPE)
                except ClientAuthenticationError as error:
                    raise errors.refused_credential(str(error.message)) from error
                except AzureError as error:
                    raise errors.unreachable(f"no token could be had: {error}") from error
                self._token, self._expires_at = given.token, float(given.expires_on)
            return self._token

    async def close(self) -> None:
        """Release the credential's connections."""
        await self._credential.close()
