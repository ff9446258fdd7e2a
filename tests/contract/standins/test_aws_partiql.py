"""Writes by PartiQL, which the stand-in's streams would not tell of."""

import pytest
from botocore.exceptions import ClientError

SELECT = 'SELECT * FROM "{}"'
INSERT = "INSERT INTO \"{}\" VALUE {{'pk': 'a'}}"
UPDATE = "UPDATE {} SET v = 1 WHERE pk = 'a'"
DELETE = "delete from \"{}\" where pk = 'a'"


@pytest.fixture
def plain(dynamodb, name):
    """A table without a stream."""
    table = f"{name}-plain"
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield table
    dynamodb.delete_table(TableName=table)


@pytest.mark.parametrize("statement", [INSERT, UPDATE, DELETE])
def test_a_write_that_no_stream_would_tell_is_refused(dynamodb, stream, put, name, statement):
    """Alone, in a batch and in a transaction; the table stays as it is."""
    put("a")
    written = {"Statement": statement.format(name)}
    for call in (
        lambda: dynamodb.execute_statement(**written),
        lambda: dynamodb.batch_execute_statement(Statements=[written]),
        lambda: dynamodb.execute_transaction(TransactStatements=[written]),
    ):
        with pytest.raises(ClientError, match="would not tell of a write by PartiQL"):
            call()
    assert stream
    assert dynamodb.scan(TableName=name)["Items"] == [{"pk": {"S": "a"}}]


def test_reads_and_tables_without_a_stream_are_served(dynamodb, stream, put, name, plain):
    """Nobody follows such a table, and a read writes nothing."""
    put("a")
    assert stream
    read = dynamodb.execute_statement(Statement=SELECT.format(name))
    assert read["Items"] == [{"pk": {"S": "a"}}]
    dynamodb.execute_statement(Statement=INSERT.format(plain))
    assert dynamodb.scan(TableName=plain)["Count"] == 1
    with pytest.raises(ClientError, match="not found"):
        dynamodb.execute_statement(Statement=INSERT.format("nowhere"))
