"""Odd messages go from SQS to Service Bus by the real service and come back the same, in their order."""

import asyncio
import json
import os
import re

import boto3
import corpus_messages as corpus
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceiveMode
from azure.storage.blob import ContainerClient
from running import Place, wait_for

from connectors.servicebus import claim_of, decode
from localcloud import LocalClouds

LARGE_BYTES = 262_000


@pytest.fixture(scope="module")
def clouds():
    """Both clouds with Service Bus; on real accounts queues are not made by a control path."""
    if os.environ.get("REPLICATOR_TEST_CLOUDS") == "real":
        pytest.skip("makes queues by the control path of the stand-in")
    started = asyncio.run(LocalClouds.start(azurite=False, servicebus=True))
    yield started
    asyncio.run(started.stop())


class World:
    """Queues at both sides, and a configuration that bridges them."""

    def __init__(self, clouds, directory, name):
        self.clouds, self.name, self.sqs = clouds, name, boto3.client("sqs")
        self.urls = {}
        pipelines = [self._bridge(kind) for kind in ("standard", "fifo", "dlq")]
        redrive = f'{{"deadLetterTargetArn": "{self._arn("dlq")}", "maxReceiveCount": "1"}}'
        self.workload = self._queue("workload", RedrivePolicy=redrive, VisibilityTimeout="0")
        self.place = Place(directory, *pipelines)
        self.place.settings["limits"] = {"sink_call_seconds_max": 5}
        self.client = ServiceBusClient.from_connection_string(os.environ["SERVICEBUS_CONNECTION_STRING"])

    def _queue(self, kind, **attributes):
        suffix = ".fifo" if kind.endswith("fifo") else ""
        fifo = {"FifoQueue": "true"} if suffix else {}
        answer = self.sqs.create_queue(
            QueueName=f"{self.name}-{kind}{suffix}", Attributes=attributes | fifo
        )
        return answer["QueueUrl"]

    def _bridge(self, kind):
        self.urls[kind] = self._queue(kind)
        settings = {"duplicate_detection_seconds": 600.0, "dead_letter_on_expiration": True}
        queue, sessions = f"{self.name}-{kind}", kind == "fifo"
        asyncio.run(self.clouds.servicebus.create_queue(queue, requires_session=sessions, **settings))
        source = {"connector": "sqs", "queue_url": self.urls[kind], "markers": True, "poll_seconds": 1}
        source["hidden_seconds"] = 2  # for so long after a start nothing is proved
        sink = {"connector": "servicebus", "queue": queue, "sessions": sessions}
        return {"name": kind, "source": source, "sink": sink, "mode": "bridge"}

    def _arn(self, kind):
        told = self.sqs.get_queue_attributes(QueueUrl=self.urls[kind], AttributeNames=["QueueArn"])
        return told["Attributes"]["QueueArn"]

    def send(self, url, message):
        """Send a message, and return its id and what AWS computes of its body and its attributes."""
        answer = self.sqs.send_message(QueueUrl=url, **message)
        return answer["MessageId"], answer["MD5OfMessageBody"], answer.get("MD5OfMessageAttributes")

    def settle(self, service, kind):
        """Return once everything that was sent is at Service Bus or a dead letter."""
        wait_for(lambda: service.status(kind)["state"] != "starting")
        answer = service.command("POST", f"/v1/pipelines/{kind}/barrier", json={"timeout_seconds": 30})
        assert answer.status_code == 200, answer.text + service.log.read_text()[-2000:]

    def taken(self, kind, read=None):
        """Every message of a queue at Service Bus, in neutral form; of sessions one after the other.

        ``read`` is given the name of a blob where a body is in one.
        """
        queue, options = f"{self.name}-{kind}", {"receive_mode": ServiceBusReceiveMode.RECEIVE_AND_DELETE}
        counts = asyncio.run(self.clouds.servicebus.describe_queue(queue))
        found = []
        sessions = list(self.client.list_queue_sessions(queue)) if kind == "fifo" else [None]
        for session in sessions:
            more = {"session_id": session} if session else {}
            with self.client.get_queue_receiver(queue, **options, **more) as receiver:
                while got := receiver.receive_messages(200, max_wait_time=1):
                    found += [decode(each, (claim := claim_of(each)) and read(claim.name)) for each in got]
        assert len(found) == counts["active"]
        return found


@pytest.fixture
def world(clouds, monkeypatch, name, tmp_path):
    """A world of the test's own."""
    for variable, value in clouds.environment().items():
        monkeypatch.setenv(variable, value)
    opened = World(clouds, tmp_path, name)
    yield opened
    opened.client.close()


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_odd_messages_survive_the_way_there_and_back(world, kind):
    """Body and attributes have AWS's own digests again, and groups their order, for every odd message."""
    fifo = kind == "fifo"
    corpora = list(corpus.messages(fifo=fifo))
    sent = [world.send(world.urls[kind], message) for message in corpora]
    with world.place.running() as service:
        world.settle(service, kind)
        assert service.command("GET", "/v1/dead-letters").json()["dead_letters"] == []
    taken = world.taken(kind)
    by_id = {
        identity: (message, digests) for message, (identity, *digests) in zip(corpora, sent, strict=True)
    }
    assert sorted(message.id for message in taken) == sorted(by_id)
    back = world._queue(f"back-{kind}")
    for message in taken:
        given, digests = by_id[message.id]
        again = corpus.sent_again(message)
        assert again == given
        assert world.send(back, again)[1:] == tuple(digests)
    for group in {message.group for message in taken} if fifo else ():
        order = [message.id for message in taken if message.group == group]
        wanted = [
            each[0] for each, given in zip(sent, corpora, strict=True) if given["MessageGroupId"] == group
        ]
        assert order == wanted


