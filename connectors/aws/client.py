"""The SDK's clients, made alike, and their errors as ours.

Every call is made once: the engine repeats, and no answer is waited for longer than the bounds given here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.parsers import AioJSONParser, AioResponseParserFactory
from aiobotocore.session import AioSession
from botocore import exceptions as sdk
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError

from connectors.aws.errors import Refusal, misconfigured, unreachable
from connectors.aws.sending import OnceSession, was_never_sent
from connectors.wire.once import new_socket
from replicator.model.errors import ReplicatorError

Answer = Mapping[str, Any]
Decode = Callable[[bytes], Any]
Translate = Callable[[Refusal], ReplicatorError]

_MODELS = Loader()  # one for all clients: reading the service models takes longer than the first calls
_NO_CONNECTION = (
    sdk.EndpointConnectionError,
    sdk.ConnectTimeoutError,
    sdk.ProxyConnectionError,
    sdk.SSLError,
)
_NO_CREDENTIALS = (sdk.CredentialRetrievalError, sdk.MetadataRetrievalError)
_NO_ANSWER = (sdk.HTTPClientError, ResponseParserError, aiohttp.ClientError, OSError, TimeoutError)


def new_session(profile: str | None, decoders: Mapping[str, Decode] | None = None) -> AioSession:
    """A session of the SDK.

    Args:
        profile: of the AWS configuration files; None for the default.
        decoders: by the name of an answer's shape in the service model, what takes the JSON of such an
            answer apart instead of the SDK, whose parser walks every value; they raise ValueError.
    """
    session = AioSession(profile=profile)
    session.register_component("data_loader", _MODELS)
    if decoders:
        session.register_component("response_parser_factory", _ParserFactory(decoders))
    return session


def new_config(
    connect_seconds: float, answer_seconds: float, connections_max: int, **more: Any
) -> AioConfig:
    """The configuration of a client whose calls are made once, and given up after these times."""
    return AioConfig(
        connect_timeout=connect_seconds,
        read_timeout=answer_seconds,
        max_pool_connections=connections_max,
        tcp_keepalive=True,
        retries={"total_max_attempts": 1, "mode": "standard"},
        connector_args={"socket_factory": partial(new_socket, answer_seconds)},
        http_session_cls=OnceSession,
        **more,
    )


@asynccontextmanager
async def open_api(
    session: AioSession, service: str, config: AioConfig, region: str | None, endpoint: str | None
) -> AsyncIterator[Any]:
    """A client of a service; nothing is sent yet but for credentials.

    Raises:
        PermanentError: no region, no such profile, or a bad endpoint.
    """
    try:
        creator = session.create_client(service, region_name=region, endpoint_url=endpoint, config=config)
        api = await creator.__aenter__()
    except (sdk.BotoCoreError, ValueError) as error:
        raise misconfigured(f"no client for {service}: {error}") from error
    try:
        yield api
    finally:
        await creator.__aexit__(None, None, None)


async def asked(
    operation: str,
    call: Awaitable[Any],
    translate: Translate,
    *,
    reads: bool = False,
    expected: frozenset[str] = frozenset(),
) -> Any:
    """What the service answers to a call of the SDK.

    Args:
        operation: the API's name of the call.
        call: the SDK's.
        translate: what an error answer means.
        reads: whether the call changes nothing, so that its outcome is never in doubt.
        expected: codes of error answers that count as an empty answer.

    Raises:
        TransientError: no answer came; settled where the request was certainly not sent, or where it reads.
        ReplicatorError: as ``translate`` says.
        PermanentError: there is nothing to send with.
    """
    try:
        return await call
    except sdk.ClientError as error:
        refusal = _refusal(operation, error, reads=reads)
        if refusal.code in expected:
            return {}
        raise translate(refusal) from error
    except _NO_CONNECTION as error:
        settled = reads or was_never_sent(error)
        raise unreachable(operation, str(error), settled=settled) from error
    except _NO_CREDENTIALS as error:  # a role's credentials come over the network, and before the call
        raise unreachable(operation, str(error), settled=True) from error
    except _NO_ANSWER as error:
        raise unreachable(operation, str(error) or type(error).__name__, settled=reads) from error
    except sdk.BotoCoreError as error:
        raise misconfigured(f"{operation}: {error}") from error


def _refusal(operation: str, error: sdk.ClientError, *, reads: bool) -> Refusal:
    told = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    wait = about.get("HTTPHeaders", {}).get("retry-after", "")
    return Refusal(
        operation,
        str(told.get("Code", "")).rpartition("#")[2],
        str(told.get("Message", "")),
        about.get("HTTPStatusCode", 0),
        region=str(told.get("Region", "")),
        retry_after_seconds=float(wait) if wait.isdigit() else None,
        reads=reads,
    )


class _Parser(AioJSONParser):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's parser, except for the answers that have decoders."""

    def __init__(self, decoders: Mapping[str, Decode], **defaults: Any) -> None:
        super().__init__(**defaults)
        self._decoders = decoders

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:
        decode = None if shape is None else self._decoders.get(shape.name)
        if decode is None:
            return super()._handle_json_body(raw_body, shape)
        try:
            return decode(raw_body)
        except ValueError as error:
            raise ResponseParserError(f"not JSON: {error}") from error


class _ParserFactory(AioResponseParserFactory):  # type: ignore[misc]  # the SDK is untyped
    def __init__(self, decoders: Mapping[str, Decode]) -> None:
        super().__init__()
        self._decoders = decoders

    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name == "json":
            return _Parser(self._decoders, **self._defaults)
        return super().create_parser(protocol_name)
