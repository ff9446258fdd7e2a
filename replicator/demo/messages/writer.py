"""The workload of a queue: a process of its own that sends to it with boto3.

``python -m replicator.demo.messages.writer --end QUEUE --ledger FILE`` sends ``--count`` messages, then
``--rate`` a second until SIGTERM: notices, or steps where the queue is a FIFO one. It tells what it has
done on standard output, one JSON object a line, and keeps what has to arrive, and in which order, in its
ledger.
"""

from __future__ import annotations

from threading import Event
from typing import Any

import boto3
from botocore.config import Config

from replicator.demo.desk import Desk, run
from replicator.demo.messages.canonical import canonical
from replicator.demo.messages.making import Made, Messages

BATCH_MESSAGES_MAX = 10
BATCH_CHARACTERS_MAX = 200_000
"""Of one SendMessageBatch (SQS API reference), with room for what surrounds the bodies."""

# Nobody knows whether a send that broke has arrived, so none is repeated.
_ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=20)


class MessageWriter:
    """Sends to one queue, one call at a time, so that it knows the order."""

    def __init__(self, desk: Desk, queue: str, seed: int) -> None:
        self._client = boto3.client("sqs", config=_ONCE)
        self._url = self._client.get_queue_url(QueueName=queue)["QueueUrl"]
        self._desk = desk
        messages = Messages(seed)
        self._make = messages.step if queue.endswith(".fifo") else messages.notice
        self._sent = 0
        self._last: dict[str, str] = {}

    def load(self, count: int, stop: Event) -> None:
        """Send what waits in the queue before anybody moves it."""
        done = self._desk.done
        while done["loaded"] < count and not stop.is_set():
            done["loaded"] += self._send_some(min(BATCH_MESSAGES_MAX, count - done["loaded"]))
            self._desk.tell()

    def write(self) -> None:
        """Send one more."""
        self._desk.done["sent"] += self._send_some(1)

    def _send_some(self, count: int) -> int:
        made = [self._make()]
        while len(made) < count and sum(len(each.body) for each in made) < BATCH_CHARACTERS_MAX / 2:
            made.append(self._make())
        entries = [self._entry(each, str(at)) for at, each in enumerate(made)]
        answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        ids = {each["Id"]: each["MessageId"] for each in answer["Successful"]}
        if len(ids) < len(made):
            raise RuntimeError(f"SQS refused messages: {answer['Failed']}")
        for at, each in enumerate(made):
            self._note(each, ids[str(at)])
        return len(made)

    def _entry(self, made: Made, entry_id: str) -> dict[str, Any]:
        self._sent += 1
        entry = {
            "Id": entry_id,
            "MessageBody": made.body,
            "MessageAttributes": {name: _typed(*each) for name, each in made.attributes.items()},
        }
        if made.group is not None:
            entry |= {"MessageGroupId": made.group, "MessageDeduplicationId": f"step-{self._sent}"}
        return entry

    def _note(self, made: Made, message_id: str) -> None:
        if made.group is None:
            self._desk.ledger.note((message_id,), canonical(made.body, made.attributes, None))
            return
        after = self._last.get(made.group)
        self._last[made.group] = message_id
        self._desk.ledger.note((made.group, message_id), canonical(made.body, made.attributes, after))


def _typed(kind: str, value: str | bytes) -> dict[str, Any]:
    return {"DataType": kind, "BinaryValue" if isinstance(value, bytes) else "StringValue": value}


if __name__ == "__main__":
    run(MessageWriter, __doc__)
