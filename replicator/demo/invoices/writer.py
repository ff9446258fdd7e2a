"""The workload of the bucket: a process of its own that fills it with boto3 and then keeps it moving.

``python -m replicator.demo.invoices.writer --end BUCKET --ledger FILE`` loads ``--count`` invoices, then
writes ``--rate`` times a second until SIGTERM: new ones, others over old ones, tags, and deletes. It tells
what it has done on standard output, one JSON object a line, and keeps what the bucket has to hold in its
ledger.
"""

from __future__ import annotations

import random
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config

from replicator.demo.desk import Desk, run
from replicator.demo.invoices.canonical import retagged
from replicator.demo.invoices.making import LARGE_BYTES, MEBIBYTE, PARTS_BYTES, Invoice, Invoices

LOADERS = 3
PART_BYTES = 5 * MEBIBYTE

# Every write sets a whole state, so repeating one of unknown outcome changes nothing.
_PATIENT = Config(
    retries={"mode": "standard", "total_max_attempts": 20},
    read_timeout=20,
    max_pool_connections=LOADERS,
    # The proxy before the local S3 reads a whole body before it says anything.
    request_checksum_calculation="when_required",
)
_PUT_NAMES = {
    "content-type": "ContentType",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-disposition": "ContentDisposition",
    "cache-control": "CacheControl",
}


class InvoiceWriter:
    """Writes one bucket, one write at a time once it is filled."""

    def __init__(self, desk: Desk, bucket: str, seed: int) -> None:
        self._client = boto3.client("s3", config=_PATIENT)
        self._bucket = bucket
        self._desk = desk
        self._invoices = Invoices(seed)
        self._random = random.Random(seed)  # noqa: S311 - a demonstration wants to be repeatable
        self._keys: list[str] = []
        self._gone: list[str] = []

    def load(self, count: int, stop: Event) -> None:
        """Fill the bucket: the large ones first."""
        done = self._desk.done
        if count:
            self._load_large()
        with ThreadPoolExecutor(LOADERS) as loaders:
            while done["loaded"] < count and not stop.is_set():
                size = min(8 * LOADERS, count - done["loaded"])
                invoices = [self._invoices.make() for _ in range(size)]
                list(loaders.map(self._put, invoices))
                for invoice in invoices:
                    self._note(invoice)
                done["loaded"] += size
                self._desk.tell()

    def write(self) -> None:
        """Create, replace, tag or delete one invoice."""
        dice = self._random.random()
        if dice < 0.3 or not self._keys:
            self._create()
        elif dice < 0.65:
            self._replace()
        elif dice < 0.85:
            self._tag()
        else:
            self._delete()

    def _load_large(self) -> None:
        for size in LARGE_BYTES:
            invoice = self._invoices.large(size)
            self._put(invoice)
            self._note(invoice)
        invoice = self._invoices.large(PARTS_BYTES)
        self._put_in_parts(invoice)
        self._note(invoice)

    def _create(self) -> None:
        """A new one, or one under a key that was deleted."""
        back = self._gone.pop(0) if self._gone and self._random.random() < 0.3 else None
        invoice = self._invoices.make() if back is None else self._invoices.again(back)
        self._put(invoice)
        self._note(invoice)
        self._desk.done["created"] += 1

    def _replace(self) -> None:
        invoice = self._invoices.again(self._random.choice(self._keys))
        self._put(invoice)
        self._desk.ledger.note((invoice.key,), invoice.text)
        self._desk.done["updated"] += 1

    def _tag(self) -> None:
        key = self._random.choice(self._keys)
        tags = self._invoices.tags()
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        self._client.put_object_tagging(Bucket=self._bucket, Key=key, Tagging={"TagSet": tag_set})
        self._desk.ledger.note((key,), retagged(self._desk.ledger.find((key,)) or "{}", tags))
        self._desk.done["tagged"] += 1

    def _delete(self) -> None:
        index = self._random.randrange(len(self._keys))
        self._keys[index], self._keys[-1] = self._keys[-1], self._keys[index]
        key = self._keys.pop()
        self._client.delete_object(Bucket=self._bucket, Key=key)
        self._desk.ledger.note_delete((key,))
        self._gone.append(key)
        self._desk.done["deleted"] += 1

    def _note(self, invoice: Invoice) -> None:
        self._desk.ledger.note((invoice.key,), invoice.text)
        self._keys.append(invoice.key)

    def _put(self, invoice: Invoice) -> None:
        self._client.put_object(Bucket=self._bucket, Body=invoice.body, **_described(invoice))

    def _put_in_parts(self, invoice: Invoice) -> None:
        begun = self._client.create_multipart_upload(Bucket=self._bucket, **_described(invoice))
        upload = {"Bucket": self._bucket, "Key": invoice.key, "UploadId": begun["UploadId"]}
        parts = []
        for number, start in enumerate(range(0, len(invoice.body), PART_BYTES), 1):
            part = self._client.upload_part(
                Body=invoice.body[start : start + PART_BYTES], PartNumber=number, **upload
            )
            parts.append({"PartNumber": number, "ETag": part["ETag"]})
        self._client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **upload)


def _described(invoice: Invoice) -> dict[str, Any]:
    described: dict[str, Any] = {_PUT_NAMES[name]: value for name, value in invoice.headers.items()}
    described["Metadata"] = {name: _encoded(value) for name, value in invoice.metadata.items()}
    if invoice.tags:
        described["Tagging"] = urlencode(invoice.tags)
    return {"Key": invoice.key, **described}


def _encoded(value: str) -> str:
    """As S3 wants what is not ASCII, or would be taken for encoded: by RFC 2047."""
    if value.isascii() and not value.startswith("=?"):
        return value
    return f"=?UTF-8?B?{b64encode(value.encode()).decode()}?="


if __name__ == "__main__":
    run(InvoiceWriter, __doc__)
