"""Odd objects go to Blob Storage by the real service and come back the same, attribute by attribute."""

import asyncio
import os

import boto3
import corpus
import pytest
from azure.storage.blob import BlobServiceClient
from botocore.config import Config
from running import Place, wait_for

from connectors.blob.codec import Blob, decode
from localcloud import LocalClouds

PIPELINE = "files"
PART = 5 * 1024 * 1024


@pytest.fixture(scope="module")
def clouds():
    """Both clouds with Azure Storage; on real accounts, those of the environment have no such corpus."""
    if os.environ.get("REPLICATOR_TEST_CLOUDS") == "real":
        pytest.skip("puts keys that only a stand-in may be filled with")
    started = asyncio.run(LocalClouds.start())
    yield started
    asyncio.run(started.stop())


class World:
    """A bucket, its event queue, a container, a second bucket, and a configuration."""

    def __init__(self, directory, name):
        self.name, self.back = name, f"{name}-back"
        config = Config(retries={"total_max_attempts": 1}, response_checksum_validation="when_required")
        self.s3, self.sqs = boto3.client("s3", config=config), boto3.client("sqs")
        for bucket in (self.name, self.back):
            self.s3.create_bucket(Bucket=bucket)
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        service = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
        self.container = service.create_container(name)
        source = {
            "connector": "s3",
            "bucket": name,
            "queue_url": self.url,
            "markers": True,
            "poll_seconds": 1,
        }
        sink = {"connector": "blob", "container": name}
        self.place = Place(directory, {"name": PIPELINE, "source": source, "sink": sink})
        self.place.settings["limits"] = {"sink_call_seconds_max": 5}

    def put(self, variant, keys):
        """Put the objects of a variant that have these keys."""
        for key, data, options in corpus.objects(variant):
            if key in keys:
                self.s3.put_object(Bucket=self.name, Key=key, Body=data, **options)

    def put_parts(self, key, data):
        """Put an object in parts."""
        about = {"Bucket": self.name, "Key": key}
        upload = self.s3.create_multipart_upload(**about, Metadata={"made-of": "parts"}, Tagging="p=1")
        about["UploadId"] = upload["UploadId"]
        parts = [
            {
                "PartNumber": at + 1,
                "ETag": self.s3.upload_part(**about, PartNumber=at + 1, Body=part)["ETag"],
            }
            for at, part in enumerate(data[start : start + PART] for start in range(0, len(data), PART))
        ]
        self.s3.complete_multipart_upload(**about, MultipartUpload={"Parts": parts})

    def settle(self, service):
        """Return once everything that was put is copied or a dead letter."""
        wait_for(lambda: service.status(PIPELINE)["state"] != "starting")
        answer = service.command("POST", f"/v1/pipelines/{PIPELINE}/barrier", json={"timeout_seconds": 15})
        assert answer.status_code == 200, service.log.read_text()[-3000:]

    def source(self):
        """What S3 tells of the source, by key."""
        return corpus.everything(self.s3, self.name, but=".replicator/")

    def blobs(self):
        """Every blob, read with Azure's SDK, as the object that it stands for; with its bytes."""
        for name in self.container.list_blob_names():
            client = self.container.get_blob_client(name)
            found = client.get_blob_properties()
            settings = found.content_settings
            headers = {
                "content-type": settings.content_type,
                "content-encoding": settings.content_encoding,
                "content-language": settings.content_language,
                "content-disposition": settings.content_disposition,
                "cache-control": settings.cache_control,
            }
            tags = client.get_blob_tags() if found.tag_count else {}
            metadata = {name.lower(): value for name, value in found.metadata.items()}
            key, record = decode(
                Blob(name, found.size, {n: v for n, v in headers.items() if v}, metadata, tags)
            )
            yield key, record, client.download_blob(decompress=False).readall()

    def put_back(self):
        """Put every blob into the second bucket, and return what S3 tells of that."""
        for key, record, data in self.blobs():
            self.s3.put_object(Bucket=self.back, Key=key, Body=data, **corpus.put_options(record))
        return corpus.everything(self.s3, self.back)


@pytest.fixture
def world(clouds, monkeypatch, name, tmp_path):
    """A world of the test's own, whose bucket tells its queue by what `install` put there."""
    for variable, value in clouds.environment().items():
        monkeypatch.setenv(variable, value)
    opened = World(tmp_path, name)
    done = opened.place.cli("install", opened.place.config)
    assert done.returncode == 0, done.stderr
    return opened


def letters(service):
    """The dead letters, by key."""
    listed = service.command("GET", "/v1/dead-letters").json()
    return {each["key"]: each["message"] for each in listed["dead_letters"]}


def test_odd_objects_survive_the_way_there_and_back(world):
    """Half is there before the start and half comes after; then half is replaced, retagged or deleted."""
    early, late = set(corpus.KEYS[::2]), set(corpus.KEYS[1::2])
    world.put(0, early)
    world.put_parts("made/of/parts.", os.urandom(2 * PART + 17))
    with world.place.running() as service:
        wait_for(lambda: (service.status(PIPELINE)["backfill"] or {}).get("phase") == "complete")
        world.put(0, late)
        world.put(3, set(corpus.KEYS[::3]))
        for key in corpus.KEYS[::5]:
            world.s3.delete_object(Bucket=world.name, Key=key)
        for key in corpus.KEYS[1::5]:
            tags = {"TagSet": [{"Key": "re@tagged", "Value": "日本"}]}
            world.s3.put_object_tagging(Bucket=world.name, Key=key, Tagging=tags)
        world.settle(service)
        assert letters(service) == {}
        verified = service.cli("verify", PIPELINE, "--quiet-source")
        assert verified.returncode == 0, verified.stdout + verified.stderr
    source, back = world.source(), world.put_back()
    assert len(source) > 200
    assert {key: told for key, told in back.items() if told != source.get(key)} == {}
    assert source.keys() == back.keys()


def test_what_cannot_be_carried_is_a_dead_letter_that_says_why(world):
    """Metadata that S3 only counts stop one object, whose letter names them; its neighbours are copied."""
    for key in ("before", "between.", "after"):
        world.s3.put_object(Bucket=world.name, Key=key, Body=b"body")
    hidden = {"hidden": "=?UTF-8?B?AQ==?="}
    world.s3.put_object(Bucket=world.name, Key="unprintable", Body=b"body", Metadata=hidden)
    with world.place.running() as service:
        world.settle(service)
        (letter,) = wait_for(lambda: letters(service).items())
        gate = service.get("/v1/gate").json()
    assert "unprintable" in letter[0]
    assert "1 metadata entries that the service cannot show" in letter[1]
    assert not gate["can_cutover"]
    assert {key for key, *_ in world.blobs()} == {"before", "between.", "after"}
