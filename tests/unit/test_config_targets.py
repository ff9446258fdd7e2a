"""Two pipelines must not write to one place, and what is one place depends on the connector."""

import json

import pytest

from replicator.config import load
from replicator.model.errors import ConfigError

QUEUE = {"connector": "servicebus", "queue": "orders"}
BLOBS = {"connector": "blob", "container": "photos", "connection_string_env": "A"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (QUEUE | {"namespace": "a.windows.net"}, QUEUE | {"namespace": "b.windows.net"}, False),
        (QUEUE | {"namespace": "a.windows.net"}, QUEUE | {"namespace": "a.windows.net"}, True),
        (BLOBS, BLOBS | {"connection_string_env": "B"}, False),
        (BLOBS, BLOBS, True),
        ({"connector": "memory", "storage": "a"}, {"connector": "memory", "container": "a"}, False),
        ({"connector": "memory", "bus": "a"}, {"connector": "memory", "bus": "b"}, False),
        ({"connector": "memory", "bus": "a"}, {"connector": "memory", "bus": "a"}, True),
    ],
)
def test_one_place_is_told_from_two(tmp_path, monkeypatch, one, other, same):
    """Namespace and account count as much as the name of the queue or container."""
    for name in ("A", "B"):
        monkeypatch.setenv(name, "UseDevelopmentStorage=true")
    pipelines = [
        {"name": f"p{index}", "source": {"connector": "memory", "table": "t"}, "sink": sink}
        for index, sink in enumerate((one, other))
    ]
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"pipelines": pipelines}))
    try:
        load(file, {"A": "x", "B": "x"})
        problems = []
    except ConfigError as error:
        problems = error.problems
    assert [("same place" in problem) for problem in problems] == ([True] if same else [])
