"""What the preflight says of a bucket's objects before they become blobs, over both clouds."""

import pytest
import yaml
from blob_account import container
from s3_bucket import bucket

from replicator.app.preflight import preflight
from replicator.config import installed, load

__all__ = ["bucket"]


@pytest.fixture
async def blobs(storage, monkeypatch):
    """An empty container."""
    async with container(storage, monkeypatch) as made:
        yield made


def configured(directory, bucket, blobs):
    """Settings of one pipeline from the bucket into the container, and the connectors."""
    source = {"connector": "s3", "bucket": bucket.name, "queue_url": bucket.queue_url, "markers": True}
    sink = {
        "connector": "blob",
        "container": blobs.name,
        "connection_string_env": "BLOB_TEST_CONNECTION",
    }
    path = directory / "replicator.yaml"
    path.write_text(yaml.safe_dump({"pipelines": [{"name": "files", "source": source, "sink": sink}]}))
    connectors = installed()
    return load(path, {}, connectors), connectors


async def test_a_sample_tells_what_blobs_would_be(bucket, blobs, tmp_path):
    """Names, metadata and tags of some objects are judged before anything is copied."""
    bucket.create()
    bucket.put("plain", body=b"x" * 4096, Metadata={"a": "b"}, Tagging="a=b")
    bucket.put("dot.", Metadata={"a-b": "c"}, Tagging="a%40=b")
    found = await preflight(*configured(tmp_path, bucket, blobs), sampled=True)
    assert not [each.finding.message for each in found if each.blocks]
    told = [each.finding.message for each in found if "in a sample of 2 objects" in each.finding.message]
    assert [each.side for each in found if each.finding.message in told] == ["sink"] * 3
    names, metadata, tags = told
    assert "'dot.', whose blob is 'dot~2E'" in names
    assert "1 have metadata" in metadata
    assert "1 have tags" in tags
    assert [each async for each in blobs.sdk.list_blob_names()] == []
