"""The Service Bus stand-in, asked by the real SDK: who may, how much, and what a status lets one do."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.servicebus import ServiceBusReceiveMode
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
    ServiceBusQuotaExceededError,
)
from servicebus_namespace import Namespace, World, bodies, message, take

from localcloud.servicebus import QueueSettings, ServiceBusServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

KIB = 1024


async def started(**arguments):
    """Another namespace, with settings of its own."""
    server = ServiceBusServer(**arguments)
    await server.start()
    return World(server)


@pytest.mark.parametrize("broken", ["SharedAccessKey=[^;]+", "SharedAccessKeyName=[^;]+"])
async def test_another_key_or_name_is_refused(namespace, broken):
    """A client that signs with another key, or as somebody else, is not authenticated."""
    namespace.create()
    right = namespace.server.connection_string
    wrong = re.sub(broken, broken.split("=")[0] + "=wrong", right)
    with pytest.raises(ServiceBusAuthenticationError):
        async with namespace.client(wrong).get_queue_sender(namespace.queue):
            pass


async def test_a_token_of_one_queue_opens_no_other(namespace):
    """A link to a queue that no token covers is unauthorized."""
    covered, other = namespace.create(), namespace.create()
    async with namespace.client().get_queue_sender(covered) as sender:
        # The link's target is what the SDK derives from the queue's name; the token stays the first's.
        await sender._handler.close_async()
        sender._entity_uri = sender._entity_uri.replace(covered, other)
        sender._running = False
        with pytest.raises(ServiceBusAuthorizationError):
            await sender.send_messages(message())


class ToControlPath(AioHttpTransport):
    """Takes what is meant for the namespace's own address to the stand-in's."""

    def __init__(self, server):
        super().__init__()
        self._address = urlsplit(server.control_url)

    async def send(self, request, **options):
        request.url = urlsplit(request.url)._replace(scheme="http", netloc=self._address.netloc).geturl()
        return await super().send(request, **options)


async def test_the_administration_client_reads_a_queue(namespace):
    """Its settings are told as the service tells them, to whom a signature covers it."""
    name = namespace.create(
        requires_session=True, duplicate_detection_seconds=90, default_ttl_seconds=3600, lock_seconds=30
    )
    right = namespace.server.connection_string

    def client(connection_string):
        transport = ToControlPath(namespace.server)
        return ServiceBusAdministrationClient.from_connection_string(
            connection_string, transport=transport, retry_total=0
        )

    async with client(right) as admin:
        told = await admin.get_queue(name)
        assert (told.requires_session, told.requires_duplicate_detection) == (True, True)
        assert told.duplicate_detection_history_time_window == timedelta(seconds=90)
        assert told.default_message_time_to_live == timedelta(hours=1)
        assert (told.lock_duration, told.max_delivery_count) == (timedelta(seconds=30), 10)
        assert (told.status, told.max_message_size_in_kilobytes) == ("Active", 256)
        with pytest.raises(ResourceNotFoundError):
            await admin.get_queue("nowhere")
    async with client(re.sub("SharedAccessKey=[^;]+", "SharedAccessKey=wrong", right)) as admin:
        with pytest.raises(ClientAuthenticationError):
            await admin.get_queue(name)


async def test_a_queue_that_is_not_there_is_not_found(namespace):
    """Links to a missing queue are refused as not found."""
    with pytest.raises(MessagingEntityNotFoundError):
        await namespace.sender("nowhere")
    with pytest.raises(MessagingEntityNotFoundError):
        await namespace.receiver("nowhere")


async def test_names_of_queues_are_equal_whatever_their_case(namespace):
    """A queue is found under its name in capitals, and a name may have a slash."""
    namespace.server.create_queue("Team/Orders")
    sender = await namespace.sender("team/ORDERS")
    await sender.send_messages(message())
    assert namespace.server.describe_queue("TEAM/orders")["active"] == 1
    namespace.server.delete_queue("team/orders")


async def test_standard_takes_256_kilobytes(namespace):
    """A message below the limit is taken, one above it is refused, and a batch holds no more than that."""
    namespace.create()
    sender = await namespace.sender()
    await sender.send_messages(message(b"x" * (255 * KIB)))
    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(message(b"x" * (256 * KIB)))
    assert (await sender.create_message_batch()).max_size_in_bytes == 256 * KIB
    assert namespace.counts() == (1, 0, 0, 0)


async def test_premium_takes_larger_messages_but_no_larger_batches():
    """On premium a queue may take messages up to 100 MB, in many frames; batches stay at 1 MB."""
    world = await started(tier="premium")
    namespace = Namespace(world)
    namespace.create()
    plain = await namespace.sender()
    with pytest.raises(MessageSizeExceededError):
        await plain.send_messages(message(b"x" * (1025 * KIB)))
    namespace.create(message_bytes_max=5 * KIB * KIB)
    sender, receiver = await namespace.pair()
    await sender.send_messages(message(b"x" * (4 * KIB * KIB)))
    (got,) = await take(receiver)
    assert len(b"".join(got.body)) == 4 * KIB * KIB
    assert (await sender.create_message_batch()).max_size_in_bytes == KIB * KIB
    await world.close()


async def test_larger_messages_are_for_premium_only(namespace):
    """The standard tier refuses a queue with a message size of its own."""
    with pytest.raises(Exception, match="premium"):
        namespace.create(message_bytes_max=KIB * KIB)


async def test_properties_and_ids_have_limits(namespace):
    """A property of 32 KB, properties of 64 KB and ids of 128 characters are the most."""
    namespace.create()
    sender = await namespace.sender()
    await sender.send_messages(message(application_properties={"a": "x" * (31 * KIB)}))
    too_much = [{"a": "x" * (33 * KIB)}, dict.fromkeys("abc", "x" * (22 * KIB))]
    for properties in too_much:
        with pytest.raises(ServiceBusError, match="out-of-range"):
            await sender.send_messages(message(application_properties=properties))
    sent = message()
    sent._raw_amqp_message.properties.group_id = "s" * 129
    with pytest.raises(ServiceBusError, match="out-of-range"):
        await sender.send_messages(sent)


async def test_a_full_queue_refuses_messages(namespace):
    """A queue at its size takes no more until something is taken out."""
    namespace.create(size_bytes_max=10 * KIB)
    sender, receiver = await namespace.pair(receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE)
    await sender.send_messages(message(b"x" * (9 * KIB)))
    with pytest.raises(ServiceBusQuotaExceededError):
        await sender.send_messages(message(b"x" * (2 * KIB)))
    await take(receiver)
    await sender.send_messages(message(b"x" * (2 * KIB)))


async def test_receive_disabled_takes_messages_and_gives_none(namespace):
    """With ReceiveDisabled one can send; receivers end, settle nothing and cannot attach."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("a"))
    (got,) = await take(receiver)
    namespace.server.update_queue(namespace.queue, status="ReceiveDisabled")
    await sender.send_messages(message("b"))
    with pytest.raises(ServiceBusError, match="disabled"):
        await receiver.complete_message(got)
    with pytest.raises(MessagingEntityDisabledError):
        await namespace.receiver()
    namespace.server.update_queue(namespace.queue, status="Active")
    assert bodies(await take(await namespace.receiver())) == ["b"]


