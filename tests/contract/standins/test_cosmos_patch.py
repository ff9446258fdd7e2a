"""Partial updates of the Cosmos DB stand-in, asked by the real SDK."""

import pytest
from azure.core import MatchConditions
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

ITEM = {"id": "1", "pk": "x", "n": 1, "list": [1, 2, 3], "map": {"a": {"b": 1}}, "text": "t"}


@pytest.fixture
async def container(container):
    """A container with one item."""
    await container.create_item(dict(ITEM))
    return container


def own(document):
    """An item's own properties."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/new", "value": {"a": 1}}, {"new": {"a": 1}}),
        ({"op": "add", "path": "/list/1", "value": 9}, {"list": [1, 9, 2, 3]}),
        ({"op": "add", "path": "/list/-", "value": 9}, {"list": [1, 2, 3, 9]}),
        ({"op": "set", "path": "/list/1", "value": 9}, {"list": [1, 9, 3]}),
        ({"op": "set", "path": "/map/a/c", "value": None}, {"map": {"a": {"b": 1, "c": None}}}),
        ({"op": "replace", "path": "/text", "value": "u"}, {"text": "u"}),
        ({"op": "remove", "path": "/list/0"}, {"list": [2, 3]}),
        ({"op": "remove", "path": "/map/a/b"}, {"map": {"a": {}}}),
        ({"op": "incr", "path": "/n", "value": -5}, {"n": -4}),
        ({"op": "incr", "path": "/fresh", "value": 2}, {"fresh": 2}),
        (
            {"op": "move", "from": "/text", "path": "/map/text"},
            {"text": ..., "map": {"a": {"b": 1}, "text": "t"}},
        ),
        ({"op": "set", "path": "/a~1b", "value": 1}, {"a/b": 1}),
    ],
)
async def test_each_operation_does_what_it_says(container, operation, changed):
    """The named part changes, everything else stays, and the item has a new version."""
    before = await container.read_item("1", "x")
    answered = await container.patch_item("1", "x", [operation])
    after = await container.read_item("1", "x")
    expected = {name: value for name, value in (ITEM | changed).items() if value is not ...}
    assert own(after) == own(answered) == expected
    assert after["_etag"] != before["_etag"]


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "set", "path": f"/p{n}", "value": 1} for n in range(10)],
        [{"op": "twist", "path": "/n", "value": 1}],
        [{"op": "set", "path": "/n"}],
        [{"op": "set", "path": "n", "value": 1}],
        [{"op": "replace", "path": "/none", "value": 1}],
        [{"op": "remove", "path": "/none"}],
        [{"op": "remove", "path": "/list/3"}],
        [{"op": "add", "path": "/list/5", "value": 1}],
        [{"op": "set", "path": "/none/deep", "value": 1}],
        [{"op": "set", "path": "/text/deep", "value": 1}],
        [{"op": "incr", "path": "/text", "value": 1}],
        [{"op": "incr", "path": "/n", "value": "1"}],
        [{"op": "set", "path": "/id", "value": "2"}],
        [{"op": "set", "path": "/pk", "value": "y"}],
        [{"op": "remove", "path": "/_ts"}],
        [{"op": "move", "from": "/map", "path": "/map/a"}],
    ],
)
async def test_what_cannot_be_done_is_refused_whole(container, operations):
    """A 400, and the operations before it in the same patch have not happened either."""
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.patch_item("1", "x", [{"op": "set", "path": "/n", "value": 5}, *operations])
    assert caught.value.status_code == 400
    assert own(await container.read_item("1", "x")) == ITEM


async def test_a_predicate_has_to_hold(container):
    """A patch whose filter predicate is false is a 412 and changes nothing."""
    raised = [{"op": "incr", "path": "/n", "value": 1}]
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.patch_item("1", "x", raised, filter_predicate="from c where c.n > 1")
    assert (await container.patch_item("1", "x", raised, filter_predicate="from c where c.n = 1"))["n"] == 2
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.patch_item("1", "x", raised, filter_predicate="c.n = 1")
    assert caught.value.status_code == 400


async def test_a_patch_may_have_an_etag(container):
    """If-Match with an older version is a 412; without an item it is a 404."""
    old = await container.read_item("1", "x")
    await container.patch_item("1", "x", [{"op": "incr", "path": "/n", "value": 1}])
    condition = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.patch_item("1", "x", [{"op": "incr", "path": "/n", "value": 1}], **condition)
    with pytest.raises(CosmosResourceNotFoundError):
        await container.patch_item("2", "x", [{"op": "incr", "path": "/n", "value": 1}])


async def test_a_batch_may_patch(container):
    """Within a batch a patch sees what came before it, and a false predicate undoes the batch."""
    raised = ("patch", ("1", [{"op": "incr", "path": "/n", "value": 1}]))
    await container.execute_item_batch([raised, raised], "x")
    assert (await container.read_item("1", "x"))["n"] == 3
    with pytest.raises(CosmosBatchOperationError) as caught:
        await container.execute_item_batch(
            [raised, (*raised, {"filter_predicate": "from c where c.n = 1"})], "x"
        )
    assert (caught.value.error_index, caught.value.status_code) == (1, 412)
    assert (await container.read_item("1", "x"))["n"] == 3
