"""The pure parts of the SQS source: the form of messages, what rounds prove, what attributes tell."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.aws.errors import Refusal
from connectors.sqs.codec import (
    MARK,
    attributes_md5,
    change_of,
    end_message,
    is_whole,
    mark_in,
    message_of,
)
from connectors.sqs.config import SqsSourceSettings
from connectors.sqs.errors import translate
from connectors.sqs.probe import findings
from connectors.sqs.proof import Counts, Freshness, Marks, bears_out
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


@given(attributes, attributes)
def test_damaged_attributes_are_noticed(one, other):
    """Their digest is that of exactly these names, types and values."""
    told, others = (raw(told=each)["MessageAttributes"] for each in (one, other))
    message = {"MD5OfMessageAttributes": attributes_md5(told)}
    assert is_whole(message | {"MessageAttributes": told})
    assert is_whole(message | {"MessageAttributes": others}) == (one == other)


def free(_position):
    return True


def test_a_queue_that_is_never_empty_counts_as_read_up_to_the_oldest_that_came():
    """Not before rounds have had room for long enough; a full round begins anew, an empty one is exact."""
    freshness, found = Freshness(fifo=False), []
    for number in range(6):
        freshness.begin(10.0 + number / 2, 0.0, number, free)
        found.append(freshness.end([9.0 + number / 2]))
    assert found == [None, None, None, None, 9.0, 9.5]
    assert not freshness.is_exact
    freshness.interrupt()
    freshness.begin(13.0, 0.0, 7, free)
    assert freshness.end([12.9]) is None
    freshness.begin(14.0, 0.0, 8, free)
    assert (freshness.end(), freshness.is_exact) == (14.0, True)


@pytest.mark.parametrize("fifo", [False, True])
def test_nothing_is_proved_in_doubt(fifo):
    """A round counts again that began when everything hidden would have shown."""
    freshness = Freshness(fifo=fifo)
    freshness.doubt(100.0)
    freshness.begin(5.0, 99.9, 0, free)
    assert (freshness.end(), freshness.is_exact) == (None, False)
    freshness.begin(6.0, 100.0, 0, free)
    assert (freshness.end(), freshness.is_exact) == (6.0, True)


@pytest.mark.parametrize(
    ("counts", "borne_out"),
    [
        (Counts(0, 0, 0), True),
        (Counts(0, 2, 0), True),
        (Counts(0, 3, 0), False),
        (Counts(1, 0, 0), False),
        (Counts(0, 0, 1), False),
    ],
)
def test_counts_bear_a_mark_out_where_all_there_is_is_in_hand(counts, borne_out):
    """Whatever shows, is delayed or is in other hands may have been sent before the mark."""
    assert bears_out(counts, in_hand=2) is borne_out


def test_a_queue_is_named_once():
    """By its URL, whose region is taken, or by its name."""
    assert SqsSourceSettings(queue="orders.fifo").url_region is None
    for host in ("sqs.eu-west-1", "eu-west-1.queue"):
        assert SqsSourceSettings(queue_url=f"https://{host}.amazonaws.com/1/q").url_region == "eu-west-1"
    for given_names in ({}, {"queue": "q", "queue_url": "https://x/q"}):
        with pytest.raises(ValueError, match="one of them only"):
            SqsSourceSettings(**given_names)


def test_a_complete_round_of_a_standard_queue_proves_its_begin():
    """Whatever is in hand."""
    freshness = Freshness(fifo=False)
    freshness.begin(5.0, 0.0, 3, lambda _position: False)
    assert freshness.end() == 5.0


def test_a_group_that_was_in_hand_is_read_one_round_later():
    """What waited behind it has come once a later round began after it was gone."""
    freshness, in_hand = Freshness(fifo=True), {3}

    def is_free_of(position):
        return all(each > position for each in in_hand)

    freshness.begin(5.0, 0.0, 3, is_free_of)
    assert freshness.end() is None
    in_hand.add(4)
    freshness.begin(6.0, 0.0, 4, is_free_of)
    assert freshness.end() is None
    in_hand.discard(3)
    freshness.begin(7.0, 0.0, 5, is_free_of)
    assert freshness.end() == 5.0
    in_hand.clear()
    freshness.begin(8.0, 0.0, 5, is_free_of)
    assert freshness.end() == 8.0


def test_nothing_is_proved_while_a_killed_process_may_have_messages_in_hand():
    """They show again when their time is over, and a queue's delay counts, too."""
    freshness = Freshness(fifo=False, hidden_seconds=30.0, delay_seconds=2.0)
    for monotonic, proved in ((100.0, None), (129.9, None), (130.0, 5.0)):
        freshness.begin(7.0, monotonic, 0, lambda _position: True)
        assert freshness.end() == proved


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
        ({"DelaySeconds": "5"}, ["delays messages for 5 s"]),
        (
            {"ApproximateNumberOfMessagesNotVisible": "3"},
            ["about 3 messages are in the hands of other consumers"],
        ),
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
    error = translate(Refusal("ReceiveMessage", code, "", status))
    assert isinstance(error, kind)
    assert error.hint or isinstance(error, TransientError)
