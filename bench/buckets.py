"""The stage for objects: buckets with a queue of their events, and empty containers."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import boto3
from awscrt.checksums import crc64nvme
from azure.storage.blob import BlobServiceClient

from bench.stage import Stage

_LOADERS = 16
_EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]
_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Bucket:
    """A bucket of so many objects of one size, and the queue of its events."""

    name: str
    queue_url: str
    objects: int
    object_bytes: int


@dataclass
class Buckets:
    """Makes buckets and containers in the running clouds, and drops them."""

    stage: Stage
    _s3: Any = field(init=False)
    _sqs: Any = field(init=False)
    _blob: BlobServiceClient = field(init=False)

    def __post_init__(self) -> None:
        options = self.stage.aws_options()
        self._s3, self._sqs = boto3.client("s3", **options), boto3.client("sqs", **options)
        self._blob = BlobServiceClient.from_connection_string(
            self.stage.environment["AZURE_STORAGE_CONNECTION_STRING"]
        )

    async def create_bucket(self, objects: int, object_bytes: int) -> Bucket:
        """A bucket that holds these objects; its queue is told only of what happens from now on."""
        name = f"bench-{uuid4().hex[:8]}"
        self._s3.create_bucket(Bucket=name)
        url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        bucket = Bucket(name, url, objects, object_bytes)
        await self._load(bucket)
        asked = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        self._let_in(url, asked["Attributes"]["QueueArn"])
        told = {"QueueArn": asked["Attributes"]["QueueArn"], "Events": _EVENTS}
        self._s3.put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration={"QueueConfigurations": [told]}
        )
        return bucket

    def drop_bucket(self, bucket: Bucket) -> None:
        """Free what a bucket holds."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket.name):
            keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
            if keys:
                self._s3.delete_objects(Bucket=bucket.name, Delete={"Objects": keys})
        self._s3.delete_bucket(Bucket=bucket.name)
        self._sqs.delete_queue(QueueUrl=bucket.queue_url)

    def put(self, bucket: Bucket, key: str, body: bytes) -> None:
        """Write one object."""
        self._s3.put_object(Bucket=bucket.name, Key=key, Body=body)

    def create_container(self) -> str:
        """A new container; its name."""
        name = f"bench-{uuid4().hex[:8]}"
        self._blob.create_container(name)
        return name

    def delete_container(self, name: str) -> None:
        """Free what a container holds."""
        self._blob.delete_container(name)

    def _let_in(self, url: str, arn: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    async def _load(self, bucket: Bucket) -> None:
        """By bare requests, which the stand-in takes unsigned: an SDK would need most of the time."""
        numbers = iter(range(bucket.objects))
        url = f"{self.stage.environment['AWS_ENDPOINT_URL']}/{bucket.name}"
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
            for _ in range(_LOADERS if bucket.object_bytes < _MEBIBYTE else 1):
                tasks.create_task(_put_all(session, url, numbers, bucket.object_bytes))


async def _put_all(session: aiohttp.ClientSession, url: str, numbers: Iterable[int], size: int) -> None:
    for number in numbers:
        body = body_of(number, size)
        # Which S3 itself computes where the caller does not.
        checksum = b64encode(crc64nvme(body).to_bytes(8)).decode()
        headers = {"x-amz-checksum-crc64nvme": checksum}
        async with session.put(f"{url}/{key_of(number)}", data=body, headers=headers) as answer:
            answer.raise_for_status()


def key_of(number: int) -> str:
    """The key of an object of a bucket."""
    return f"invoices/{number // 1000:04}/{number:07}.pdf"


def body_of(number: int, size: int) -> bytes:
    """The bytes of an object of a bucket."""
    return (f"{number:016}" * (size // 16 + 1)).encode()[:size]


def pipeline_of(bucket: Bucket, container: str, *, markers: bool = False) -> dict[str, Any]:
    """The configuration of a pipeline between them."""
    source = {"connector": "s3", "bucket": bucket.name, "queue_url": bucket.queue_url, "markers": markers}
    sink = {"connector": "blob", "container": container, "transfer_checksum": "md5"}  # Azurite's fastest
    return {"source": source, "sink": sink}
