"""Service Bus among the local clouds: started with them, found by their environment, scripted, kept."""

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from localcloud import LocalClouds


async def test_service_bus_is_one_of_the_local_clouds(tmp_path):
    """Programs find it by its variable, tests script it, and with persist a kill loses nothing answered."""
    async with LocalClouds(tmp_path, azurite=False, servicebus=True, persist=True) as clouds:
        bus = clouds.servicebus
        assert (await bus.create_queue("orders", lock_seconds=30))["settings"]["lock_seconds"] == 30
        with pytest.raises(ValueError, match="less than or equal"):
            await bus.update_queue("orders", lock_seconds=1000)
        await bus.add_fault("busy", operation="settle", queue="nobody")
        assert [rule["kind"] for rule in await bus.faults()] == ["busy"]
        await bus.clear_faults()
        client = ServiceBusClient.from_connection_string(
            clouds.environment()["SERVICEBUS_CONNECTION_STRING"]
        )
        assert clouds.environment()["SERVICEBUS_MANAGEMENT_ENDPOINT"].startswith("http://127.0.0.1:")
        async with client, client.get_queue_sender("orders") as sender:
            await sender.send_messages(ServiceBusMessage("a"))
        assert (await bus.counts())["messages sent"] == 1
        await clouds.kill("servicebus")
        await clouds.restart("servicebus")
        assert await bus.queues() == ["orders"]
        assert (await bus.describe_queue("orders"))["active"] == 1
        await bus.advance_clock(1)
        await bus.delete_queue("orders")
        assert await bus.queues() == []
