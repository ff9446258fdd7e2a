"""Standard queues of SQS as they may behave, and deletes and visibility as they always do."""

import time

import pytest
from botocore.exceptions import ClientError

WAIT_SECONDS_MAX = 10


@pytest.fixture
def sqs(client_of, environment):
    """A client of SQS."""
    return client_of(environment, "sqs")


@pytest.fixture
def queue(sqs, name):
    """The URL of a standard queue."""
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "20"})["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def fifo(sqs, name):
    """The URL of a FIFO queue."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
async def disorder(aws, name, queue):
    """Sets how the test's queue behaves."""

    async def settle(**disorder):
        await aws.disorder_queue(name, **disorder)

    yield settle
    await aws.clear_queue(name)


@pytest.fixture
def send(sqs, queue):
    """Sends numbered messages in batches of ten."""

    def batches(count):
        for start in range(0, count, 10):
            entries = [
                {"Id": f"e{n}", "MessageBody": f"{start + n}"} for n in range(min(10, count - start))
            ]
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    return batches


@pytest.fixture
def receive(sqs, queue):
    """Receives at most so many messages with all their attributes."""

    def take(count=10, **more):
        asked = {"QueueUrl": queue, "MaxNumberOfMessages": count, "AttributeNames": ["All"]} | more
        return sqs.receive_message(**asked).get("Messages", [])

    return take


def delete(sqs, queue, messages):
    """Delete messages in one batch, all of which succeed."""
    entries = [{"Id": f"e{n}", "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    assert len(answer["Successful"]) == len(messages)
    assert not answer.get("Failed")


def test_a_second_delete_succeeds(sqs, queue, send, receive):
    """Deleting what is gone is no error, alone and in a batch; a handle that never was one is."""
    send(2)
    messages = receive()
    for _ in range(2):
        delete(sqs, queue, messages)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=messages[0]["ReceiptHandle"])
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle="never")
    entries = [{"Id": "a", "ReceiptHandle": "never"}]
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=entries)["Failed"]) == 1


def test_a_second_delete_succeeds_in_a_fifo_queue(sqs, fifo):
    """A message that was deleted is gone for good, but one that went on to another receiver is not."""
    sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
    (first,) = sqs.receive_message(QueueUrl=fifo, VisibilityTimeout=0)["Messages"]
    (second,) = sqs.receive_message(QueueUrl=fifo)["Messages"]
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    for _ in range(2):
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=second["ReceiptHandle"])


def test_visibility_expires_and_is_extended(sqs, queue, send, receive):
    """A message comes again when its time is over, counted, and not before where that was extended."""
    send(1)
    (first,) = receive(VisibilityTimeout=1)
    started = time.monotonic()
    (again,) = receive(WaitTimeSeconds=5, VisibilityTimeout=1)
    assert 0.5 <= time.monotonic() - started < 5
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    handle = again["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=60)
    assert receive(WaitTimeSeconds=2) == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    assert len(receive()) == 1


async def test_answers_can_be_shuffled(sqs, queue, disorder, send, receive):
    """The order is random and the same for a seed; no message is missing."""
    orders = []
    for _ in range(2):
        await disorder(seed=3, shuffle=True)
        send(10)
        messages = receive()
        orders.append([message["Body"] for message in messages])
        delete(sqs, queue, messages)
    assert orders[0] == orders[1]
    assert sorted(orders[0]) == [f"{n}" for n in range(10)]
    assert orders[0] != sorted(orders[0])


async def test_a_share_of_messages_comes_again_after_its_deletion(sqs, queue, disorder, send, receive):
    """The same message id and body come with another handle, once, and are deleted like any other."""
    await disorder(seed=1, repeat=0.5)
    send(10)
    messages = receive()
    delete(sqs, queue, messages)
    again = receive()
    assert 2 <= len(again) <= 8
    by_id = {message["MessageId"]: message for message in messages}
    assert all(by_id[message["MessageId"]]["Body"] == message["Body"] for message in again)
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in again} == {"2"}
    assert receive() == []
    kept, *others = again
    delete(sqs, queue, others + messages[:1]) if others else None
    handle = kept["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    (last,) = receive(1)
    assert last["MessageId"] == kept["MessageId"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=last["ReceiptHandle"])
    assert receive() == []


async def test_what_comes_again_later_ends_a_long_poll(sqs, queue, disorder, send, receive):
    """A receiver who waits gets it when its time has come."""
    await disorder(repeat=1.0, again_seconds=1.0)
    send(1)
    delete(sqs, queue, receive())
    started = time.monotonic()
    assert len(receive(WaitTimeSeconds=15)) == 1
    assert time.monotonic() - started < 5


async def test_a_share_of_messages_is_late(sqs, queue, disorder, send, receive):
    """Some are there at once, the others follow."""
    await disorder(seed=5, late=0.5, late_seconds=2)
    send(20)
    taken = receive() + receive()
    assert 4 <= len(taken) <= 16
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while len(taken) < 20 and time.monotonic() < deadline:
        taken += receive(WaitTimeSeconds=1)
    bodies = [int(message["Body"]) for message in taken]
    assert sorted(bodies) == list(range(20))
    assert bodies != sorted(bodies)


async def test_fifo_queues_cannot_be_disordered(aws, name):
    """They keep their order, so a script is told that it is wrong."""
    with pytest.raises(ValueError, match="FIFO"):
        await aws.disorder_queue(f"{name}.fifo", shuffle=True)
