"""Two pipelines must not take from one queue, because each would lack what the other got."""

import json

import pytest

from replicator.config import load
from replicator.model.errors import ConfigError

HOST = "https://sqs.eu-west-1.amazonaws.com"
BY_URL = {"connector": "sqs", "queue_url": f"{HOST}/123456789012/orders"}
BY_OLDER_URL = {
    "connector": "sqs",
    "queue_url": "https://eu-west-1.queue.amazonaws.com/123456789012/orders/",
}
BY_NAME = {"connector": "sqs", "queue": "orders"}
BUCKET = {"connector": "s3", "bucket": "photos", "queue_url": f"{HOST}/123456789012/events"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (BY_URL, BY_URL, True),
        (
            BY_URL,
            BY_OLDER_URL,
            True,
        ),
        (BY_URL, BY_URL | {"queue_url": f"{HOST}/210987654321/orders"}, False),
        (BY_URL, BY_URL | {"queue_url": "https://sqs.eu-west-2.amazonaws.com/123456789012/orders"}, False),
        (BY_NAME, BY_NAME, True),
        (BY_NAME, BY_URL, True),
        (BY_NAME, BUCKET, False),
        (BY_NAME, BY_NAME | {"region": "eu-west-2"}, False),
        (BUCKET, BUCKET | {"bucket": "films"}, True),
        (BUCKET, BY_URL | {"queue_url": BUCKET["queue_url"]}, True),
        (BUCKET, BY_URL, False),
        ({"connector": "memory", "table": "t"}, {"connector": "memory", "table": "t"}, False),
    ],
)
def test_one_queue_is_told_from_two(tmp_path, one, other, same):
    """A queue is its service, account and name, whether messages or events are read from it."""
    pipelines = [
        {"name": f"p{index}", "source": source, "sink": {"connector": "memory", "bus": f"b{index}"}}
        for index, source in enumerate((one, other))
    ]
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"pipelines": pipelines}))
    try:
        load(file, {})
        problems = []
    except ConfigError as error:
        problems = error.problems
    assert [("the same queue" in problem) for problem in problems] == ([True] if same else [])
