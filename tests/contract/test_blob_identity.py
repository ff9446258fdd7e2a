"""Tokens come from the identity library, are kept while they are good, and are missed in our words."""

import contextlib
import time

import pytest
from aiohttp import web

from connectors.blob.identity import Identity
from replicator.model.errors import PermanentError, ReplicatorError


@contextlib.asynccontextmanager
async def tokens(monkeypatch, answer):
    """A managed identity as App Service has it, of which the library learns from the environment."""
    asked = []

    async def handle(request):
        asked.append(request.query["resource"])
        return answer(len(asked))

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    identity = Identity()
    try:
        yield identity, asked
    finally:
        await identity.close()
        await runner.cleanup()


def token_for(seconds):
    """An answer with a numbered token that is good for so long."""

    def answer(number):
        expires_on = str(int(time.time() + seconds))
        return web.json_response(
            {
                "access_token": f"token-{number}",
                "expires_on": expires_on,
                "resource": "https://storage.azure.com",
                "token_type": "Bearer",
            }
        )

    return answer


async def test_a_token_is_asked_for_once(monkeypatch):
    """It is for Azure Storage, and used again for as long as it is good."""
    async with tokens(monkeypatch, token_for(3600)) as (identity, asked):
        assert [await identity.token() for _ in range(3)] == ["token-1"] * 3
        assert asked == ["https://storage.azure.com"]


async def test_no_identity_is_a_refused_credential(monkeypatch):
    """Where the machine has none, the hint says what to set or which role to give."""
    async with tokens(monkeypatch, lambda _: web.json_response({"error": "none"}, status=400)) as (
        identity,
        _,
    ):
        with pytest.raises(ReplicatorError, match="credential") as caught:
            await identity.token()
        assert isinstance(caught.value, PermanentError)
        assert caught.value.hint
