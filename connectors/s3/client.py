"""The connections to S3 and SQS, and the calls that go through the SDK; it is known here and in ``wire``.

Every call is made once: the engine repeats, and no answer is waited for longer than the bounds here.
The SDK's errors leave as ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore import exceptions as sdk
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError

from connectors.s3.config import SourceSettings
from connectors.s3.errors import misconfigured, translate, unreachable
from connectors.s3.wire import ANSWER_SECONDS_MAX, CONNECT_SECONDS_MAX, Address, Wire
from replicator.model.errors import NotConnectedError, ReplicatorError

ENTRIES_MAX = 10
"""Messages of one SQS call."""

_MODELS = Loader()  # one for all clients: reading the service models takes longer than the first calls
_Answer = dict[str, Any]
_NEVER_SENT = (sdk.EndpointConnectionError, sdk.ConnectTimeoutError, sdk.ProxyConnectionError)
_MAY_PASS = (sdk.CredentialRetrievalError, sdk.MetadataRetrievalError, sdk.SSLError)
_NO_ANSWER = (sdk.HTTPClientError, ResponseParserError, aiohttp.ClientError, OSError, TimeoutError)
_SENT_AT = "SentTimestamp"
_GONE = frozenset({"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"})
_UNMET = frozenset({"PreconditionFailed", "NoSuchKey", "404", "412", "ConditionalRequestConflict"})


class Client:
    """One bucket's and one queue's connections, which live from ``open`` to ``close``.

    Every call raises TransientError or PermanentError as ``errors`` says, and NotConnectedError outside
    ``open`` and ``close``.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._stack: AsyncExitStack | None = None
        self._bucket_api: Any = None
        self._queue_api: Any = None
        self._wire: Wire | None = None

    async def open(self) -> None:
        """Make ready; nothing is sent yet but for credentials. May be called again.

        Raises:
            TransientError, PermanentError: no credentials, no region, no such profile, or a bad endpoint.
        """
        if self._stack is not None:
            return
        session = AioSession(profile=self._settings.profile)
        session.register_component("data_loader", _MODELS)
        async with AsyncExitStack() as stack:
            s3 = self._api(session, "s3", self._settings.region, self._settings.endpoint_url)
            self._bucket_api = await stack.enter_async_context(s3)
            sqs = self._api(session, "sqs", self._queue_region(), self._settings.queue_endpoint_url)
            self._queue_api = await stack.enter_async_context(sqs)
            wire = await _asked("GetCredentials", self._new_wire(session))
            stack.push_async_callback(wire.close)
            self._wire, self._stack = wire, stack.pop_all()

    async def close(self) -> None:
        """Close every socket. May be called more than once."""
        stack, self._stack, self._wire = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    @property
    def wire(self) -> Wire:
        """The way of the calls that are made for each object."""
        if self._wire is None:
            raise _closed()
        return self._wire

    async def bucket_fact(self, operation: str) -> _Answer:
        """What one of the bucket's settings is, by the SDK's name of the call that asks for it."""
        call = getattr(self._bucket(), operation)(Bucket=self._settings.bucket)
        fact: _Answer = await _asked("".join(part.title() for part in operation.split("_")), call)
        return fact

    async def set_notifications(self, configuration: Mapping[str, Any]) -> None:
        """Replace the bucket's notification configuration as a whole; the service tries every target."""
        call = self._bucket().put_bucket_notification_configuration(
            Bucket=self._settings.bucket, NotificationConfiguration=configuration
        )
        await _asked("PutBucketNotificationConfiguration", call, reads=False)

    async def set_queue_policy(self, policy: str) -> None:
        """Replace the queue's policy; an empty text takes it away."""
        call = self._queue().set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        await _asked("SetQueueAttributes", call, reads=False)

    async def put(self, key: str, body: bytes) -> str:
        """Write a small object, and return its ETag without quotes."""
        call = self._bucket().put_object(
            Bucket=self._settings.bucket, Key=key, Body=body, ContentType="text/plain"
        )
        answer = await _asked("PutObject", call, reads=False)
        return str(answer.get("ETag", "")).strip('"')

    async def try_put(self, key: str) -> None:
        """Do what a put needs to be allowed to, over an ETag that no object has: nothing is written."""
        call = self._bucket().put_object(Bucket=self._settings.bucket, Key=key, Body=b"", IfMatch='"never"')
        await _asked("PutObject", call, reads=False, expected=_UNMET)

    async def queue_attributes(self) -> Mapping[str, str]:
        """All attributes of the queue."""
        call = self._queue().get_queue_attributes(QueueUrl=self._url, AttributeNames=["All"])
        attributes: Mapping[str, str] = (await _asked("GetQueueAttributes", call)).get("Attributes", {})
        return attributes

    async def receive(self, wait_seconds: int) -> Sequence[_Answer]:
        """Up to 10 messages, hidden from others from now on; waits for the first where there is none."""
        call = self._queue().receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=ENTRIES_MAX,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=self._settings.hidden_seconds,
            MessageSystemAttributeNames=[_SENT_AT],
        )
        messages: Sequence[_Answer] = (await _asked("ReceiveMessage", call)).get("Messages") or ()
        return messages

    async def delete(self, receipts: Sequence[str]) -> None:
        """Delete at most 10 messages; one that is gone already is deleted.

        Raises:
            TransientError: some are left, also where the service refused only these.
        """
        entries = [{"Id": str(index), "ReceiptHandle": each} for index, each in enumerate(receipts)]
        call = self._queue().delete_message_batch(QueueUrl=self._url, Entries=entries)
        await _entries("DeleteMessageBatch", call)

    async def hide(self, receipts: Sequence[str], seconds: int) -> None:
        """Hide at most 10 messages for so long from now on; one that is gone is no matter."""
        entries = [
            {"Id": str(index), "ReceiptHandle": each, "VisibilityTimeout": seconds}
            for index, each in enumerate(receipts)
        ]
        call = self._queue().change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        await _entries("ChangeMessageVisibilityBatch", call)

    @property
    def _url(self) -> str:
        return self._settings.queue_url

    def _bucket(self) -> Any:
        return self._connected(self._bucket_api)

    def _queue(self) -> Any:
        return self._connected(self._queue_api)

    def _connected(self, api: Any) -> Any:
        if self._stack is None:
            raise _closed()
        return api

    def _queue_region(self) -> str | None:
        return self._settings.queue_region or self._settings.region

    async def _new_wire(self, session: AioSession) -> Wire:
        """The SDK's own word on where the bucket is, taken from a URL that it signs for a key ``k``."""
        signed = await self._bucket_api.generate_presigned_url(
            "get_object", Params={"Bucket": self._settings.bucket, "Key": "k"}
        )
        url, _, query = signed.partition("?")
        own_host = urlsplit(self._bucket_api.meta.endpoint_url).netloc
        # Signed URLs are for the service as a whole, which redirects for new buckets; requests are not.
        url = url.replace(
            f"//{self._settings.bucket}.s3.amazonaws.com/", f"//{self._settings.bucket}.{own_host}/"
        )
        region = parse_qs(query)["X-Amz-Credential"][0].split("/")[-3]
        if urlsplit(url).path[-2:] != "/k":
            raise misconfigured(f"no address for bucket {self._settings.bucket}")
        credentials = await session.get_credentials()
        try:
            return Wire(Address(url[:-1], region), credentials, session.get_config_variable("ca_bundle"))
        except OSError as error:
            raise misconfigured(f"the certificates of AWS_CA_BUNDLE cannot be read: {error}") from error

    @asynccontextmanager
    async def _api(
        self, session: AioSession, service: str, region: str | None, endpoint: str | None
    ) -> AsyncIterator[Any]:
        try:
            creator = session.create_client(
                service, region_name=region, endpoint_url=endpoint, config=_CONFIGS[service]
            )
            api = await creator.__aenter__()
        except (sdk.BotoCoreError, ValueError) as error:
            raise misconfigured(f"no client for {service}: {error}") from error
        try:
            yield api
        finally:
            await creator.__aexit__(None, None, None)


