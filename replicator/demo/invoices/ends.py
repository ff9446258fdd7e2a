"""The two ends of the invoices: a bucket in AWS with a queue of its events, a container in Azure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.storage.blob import ContainerClient

from replicator.demo.aws import client
from replicator.demo.invoices.canonical import HEADERS, canonical, decoded, digest_of
from replicator.demo.invoices.reading import described, key_of
from replicator.demo.ledger import LedgerKey

BUCKET = "invoices"
EVENT_QUEUE = "invoice-events"
CONTAINER = "invoices"
CANARIES_PREFIX = ".replicator/"
"""What the keys of canaries begin with; they belong to Replicator and are never copied."""

_EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:LifecycleExpiration:*"]
_READERS = 4


class InvoiceEnds:
    """Both ends, reached with the vendors' own SDKs and nothing of Replicator."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._s3 = client("s3", environment)
        self._sqs = client("sqs", environment)
        self._container = ContainerClient.from_connection_string(
            environment["AZURE_STORAGE_CONNECTION_STRING"], CONTAINER
        )

    def create(self) -> None:
        """Create the bucket, whose events go to a queue, and the container, empty."""
        self._s3.create_bucket(Bucket=BUCKET)
        url = self._sqs.create_queue(QueueName=EVENT_QUEUE)["QueueUrl"]
        told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = told["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self._s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": _EVENTS}]},
        )
        self._container.create_container()

    def settings(self) -> dict[str, Any]:
        """Both ends as the configuration names them."""
        return {
            "source": {
                "connector": "s3",
                "bucket": BUCKET,
                "queue_url": self._sqs.get_queue_url(QueueName=EVENT_QUEUE)["QueueUrl"],
                "markers": True,
                "markers_prefix": CANARIES_PREFIX,
                # A killed process leaves the events that it had in hand hidden for so long.
                "hidden_seconds": 10,
                "poll_seconds": 1,
            },
            "sink": {"connector": "blob", "container": CONTAINER},
        }

    def in_source(self) -> Iterator[tuple[LedgerKey, str]]:
        """Every object of the bucket, read to its end; no canaries."""
        with ThreadPoolExecutor(_READERS) as readers:
            yield from readers.map(self._object, self._keys())

    def in_sink(self) -> Iterator[tuple[LedgerKey, str]]:
        """Every blob of the container, read to its end, and read back to an object."""
        with ThreadPoolExecutor(_READERS) as readers:
            yield from readers.map(self._blob, self._container.list_blob_names())

    def is_settled(self) -> bool:
        """Nothing of a bucket is on its way once it is written."""
        return True

    def blobs(self, prefix: str) -> Iterator[dict[str, Any]]:
        """What the service says of the blobs whose names begin so."""
        for blob in self._container.list_blobs(prefix, include=["metadata", "tags"]):
            yield {
                "name": blob.name,
                "size": blob.size,
                "headers": _headers_of(blob.content_settings),
                "metadata": blob.metadata,
                "tags": blob.tags,
            }

    def _keys(self) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for each in page.get("Contents", ()):
                if not each["Key"].startswith(CANARIES_PREFIX):
                    yield each["Key"]

    def _object(self, key: str) -> tuple[LedgerKey, str]:
        answer = self._s3.get_object(Bucket=BUCKET, Key=key)
        tags = self._s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
        told = answer["ResponseMetadata"]["HTTPHeaders"]
        text = canonical(
            *digest_of(answer["Body"].iter_chunks(1 << 20)),
            {name: told[name] for name in HEADERS if name in told},
            {name: decoded(value) for name, value in answer["Metadata"].items()},
            {tag["Key"]: tag["Value"] for tag in tags},
        )
        return (key,), text

    def _blob(self, name: str) -> tuple[LedgerKey, str]:
        blob = self._container.get_blob_client(name)
        # It is compared as it is stored: the SDK would undo what Content-Encoding names.
        body = blob.download_blob(decompress=False)
        metadata = {each.lower(): value for each, value in (body.properties.metadata or {}).items()}
        tags = blob.get_blob_tags() if body.properties.tag_count else {}
        parts = described(_headers_of(body.properties.content_settings), metadata, tags)
        return (key_of(name, metadata),), canonical(*digest_of(body.chunks()), *parts)


def _headers_of(settings: Any) -> dict[str, str]:
    told = {name: getattr(settings, name.replace("-", "_")) for name in HEADERS}
    return {name: value for name, value in told.items() if value}
