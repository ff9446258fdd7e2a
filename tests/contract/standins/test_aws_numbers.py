"""Numbers of keys, which DynamoDB compares as numbers, however they are written."""

import pytest

from localcloud.aws.messages import Call
from localcloud.aws.numbers import with_plain_numbers


@pytest.fixture
def table(dynamodb, name):
    """A table whose key is a number."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "n", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "n", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.mark.parametrize("written", ["1", "1.0", "01", "+1", "1E0", "10e-1", ".1E1"])
def test_a_number_is_one_key_however_it_is_written(dynamodb, table, written):
    """Updates, reads and deletes find what another writing put, and the table has one item."""
    key = {"TableName": table, "Key": {"n": {"N": written}}}
    dynamodb.put_item(TableName=table, Item={"n": {"N": "1.00"}})
    dynamodb.update_item(**key, UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": {"S": "x"}})
    assert dynamodb.scan(TableName=table)["Items"] == [{"n": {"N": "1"}, "a": {"S": "x"}}]
    assert dynamodb.get_item(**key)["Item"]["a"] == {"S": "x"}
    dynamodb.transact_write_items(TransactItems=[{"Delete": key}])
    assert dynamodb.scan(TableName=table)["Count"] == 0


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("-0.0", "0"),
        ("-1.50", "-1.5"),
        ("1E22", "1" + "0" * 22),
        ("1e-3", "0.001"),
        ("1_0", "1_0"),
        (" 1", " 1"),
        ("NaN", "NaN"),
        ("1E126", "1E126"),
        ("1" * 39, "1" * 39),
        ("1" + "0" * 60, "1" + "0" * 60),
    ],
)
def test_what_is_no_number_stays_as_it_is(written, plain):
    """Only numbers in range are brought into their form, and the call's length follows."""
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\nContent-Length: %d\r\n\r\n"
    body = b'{"Key":{"n":{"N":"%b"},"s":{"S":"\\"N\\":\\"1.0"}}}' % written.encode()
    raw = head % len(body)
    call = Call.parse(raw + body, len(raw))
    assert call is not None
    changed = with_plain_numbers(call)
    assert changed.body == body.replace(b'"%b"' % written.encode(), b'"%b"' % plain.encode(), 1)
    assert changed.header("content-length") == str(len(changed.body))