def test_a_dead_letter_queue_is_bridged_with_what_is_known_of_it(world):
    """It goes to a queue of its own, with where it came from, its age and how often it was received."""
    before, *_ = world.send(world.workload, {"MessageBody": "poison"})
    wait_for(lambda: not _received(world, world.workload))
    with world.place.running() as service:
        world.settle(service, "dlq")
    (message,) = world.taken("dlq")
    assert (message.id, message.body) == (before, "poison")
    assert message.properties["DeadLetterQueueSourceArn"].endswith(f"{world.name}-workload")
    assert int(message.properties["ApproximateReceiveCount"]) >= 1
    assert message.properties["SenderId"]
    assert message.expires_at > message.sent_at > 0


def _checked(world, storage, place):
    """Let the pipeline of the standard queue keep large bodies in a container of its own; its client."""
    container = ContainerClient.from_connection_string(storage, world.name)
    container.create_container()
    world.place.environment["AZURE_STORAGE_CONNECTION_STRING"] = storage
    (pipeline,) = (each for each in place["pipelines"] if each["name"] == "standard")
    pipeline["sink"]["claim_check"] = {"container": world.name}
    return container


def test_bodies_over_the_limit_go_by_claim_check(world, storage, monkeypatch):
    """Through kills of the service each has one blob, with what was sent, and one message that names it."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", storage)
    with _checked(world, storage, world.place.settings) as container:
        bodies = [f"{number}" * (LARGE_BYTES if number % 2 else 10) for number in range(8)]
        sent = {world.send(world.urls["standard"], {"MessageBody": body})[0]: body for body in bodies}
        with world.place.running() as service:
            wait_for(lambda: list(container.list_blob_names()))
            service.process.kill()
            service.process.wait(10)
        with world.place.running() as service:
            world.settle(service, "standard")
            assert service.command("GET", "/v1/dead-letters").json()["dead_letters"] == []
        found = {
            message.id: message.body
            for message in world.taken("standard", lambda name: container.download_blob(name).readall())
        }
        assert found == sent
        assert len(list(container.list_blob_names())) == 4
        container.delete_container()


def test_the_preflight_compares_both_queues_before_anything_moves(world, storage, monkeypatch):
    """`validate` tells what will not hold, with hints; it exits with 1 only for what cannot work."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", storage)
    attributes = {"VisibilityTimeout": "900", "MessageRetentionPeriod": "1209600"}
    world.sqs.set_queue_attributes(QueueUrl=world.urls["standard"], Attributes=attributes)
    world.send(world.urls["standard"], {"MessageBody": "waits"})
    found = world.place.cli("validate", world.place.config, "--json")
    said = json.dumps(json.loads(found.stdout))
    assert found.returncode == 0
    assert "claim_check is off" in said
    assert "for 900 s at the source, and for 60 s at the queue" in said
    with _checked(world, storage, world.place.settings) as container:
        found = world.place.cli("validate", world.place.config)
        assert (found.returncode, found.stdout.count("claim_check is off")) == (0, 2)  # of fifo and dlq
        container.delete_container()
    missing = world.place.cli("validate", world.place.config)
    assert (missing.returncode, "claim check is not there" in missing.stdout) == (1, True)
    for pipeline in world.place.settings["pipelines"]:
        pipeline["sink"].pop("claim_check", None)
        pipeline["sink"]["sessions"] = pipeline["name"] != "fifo"
    wrong = world.place.cli("validate", world.place.config)
    assert wrong.returncode == 1
    assert "configured without sessions" in " ".join(wrong.stdout.split())
    assert world.sqs.get_queue_attributes(
        QueueUrl=world.urls["standard"], AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"] == {"ApproximateNumberOfMessages": "1"}


def _received(world, url):
    return world.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())


def test_a_body_over_the_limit_is_a_dead_letter_that_says_so(world):
    """SQS takes it and Service Bus on the standard tier does not: it is kept whole, with its reason."""
    body = "z" * LARGE_BYTES
    world.send(world.urls["standard"], {"MessageBody": body})
    world.send(world.urls["standard"], {"MessageBody": "small"})
    with world.place.running() as service:
        world.settle(service, "standard")
        (letter,) = service.command("GET", "/v1/dead-letters").json()["dead_letters"]
        whole = service.command("GET", f"/v1/dead-letters/{letter['id']}").json()
    assert re.search(r"has about 26\d{4} bytes, and the queue takes at most 26\d{4}", letter["message"])
    assert "premium" in letter["hint"]
    assert whole["record"]["message"]["body"] == body
    assert [message.body for message in world.taken("standard")] == ["small"]
