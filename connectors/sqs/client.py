"""The one file that speaks to SQS's SDK; above it there are plain answers and our errors.

Every call is made once: the engine repeats, and no answer is waited for longer than the bounds here.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import orjson
from aiobotocore.config import AioConfig
from aiobotocore.parsers import AioJSONParser, AioResponseParserFactory
from aiobotocore.session import AioSession
from botocore import exceptions as sdk
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError

from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.errors import misconfigured, translate, unreachable
from replicator.model.errors import NotConnectedError, ReplicatorError

ENTRIES_MAX = 10
"""Messages of one call (SQS API reference, ReceiveMessage and the batch calls)."""

CONNECT_SECONDS_MAX = 5.0
ANSWER_SECONDS_MAX = 10.0

Answer = Mapping[str, Any]

_MODELS = Loader()  # one for all clients: reading the service model takes longer than the first calls
_NEVER_SENT = (sdk.EndpointConnectionError, sdk.ConnectTimeoutError, sdk.ProxyConnectionError)
_MAY_PASS = (sdk.CredentialRetrievalError, sdk.MetadataRetrievalError, sdk.SSLError)
_NO_ANSWER = (sdk.HTTPClientError, ResponseParserError, aiohttp.ClientError, OSError, TimeoutError)
GONE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"})


class Client:
    """One queue's connections, which live from ``open`` to ``close``.

    Every call raises TransientError or PermanentError as ``errors`` says, and NotConnectedError outside
    ``open`` and ``close``.
    """

    def __init__(self, settings: SqsSourceSettings) -> None:
        self._settings = settings
        self._stack: AsyncExitStack | None = None
        self._api: Any = None
        self._url = settings.queue_url

    async def open(self) -> None:
        """Make ready; nothing is sent yet but for credentials, and a name. May be called again."""
        if self._stack is not None:
            return
        session = AioSession(profile=self._settings.profile)
        session.register_component("data_loader", _MODELS)
        session.register_component("response_parser_factory", _ParserFactory())
        async with AsyncExitStack() as stack:
            self._api = await stack.enter_async_context(self._new_api(session))
            if self._url is None:
                call = self._api.get_queue_url(QueueName=self._settings.queue)
                self._url = str((await _asked("GetQueueUrl", call))["QueueUrl"])
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Close every socket. May be called more than once."""
        stack, self._stack, self._api = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    async def attributes(self) -> Mapping[str, str]:
        """All attributes of the queue."""
        call = self._queue.get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
        attributes: Mapping[str, str] = (await _asked("GetQueueAttributes", call)).get("Attributes", {})
        return attributes

    async def receive(self, wait_seconds: int, attempt: str | None = None) -> Sequence[Answer]:
        """Up to 10 messages, hidden from others from now on; waits for the first where there is none.

        ``attempt`` names the call, of a FIFO queue only: repeated under its name after an answer was lost,
        it gets the same messages (SQS API reference, ReceiveRequestAttemptId).
        """
        named = {} if attempt is None else {"ReceiveRequestAttemptId": attempt}
        call = self._queue.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=ENTRIES_MAX,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._settings.hidden_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
            **named,
        )
        messages: Sequence[Answer] = (await _asked("ReceiveMessage", call)).get("Messages") or ()
        return messages

    async def send(self, **message: Any) -> None:
        """Send one message, in the API's own words."""
        await _asked("SendMessage", self._queue.send_message(QueueUrl=self._url, **message))

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete at most 10 messages; one that is gone already is deleted.

        Raises:
            TransientError: some are left, also where the service refused only these.
        """
        entries = [{"Id": str(index), "ReceiptHandle": each} for index, each in enumerate(receipts)]
        call = self._queue.delete_message_batch(QueueUrl=self._url, Entries=entries)
        await _entries("DeleteMessageBatch", call)

    async def hide(self, receipts: Sequence[str], seconds: int) -> None:
        """Hide at most 10 messages for so long from now on; one that is gone is no matter."""
        entries = [
            {"Id": str(index), "ReceiptHandle": each, "VisibilityTimeout": seconds}
            for index, each in enumerate(receipts)
        ]
        call = self._queue.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        await _entries("ChangeMessageVisibilityBatch", call)

    @property
    def _queue(self) -> Any:
        if self._stack is None:
            raise NotConnectedError("the SQS client is closed")
        return self._api

    def _new_api(self, session: AioSession) -> Any:
        try:
            return _Api(
                session.create_client(
                    "sqs",
                    region_name=self._settings.region or self._settings.url_region,
                    endpoint_url=self._settings.endpoint_url,
                    config=_config(self._settings.receivers_max + 16),
                )
            )
        except (sdk.BotoCoreError, ValueError) as error:
            raise misconfigured(f"no client for sqs: {error}") from error


class _Api:
    """The SDK's client as a context whose entering raises our errors."""

    def __init__(self, creator: Any) -> None:
        self._creator = creator

    async def __aenter__(self) -> Any:
        try:
            return await self._creator.__aenter__()
        except (sdk.BotoCoreError, ValueError) as error:
            raise misconfigured(f"no client for sqs: {error}") from error

    async def __aexit__(self, *told: object) -> None:
        await self._creator.__aexit__(*told)


