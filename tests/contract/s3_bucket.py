"""A bucket with an event queue for tests of the S3 source, used through boto3, and a reader of events."""

import asyncio
import contextlib
import json

import boto3
import pytest
from botocore.config import Config

from connectors.s3 import connector
from replicator.connector import Context
from replicator.model.change import Kind
from replicator.model.errors import TransientError

FAMILIES = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:LifecycleExpiration:*"]


class EventfulBucket:
    """A bucket of one test, and a queue that its events go to."""

    def __init__(self, name):
        config = Config(retries={"total_max_attempts": 1})
        self.name = name
        self.api = boto3.client("s3", config=config)
        self.sqs = boto3.client("sqs", config=config)
        self.queue_url = self.queue_arn = ""
        self._opened = []

    def create(self, *, events=FAMILIES, filters=(), **attributes):
        """Create both, and let these events of the bucket come to the queue; none where there are none."""
        region = self.api.meta.region_name
        place = (
            {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        )
        self.api.create_bucket(Bucket=self.name, **place)
        self.queue_url = self.sqs.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
        self.queue_arn = told["Attributes"]["QueueArn"]
        self._allow_events()
        if events:
            rules = [{"Name": name, "Value": value} for name, value in filters]
            notification = {"QueueArn": self.queue_arn, "Events": list(events)}
            if rules:
                notification["Filter"] = {"Key": {"FilterRules": rules}}
            self.api.put_bucket_notification_configuration(
                Bucket=self.name, NotificationConfiguration={"QueueConfigurations": [notification]}
            )
        return self

    def put(self, *keys, body=b"body", **options):
        """Put an object of this body under every key."""
        for key in keys:
            self.api.put_object(Bucket=self.name, Key=key, Body=body, **options)

    def delete(self, key):
        """Delete an object."""
        self.api.delete_object(Bucket=self.name, Key=key)

    def send(self, body):
        """Put somebody's message into the event queue."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=text)

    def left(self):
        """How many messages the queue has, hidden ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
        return sum(int(count) for count in told["Attributes"].values())

    def source(self, pipeline="files", **settings):
        """A source of the bucket, closed with the test."""
        chosen = {"bucket": self.name, "queue_url": self.queue_url, "poll_seconds": 1} | settings
        source = connector.open_source(connector.source_settings.model_validate(chosen), Context(pipeline))
        self._opened.append(source)
        return source

    async def drop(self):
        """Close the sources, empty the bucket, and delete bucket and queue."""
        for source in self._opened:
            await source.close()
        with contextlib.suppress(self.api.exceptions.NoSuchBucket):
            for page in self.api.get_paginator("list_objects_v2").paginate(Bucket=self.name):
                for each in page.get("Contents", ()):
                    self.delete(each["Key"])
            self.api.delete_bucket(Bucket=self.name)
        if self.queue_url:
            self.sqs.delete_queue(QueueUrl=self.queue_url)
        self.api.close()
        self.sqs.close()

    def _allow_events(self):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue_arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"Policy": policy})


@pytest.fixture
async def bucket(environment, name):
    """A bucket that is not created yet."""
    eventful = EventfulBucket(name)
    yield eventful
    await eventful.drop()


@pytest.fixture
async def aws(local_clouds):
    """The control paths of the stand-in; what a test scripted is taken back."""
    yield local_clouds.aws
    await local_clouds.aws.clear_faults()


class Reading:
    """Reads a source and keeps what it delivered, as an engine does."""

    def __init__(self, source):
        self.source = source
        self.batches, self.troubles, self.positions = [], [], {}

    async def connect(self, positions=None):
        """Connect, and take the start positions."""
        self.positions = dict((await self.source.connect(positions)).positions)
        return self

    async def until(self, condition, *, seconds=15):
        """Read until the condition holds; transient errors are repeated, as the engine does."""
        async with asyncio.timeout(seconds):
            while not condition():
                try:
                    batch = await self.source.read()
                except TransientError as error:
                    self.troubles.append(error)
                    await asyncio.sleep(0.02)
                else:
                    self.batches.append(batch)
                    self.positions[batch.partition] = batch.position
        return self

    async def forget(self):
        """Tell the source that everything read is durable."""
        await self.source.commit(self.positions)

    @property
    def dirty(self):
        """The keys of all changes, in the order of delivery."""
        changes = [change for batch in self.batches for change in batch.changes]
        assert all(change.kind is Kind.DIRTY and change.record is None for change in changes)
        return [change.key[0] for change in changes]

    @property
    def marks(self):
        """The names of all marks seen."""
        return {name for batch in self.batches for name in batch.marks}

    @property
    def read_to(self):
        """Up to when the queue is proved read."""
        return max((batch.read_to for batch in self.batches if batch.read_to is not None), default=0.0)


async def eventually(condition, *, seconds=15):
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)
