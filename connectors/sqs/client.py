"""The one file that speaks to SQS's SDK; above it there are plain answers and our errors.

Every call is made once: the engine repeats, and no answer is waited for longer than the bounds here.
"""

from __future__ import annotations

import base64
from contextlib import AsyncExitStack
from typing import Any

import orjson

from connectors.aws.client import asked, new_config, new_session, open_api
from connectors.aws.queue import Queue
from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.errors import translate
from replicator.model.errors import NotConnectedError

CONNECT_SECONDS_MAX = 5.0
ANSWER_SECONDS_MAX = 10.0
WAIT_SECONDS_MAX = 20.0
"""The longest that a receive call waits at an empty queue (SQS API reference, ReceiveMessage)."""


class Client:
    """One queue's connections, which live from ``open`` to ``close``.

    Every call raises TransientError or PermanentError as ``errors`` says, and NotConnectedError outside
    ``open`` and ``close``.
    """

    def __init__(self, settings: SqsSourceSettings) -> None:
        self.queue = Queue(self._connected, settings.queue_url or "", translate)
        self._settings = settings
        self._stack: AsyncExitStack | None = None
        self._api: Any = None

    async def open(self) -> None:
        """Make ready; nothing is sent yet but for credentials, and a name. May be called again."""
        if self._stack is not None:
            return
        settings = self._settings
        session = new_session(settings.profile, {"ReceiveMessageResult": _received})
        config = new_config(
            CONNECT_SECONDS_MAX, ANSWER_SECONDS_MAX + WAIT_SECONDS_MAX, settings.receivers_max + 16
        )
        async with AsyncExitStack() as stack:
            api = open_api(
                session, "sqs", config, settings.region or settings.url_region, settings.endpoint_url
            )
            self._api = await stack.enter_async_context(api)
            if not self.queue.url:
                call = self._api.get_queue_url(QueueName=settings.queue)
                self.queue.url = str((await asked("GetQueueUrl", call, translate, reads=True))["QueueUrl"])
            self._stack = stack.pop_all()

    async def close(self) -> None:
        """Close every socket. May be called more than once."""
        stack, self._stack, self._api = self._stack, None, None
        if stack is not None:
            await stack.aclose()

    def _connected(self) -> Any:
        if self._stack is None:
            raise NotConnectedError("the SQS client is closed")
        return self._api


def _received(body: bytes) -> Any:
    """An answer with messages; a JSON parser alone gives what the SDK's gives, in less time."""
    answer = orjson.loads(body) if body else {}
    for message in answer.get("Messages") or ():
        for value in (message.get("MessageAttributes") or {}).values():
            if value.get("BinaryValue") is not None:
                value["BinaryValue"] = base64.b64decode(value["BinaryValue"])
    return answer