async def test_send_disabled_gives_messages_and_takes_none(namespace):
    """With SendDisabled one can receive, and neither sends nor attaches a sender."""
    namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages(message("a"))
    namespace.server.update_queue(namespace.queue, status="SendDisabled")
    with pytest.raises(MessagingEntityDisabledError):
        await sender.send_messages(message("b"))
    with pytest.raises(MessagingEntityDisabledError):
        await namespace.sender()
    assert bodies(await take(receiver)) == ["a"]


async def test_what_is_fixed_at_creation_stays(namespace):
    """Sessions and duplicate detection cannot be switched later, other settings can."""
    name = namespace.create()
    for change in ({"requires_session": True}, {"duplicate_detection_seconds": 60}):
        with pytest.raises(Exception, match="fixed at creation"):
            namespace.server.update_queue(name, **change)
    namespace.server.update_queue(name, max_delivery_count=3)
    assert namespace.server.describe_queue(name)["settings"]["max_delivery_count"] == 3


async def test_a_deleted_queue_ends_its_receivers(namespace):
    """Deleting a queue ends receivers as not found, and its messages are gone."""
    name = namespace.create()
    sender, receiver = await namespace.pair()
    await sender.send_messages(message())
    namespace.server.delete_queue(name)
    with pytest.raises(MessagingEntityNotFoundError):
        await receiver.receive_messages(1, max_wait_time=1)
    namespace.server.create_queue(name, QueueSettings())
    assert namespace.server.describe_queue(name)["active"] == 0


async def test_sessions_are_listed(namespace):
    """Sessions with messages or state are listed, in pages."""
    namespace.create(requires_session=True)
    sender = await namespace.sender()
    await sender.send_messages([message(session_id=f"s{number:03}") for number in range(150)])
    listed = namespace.client().list_queue_sessions(namespace.queue)
    assert [each async for each in listed] == [f"s{number:03}" for number in range(150)]
