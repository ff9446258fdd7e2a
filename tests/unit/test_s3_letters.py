"""The messages of an event queue are told apart: the bucket's events, test events, and other people's."""

import json
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3.events import Event, Letter, read_letter

BUCKET = "photos"
AT = 1795613630.329
FAMILIES = [
    "ObjectCreated:Put",
    "ObjectCreated:CompleteMultipartUpload",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectTagging:Delete",
    "LifecycleExpiration:Delete",
    "ObjectRestore:Completed",
    "ObjectAcl:Put",
]
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def record(key="k", name="ObjectCreated:Put", bucket=BUCKET, **thing):
    """One record as S3 sends it."""
    return {
        "eventSource": "aws:s3",
        "eventName": name,
        "eventTime": "2026-11-25T13:33:50.329Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/"), **thing}},
    }


def bridged(key="k", kind="Object Created", bucket=BUCKET):
    """An event as EventBridge sends it."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "etag": "e"}}
    return {"source": "aws.s3", "detail-type": kind, "time": "2026-11-25T13:33:50Z", "detail": detail}


def read(document):
    """The letter in a message of this document."""
    return read_letter(json.dumps(document), BUCKET, 12.5)


@given(keys)
def test_keys_are_read_exactly(key):
    """From S3 they come encoded as a form does, from EventBridge as they are."""
    assert read({"Records": [record(key, eTag="e")]}) == Letter((Event(key, AT, "e"),))
    assert read(bridged(key)).events[0].key == key
    wrapped = {"Type": "Notification", "Message": json.dumps({"Records": [record(key)]})}
    assert read(wrapped).events[0].key == key


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_makes_a_key_dirty(name):
    """Removals lack size and ETag, and are events all the same."""
    assert read({"Records": [record(name=name)]}) == Letter((Event("k", AT, ""),))


def test_an_event_without_a_time_has_that_of_its_message():
    """It was sent then, at the latest."""
    without = record()
    del without["eventTime"]
    assert read({"Records": [without]}).events[0].at == 12.5


def test_envelopes_may_be_nested():
    """EventBridge through SNS, raw or not; but not without end."""
    document = bridged("a b")
    for _ in range(2):
        document = {"Type": "Notification", "Message": json.dumps(document)}
    assert read(document).events[0].key == "a b"
    for _ in range(4):
        document = {"Type": "Notification", "Message": json.dumps(document)}
    assert read(document) == Letter(ours=False)


def test_a_test_event_of_the_bucket_is_ours_and_empty():
    """That of another bucket is somebody else's."""
    assert read({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}) == Letter()
    assert read({"Event": "s3:TestEvent", "Bucket": "other"}) == Letter(ours=False)


def test_a_message_about_several_buckets_is_not_ours_alone():
    """What is ours in it counts, and the message stays for the others."""
    letter = read({"Records": [record("a"), record("b", bucket="other")]})
    assert [event.key for event in letter.events] == ["a"]
    assert not letter.ours


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text",
        "[]",
        "12",
        "null",
        "{}",
        '{"Records": []}',
        '{"Records": 5}',
        '{"Records": [null]}',
        '{"Records": [{"eventSource": "aws:ses"}]}',
        '{"Records": [{"eventSource": "aws:s3", "s3": {}}]}',
        '{"source": "aws.s3"}',
        '{"source": "aws.s3", "detail": {"bucket": {"name": "photos"}, "object": {"key": 5}}}',
        '{"Type": "SubscriptionConfirmation", "Message": "m"}',
        json.dumps({"Records": [record() | {"eventTime": "yesterday"}]}),
        json.dumps(
            {"Records": [record() | {"s3": {"bucket": {"name": "photos"}, "object": {"key": "%ff"}}}]}
        ),
    ],
)
def test_anything_else_is_other_peoples(body):
    """It is left alone, whatever it is."""
    assert read_letter(body, BUCKET, 0.0) == Letter(ours=False)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["Records", "s3", "bucket", "object", "name", "key", "source", "detail", "Type"]
                ),
                x,
            )
        ),
    )
)
def test_no_message_breaks_the_reader(document):
    """Whatever JSON it is."""
    assert isinstance(read(document), Letter)