async def _asked(
    operation: str, call: Awaitable[Any], *, reads: bool = True, expected: frozenset[str] = frozenset()
) -> Any:
    try:
        return await call
    except sdk.ClientError as error:
        if error.response.get("Error", {}).get("Code") in expected:
            return {}
        raise _refused(operation, error, reads=reads) from error
    except _NEVER_SENT as error:
        raise unreachable(operation, str(error), settled=True) from error
    except _NO_ANSWER as error:
        raise unreachable(operation, str(error) or type(error).__name__, settled=reads) from error
    except _MAY_PASS as error:  # a role's credentials come over the network, too
        raise unreachable(operation, str(error), settled=True) from error
    except sdk.BotoCoreError as error:
        raise misconfigured(f"{operation}: {error}") from error


def _refused(operation: str, error: sdk.ClientError, *, reads: bool) -> ReplicatorError:
    told = error.response.get("Error", {})
    about = error.response.get("ResponseMetadata", {})
    wait = about.get("HTTPHeaders", {}).get("retry-after", "")
    return translate(
        operation,
        str(told.get("Code", "")).rpartition("#")[2],
        str(told.get("Message", "")),
        about.get("HTTPStatusCode", 0),
        region=str(told.get("Region", "")),
        retry_after_seconds=float(wait) if wait.isdigit() else None,
        reads=reads,
    )


async def _entries(operation: str, call: Awaitable[_Answer]) -> None:
    """Make a call of several entries; it succeeds where none failed but those of messages that are gone."""
    failed = (await _asked(operation, call, reads=False)).get("Failed") or ()
    for entry in failed:
        code = str(entry.get("Code", "")).rpartition(".")[2]
        if code not in _GONE:
            status = 400 if entry.get("SenderFault") else 500
            raise translate(operation, code, str(entry.get("Message", "")), status, reads=False)


def _closed() -> NotConnectedError:
    return NotConnectedError("the S3 client is closed")


def _config(**more: Any) -> AioConfig:
    return AioConfig(
        connect_timeout=CONNECT_SECONDS_MAX,
        max_pool_connections=64,
        tcp_keepalive=True,
        retries={"total_max_attempts": 1, "mode": "standard"},
        **more,
    )


_CONFIGS = {
    "s3": _config(
        read_timeout=ANSWER_SECONDS_MAX,
        signature_version="s3v4",
        s3={"us_east_1_regional_endpoint": "regional"},
    ),
    "sqs": _config(read_timeout=ANSWER_SECONDS_MAX + 20),  # a receive call waits for up to 20 seconds
}
