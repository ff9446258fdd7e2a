"""An SQS queue for the source's tests: behind the shaping proxy, or in the real account."""

import asyncio
from contextlib import asynccontextmanager

import boto3

from connectors.sqs import SqsSourceSettings, connector
from replicator.connector import Context

SPARE = {"standard": {}, "fifo": {"FifoQueue": "true"}}


class Queue:
    """A queue of a test's own."""

    def __init__(self, name, attributes):
        self.fifo = attributes.get("FifoQueue") == "true"
        self.name = f"{name}.fifo" if self.fifo else name
        self.sqs = boto3.client("sqs")
        self.url = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self._opened = []
        self._sent = 0

    def source(self, **settings):
        """A source of the queue, not connected; closed with the queue."""
        given = {"queue_url": self.url, "poll_seconds": 1, "hidden_seconds": 2, **settings}
        source = connector.open_source(SqsSourceSettings(**given), Context("events"))
        self._opened.append(source)
        return source

    async def send(self, body, attributes=None, group=None, delay=0):
        """Send a message as the queue's users do."""
        self._sent += 1
        told = {
            name: {
                "DataType": each.type,
                ("BinaryValue" if isinstance(each.value, bytes) else "StringValue"): each.value,
            }
            for name, each in (attributes or {}).items()
        }
        grouped = {"MessageGroupId": group, "MessageDeduplicationId": f"{self._sent}"} if self.fifo else {}
        grouped |= {"DelaySeconds": delay} if delay else {}
        await asyncio.to_thread(
            self.sqs.send_message, QueueUrl=self.url, MessageBody=body, MessageAttributes=told, **grouped
        )

    async def count(self):
        """How many messages there are, whoever has them in hand."""
        answer = await asyncio.to_thread(
            self.sqs.get_queue_attributes, QueueUrl=self.url, AttributeNames=["All"]
        )
        counts = ("", "NotVisible", "Delayed")
        return sum(int(answer["Attributes"][f"ApproximateNumberOfMessages{each}"]) for each in counts)

    async def take(self, *, seconds):
        """Take what shows, as another consumer does who neither deletes it nor gives it back."""
        answer = await asyncio.to_thread(
            self.sqs.receive_message, QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=seconds
        )
        return [message["Body"] for message in answer.get("Messages", ())]

    async def received(self):
        """What somebody else would be given now, at once."""
        answer = await asyncio.to_thread(
            self.sqs.receive_message, QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [message["Body"] for message in answer.get("Messages", ())]

    async def close(self):
        """Close the sources and delete the queue."""
        for source in self._opened:
            await source.close()
        await asyncio.to_thread(self.sqs.delete_queue, QueueUrl=self.url)


@asynccontextmanager
async def queue(name, **attributes):
    """A queue that goes at the end."""
    opened = await asyncio.to_thread(Queue, name, attributes)
    try:
        yield opened
    finally:
        await opened.close()
