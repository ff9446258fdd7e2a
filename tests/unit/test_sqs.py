"""The pure parts of the SQS source: the form of messages, what rounds prove, what attributes tell."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sqs.codec import MARK, change_of, end_message, is_whole, mark_in, message_of
from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.errors import translate
from connectors.sqs.probe import findings
from connectors.sqs.proof import Freshness, Marks
from replicator.model.errors import PermanentError, TransientError
from replicator.model.record import Attribute

attributes = st.dictionaries(
    st.text(min_size=1),
    st.one_of(
        st.builds(Attribute, st.sampled_from(["String", "String.x", "Number", "Number.int"]), st.text()),
        st.builds(Attribute, st.sampled_from(["Binary", "Binary.png"]), st.binary()),
    ),
)


def raw(body="b", told=None, **system):
    """A message as ReceiveMessage gives it."""
    values = {
        name: {
            "DataType": each.type,
            ("BinaryValue" if isinstance(each.value, bytes) else "StringValue"): each.value,
        }
        for name, each in (told or {}).items()
    }
    return {"MessageId": "m", "Body": body, "MessageAttributes": values, "Attributes": system}


@given(st.text(), attributes)
def test_a_message_is_passed_on_exactly(body, told):
    """Body and attributes are what they were; numbers stay text."""
    message = message_of(raw(body, told, SentTimestamp="1500"), 60.0, fifo=False)
    assert (message.body, message.attributes) == (body, told)
    assert (message.sent_at, message.expires_at) == (1.5, 61.5)
    assert change_of(message).key == ("m",)


def test_the_group_of_a_standard_queue_is_no_group():
    """A fair queue's tenant promises no order, and is kept as a property."""
    system = {"SentTimestamp": "0", "MessageGroupId": "tenant", "SequenceNumber": "9"}
    fair = message_of(raw(**system), 60.0, fifo=False)
    assert (fair.group, fair.properties["MessageGroupId"]) == (None, "tenant")
    grouped = message_of(raw(**system), 60.0, fifo=True)
    assert (grouped.group, grouped.properties) == ("tenant", {"SequenceNumber": "9"})
    assert change_of(grouped).key == ("tenant", "m")


@pytest.mark.parametrize("fifo", [False, True])
def test_an_end_message_is_known(fifo):
    """What is sent as one is told from the workload's, and in a FIFO queue has a group to itself."""
    sent = end_message("end-1", fifo=fifo)
    assert sent["MessageAttributes"][MARK]["StringValue"] == "end-1"
    assert mark_in({"MessageAttributes": sent["MessageAttributes"]}) == "end-1"
    assert mark_in(raw()) is None
    assert ("MessageGroupId" in sent) is fifo


def test_a_damaged_body_is_noticed():
    """The service's MD5 has to be the body's."""
    good = {"Body": "é", "MD5OfBody": hashlib.md5("é".encode(), usedforsecurity=False).hexdigest()}
    assert is_whole(good)
    assert not is_whole(good | {"Body": "e"})


def test_a_complete_round_of_a_standard_queue_proves_its_begin():
    """Whatever is in hand."""
    freshness = Freshness(fifo=False)
    freshness.begin(5.0, 3, lambda _position: False)
    assert freshness.end() == 5.0


def test_a_group_that_was_in_hand_is_read_one_round_later():
    """What waited behind it has come once a later round began after it was gone."""
    freshness, in_hand = Freshness(fifo=True), {3}

    def is_free_of(position):
        return all(each > position for each in in_hand)

    freshness.begin(5.0, 3, is_free_of)
    assert freshness.end() is None
    in_hand.add(4)
    freshness.begin(6.0, 4, is_free_of)
    assert freshness.end() is None
    in_hand.discard(3)
    freshness.begin(7.0, 5, is_free_of)
    assert freshness.end() == 5.0
    in_hand.clear()
    freshness.begin(8.0, 5, is_free_of)
    assert freshness.end() == 8.0


def test_a_mark_counts_when_it_came_out_and_all_before_it():
    """Neither alone is a proof."""
    marks = Marks()
    marks.add("a", 5.0)
    assert marks.take_proved(9.0) == ()
    marks.see("a")
    marks.see("of an earlier process")
    assert marks.take_proved(4.9) == ()
    assert marks.take_proved(5.0) == ("a",)
    assert marks.take_proved(9.0) == ()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, []),
        ({"RedrivePolicy": '{"maxReceiveCount": "3"}'}, ["dead-letter queue", "after 3 deliveries"]),
        (
            {"RedrivePolicy": '{"maxReceiveCount": 10, "deadLetterTargetArn": "arn:dead"}'},
            ["dead-letter queue, arn:dead, is not moved"],
        ),
        ({"KmsMasterKeyId": "alias/x"}, ["encrypted with the key alias/x"]),
        ({"MessageRetentionPeriod": "3600"}, ["for 1.0 hours"]),
        ({"FifoQueue": "true"}, ["end messages"]),
    ],
)
def test_what_a_queue_may_need(told, said):
    """Each has words and a hint."""
    settings = SqsSourceSettings(queue_url="https://sqs.example/q", markers=True)
    found = list(findings(told, settings))
    assert len(found) == len(said)
    for finding, words in zip(found, said, strict=True):
        assert words in finding.message
        assert finding.hint


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("RequestThrottled", 403, TransientError),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, PermanentError),
        ("com.amazonaws.sqs#QueueDoesNotExist", 400, PermanentError),
        ("", 503, TransientError),
        ("AccessDenied", 403, PermanentError),
        ("InvalidClientTokenId", 403, PermanentError),
    ],
)
def test_errors_say_what_happens_next(code, status, kind):
    """Each with a hint, but for what may pass by itself."""
    error = translate("ReceiveMessage", code, "", status)
    assert isinstance(error, kind)
    assert error.hint or isinstance(error, TransientError)