async def _asked(operation: str, call: Awaitable[Any]) -> Answer:
    try:
        answer: Answer = await call
    except sdk.ClientError as error:
        raise _refused(operation, error) from error
    except _NEVER_SENT as error:
        raise unreachable(operation, str(error), settled=_was_never_sent(error)) from error
    except _MAY_PASS as error:  # a role's credentials come over the network, too
        raise unreachable(operation, str(error), settled=True) from error
    except _NO_ANSWER as error:
        raise unreachable(operation, str(error) or type(error).__name__, settled=False) from error
    except sdk.BotoCoreError as error:
        raise misconfigured(f"{operation}: {error}") from error
    return answer


def _was_never_sent(error: sdk.BotoCoreError) -> bool:
    """Whether no connection was made; the SDK gives a connection that broke off the same name."""
    if not isinstance(error, sdk.EndpointConnectionError):
        return True
    return isinstance(error.kwargs.get("error"), (aiohttp.ClientConnectorError, socket.gaierror))


def _refused(operation: str, error: sdk.ClientError) -> ReplicatorError:
    told = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    wait = about.get("HTTPHeaders", {}).get("retry-after", "")
    return translate(
        operation,
        str(told.get("Code", "")),
        str(told.get("Message", "")),
        about.get("HTTPStatusCode", 0),
        retry_after_seconds=float(wait) if wait.isdigit() else None,
    )


async def _entries(operation: str, call: Awaitable[Answer]) -> None:
    """Make a call of several entries; it succeeds where none failed but those of messages that are gone."""
    for entry in (await _asked(operation, call)).get("Failed") or ():
        code = str(entry.get("Code", "")).rpartition(".")[2]
        if code not in GONE:
            status = 400 if entry.get("SenderFault") else 500
            raise translate(operation, code, str(entry.get("Message", "")), status)


def _config(connections_max: int) -> AioConfig:
    return AioConfig(
        connect_timeout=CONNECT_SECONDS_MAX,
        read_timeout=ANSWER_SECONDS_MAX + 20,  # a receive call waits for up to 20 seconds
        max_pool_connections=connections_max,
        tcp_keepalive=True,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )


class _Parser(AioJSONParser):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's parser, except for messages, where a JSON parser alone gives the same in less time."""

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:
        if shape is None or shape.name != "ReceiveMessageResult":
            return super()._handle_json_body(raw_body, shape)
        try:
            answer = orjson.loads(raw_body) if raw_body else {}
            for message in answer.get("Messages") or ():
                for value in (message.get("MessageAttributes") or {}).values():
                    if value.get("BinaryValue") is not None:
                        value["BinaryValue"] = base64.b64decode(value["BinaryValue"])
        except ValueError as error:
            raise ResponseParserError(f"not JSON: {error}") from error
        return answer


class _ParserFactory(AioResponseParserFactory):  # type: ignore[misc]  # the SDK is untyped
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name == "json":
            return _Parser(**self._defaults)
        return super().create_parser(protocol_name)
