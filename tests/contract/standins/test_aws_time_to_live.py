"""Time to live: settings, deletions, and whose they are."""

import time

import pytest
from botocore.exceptions import ClientError

SERVICE = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


@pytest.fixture
def expiring(dynamodb, name, stream):
    """The stream of a table whose items expire by the attribute `until`."""
    wanted = {"Enabled": True, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    return stream


def removals(records):
    """Return key and identity of each REMOVE."""
    return {
        record["dynamodb"]["Keys"]["pk"]["S"]: record.get("userIdentity")
        for record in records
        if record["eventName"] == "REMOVE"
    }


async def test_expired_items_leave_with_the_identity_of_the_service(
    expiring, put, aws, dynamodb, name, all_records
):
    """An expired item is deleted with the service's identity, a deleted one without any."""
    put("past", until={"N": str(int(time.time()) - 10)})
    put("future", until={"N": str(int(time.time()) + 1000)})
    put("deleted", until={"N": str(int(time.time()) - 10)})
    put("ancient", until={"N": "1000"})
    put("text", until={"S": "1000"})
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "deleted"}})
    assert await aws.expire_items(name) == 1
    assert removals(all_records(expiring)) == {"past": SERVICE, "deleted": None}
    left = {item["pk"]["S"] for item in dynamodb.scan(TableName=name)["Items"]}
    assert left == {"future", "ancient", "text"}


def test_the_setting_is_described(expiring, dynamodb, name):
    """DescribeTimeToLive names the attribute; switching on twice is refused; off is off."""
    described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}
    wanted = {"Enabled": True, "AttributeName": "until"}
    with pytest.raises(ClientError, match="already enabled"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    off = {"Enabled": False, "AttributeName": "until"}
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=off)
    described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "DISABLED"}


def test_an_unknown_table_has_no_setting(dynamodb, name):
    """Both calls refuse a table that is not there."""
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dynamodb.describe_time_to_live(TableName=name)


def test_a_deleted_table_takes_its_setting_along(expiring, dynamodb, name, create_table):
    """A new table of the same name expires nothing."""
    dynamodb.delete_table(TableName=name)
    create_table(name)
    described = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "DISABLED"}
