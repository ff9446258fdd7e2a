"""The connections to S3 and SQS, and the calls that go through the SDK; it is known here and in ``wire``.

Every call is made once: the engine repeats, and no answer is waited for longer than the bounds here.
The SDK's errors leave as ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiobotocore.session import AioSession

from connectors.aws.client import asked, new_config, new_session, open_api
from connectors.aws.errors import misconfigured
from connectors.aws.queue import Queue
from connectors.s3.config import SourceSettings
from connectors.s3.errors import translate
from connectors.s3.rules import Rules
from connectors.s3.wire import ANSWER_SECONDS_MAX, CONNECT_SECONDS_MAX, Address, Wire
from replicator.model.errors import NotConnectedError

_CONNECTIONS_MAX = 64
_WAIT_SECONDS_MAX = 20.0  # of a receive call
_Answer = dict[str, Any]
_UNMET = frozenset({"PreconditionFailed", "NoSuchKey", "404", "412", "ConditionalRequestConflict"})


class Client:
    """One bucket's and one queue's connections, which live from ``open`` to ``close``.

    Every call raises TransientError or PermanentError as ``errors`` says, and NotConnectedError outside
    ``open`` and ``close``.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self.queue = Queue(self._queue, settings.queue_url, translate)
        self._settings = settings
        self._stack: AsyncExitStack | None = None
        self.rules = Rules(self._bus)
        self._session: AioSession | None = None
        self._bucket_api: Any = None
        self._queue_api: Any = None
        self._bus_api: Any = None
        self._wire: Wire | None = None

    async def open(self) -> None:
        """Make ready; nothing is sent yet but for credentials. May be called again.

        Raises:
            TransientError, PermanentError: no credentials, no region, no such profile, or a bad endpoint.
        """
        if self._stack is not None:
            return
        settings = self._settings
        session = new_session(settings.profile)
        async with AsyncExitStack() as stack:
            s3 = open_api(session, "s3", _CONFIGS["s3"], settings.region, settings.endpoint_url)
            self._bucket_api = await stack.enter_async_context(s3)
            region = settings.queue_region or settings.region
            sqs = open_api(session, "sqs", _CONFIGS["sqs"], region, settings.queue_endpoint_url)
            self._queue_api = await stack.enter_async_context(sqs)
            wire = await asked("GetCredentials", self._new_wire(session), translate, reads=True)
            stack.push_async_callback(wire.close)
            self._session, self._wire, self._stack = session, wire, stack.pop_all()

    async def close(self) -> None:
        """Close every socket. May be called more than once."""
        stack, self._stack, self._wire, self._bus_api = self._stack, None, None, None
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
        name = "".join(part.title() for part in operation.split("_"))
        fact: _Answer = await asked(name, call, translate, reads=True)
        return fact

    async def set_notifications(self, configuration: Mapping[str, Any]) -> None:
        """Replace the bucket's notification configuration as a whole; the service tries every target."""
        call = self._bucket().put_bucket_notification_configuration(
            Bucket=self._settings.bucket, NotificationConfiguration=configuration
        )
        await asked("PutBucketNotificationConfiguration", call, translate)

    async def put(self, key: str, body: bytes) -> str:
        """Write a small object, and return its ETag without quotes."""
        call = self._bucket().put_object(
            Bucket=self._settings.bucket, Key=key, Body=body, ContentType="text/plain"
        )
        answer = await asked("PutObject", call, translate)
        return str(answer.get("ETag", "")).strip('"')

    async def try_put(self, key: str) -> None:
        """Do what a put needs to be allowed to, over an ETag that no object has: nothing is written."""
        call = self._bucket().put_object(Bucket=self._settings.bucket, Key=key, Body=b"", IfMatch='"never"')
        await asked("PutObject", call, translate, expected=_UNMET)

    def _bucket(self) -> Any:
        return self._connected(self._bucket_api)

    def _queue(self) -> Any:
        return self._connected(self._queue_api)

    async def _bus(self) -> Any:
        """A client of EventBridge, which most buckets never need."""
        if self._stack is None or self._session is None:
            raise _closed()
        if self._bus_api is None:
            settings = self._settings
            endpoint = settings.event_bridge_endpoint_url
            api = open_api(self._session, "events", _CONFIGS["events"], settings.region, endpoint)
            self._bus_api = await self._stack.enter_async_context(api)
        return self._bus_api

    def _connected(self, api: Any) -> Any:
        if self._stack is None:
            raise _closed()
        return api

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


def _closed() -> NotConnectedError:
    return NotConnectedError("the S3 client is closed")


_CONFIGS = {
    "s3": new_config(
        CONNECT_SECONDS_MAX,
        ANSWER_SECONDS_MAX,
        _CONNECTIONS_MAX,
        signature_version="s3v4",
        s3={"us_east_1_regional_endpoint": "regional"},
    ),
    "events": new_config(CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX, _CONNECTIONS_MAX),
    "sqs": new_config(CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX + _WAIT_SECONDS_MAX, _CONNECTIONS_MAX),
}
