"""The workload of the table: a process of its own that fills it with boto3 and then keeps it moving.

``python -m replicator.demo.orders.writer --end TABLE --ledger FILE`` loads ``--count`` orders, then writes
``--rate`` times a second until SIGTERM: mostly updates, also new orders and deletes. It tells what it has
done on standard output, one JSON object a line, and keeps what the table has to hold in its ledger.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Event
from typing import Any

import boto3
from botocore.config import Config

from replicator.demo.desk import Desk, run
from replicator.demo.ledger import LedgerKey
from replicator.demo.orders.canonical import TypedValue, canonical, typed
from replicator.demo.orders.making import HASH_KEY, RANGE_KEY, Orders, key_of

BATCH_ITEMS_MAX = 25
"""Items of one BatchWriteItem (DynamoDB API reference)."""

LOADERS = 3
"""Threads that load; while one waits for the table, another one prepares its items."""

# Every write sets a whole state, so repeating one of unknown outcome changes nothing.
_PATIENT = Config(
    retries={"mode": "standard", "total_max_attempts": 20},
    read_timeout=20,
    parameter_validation=False,  # a third of the time of loading
    max_pool_connections=LOADERS,
)


class OrderWriter:
    """Writes one table, one write at a time."""

    def __init__(self, desk: Desk, table: str, seed: int) -> None:
        self._client = boto3.client("dynamodb", config=_PATIENT)
        self._table = table
        self._desk = desk
        self._orders = Orders(seed)
        self._random = random.Random(seed)  # noqa: S311 - a demonstration wants to be repeatable
        self._keys: list[LedgerKey] = []

    def load(self, count: int, stop: Event) -> None:
        """Fill the table."""
        done = self._desk.done
        with ThreadPoolExecutor(LOADERS) as loaders:
            while done["loaded"] < count and not stop.is_set():
                left = count - done["loaded"]
                sizes = [min(BATCH_ITEMS_MAX, max(0, left - BATCH_ITEMS_MAX * at)) for at in range(LOADERS)]
                batches = [[self._orders.make() for _ in range(size)] for size in sizes if size]
                list(loaders.map(self._put_all, batches))
                for order in chain.from_iterable(batches):
                    self._note(order)
                done["loaded"] += sum(sizes)
                self._desk.tell()

    def write(self) -> None:
        """Create, delete or update one order."""
        dice = self._random.random()
        if dice < 0.15 or not self._keys:
            self._create()
        elif dice < 0.25:
            self._delete()
        else:
            self._update()

    def _put_all(self, orders: list[dict[str, TypedValue]]) -> None:
        left: list[Any] = [{"PutRequest": {"Item": order}} for order in orders]
        while left:
            answer = self._client.batch_write_item(RequestItems={self._table: left})
            left = answer.get("UnprocessedItems", {}).get(self._table, [])

    def _note(self, order: dict[str, TypedValue]) -> None:
        self._desk.ledger.note(key_of(order), canonical(order))
        self._keys.append(key_of(order))

    def _create(self) -> None:
        order = self._orders.make()
        self._client.put_item(TableName=self._table, Item=order)
        self._note(order)
        self._desk.done["created"] += 1

    def _update(self) -> None:
        key = self._random.choice(self._keys)
        news = self._orders.news()
        before = typed(self._desk.ledger.find(key) or "{}")
        self._client.update_item(
            TableName=self._table,
            Key=_key(key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in news),
            ExpressionAttributeNames={f"#{name}": name for name in news},
            ExpressionAttributeValues={f":{name}": value for name, value in news.items()},
        )
        self._desk.ledger.note(key, canonical(before | news))
        self._desk.done["updated"] += 1

    def _delete(self) -> None:
        index = self._random.randrange(len(self._keys))
        self._keys[index], self._keys[-1] = self._keys[-1], self._keys[index]
        key = self._keys.pop()
        self._client.delete_item(TableName=self._table, Key=_key(key))
        self._desk.ledger.note_delete(key)
        self._desk.done["deleted"] += 1


def _key(key: LedgerKey) -> dict[str, TypedValue]:
    return {HASH_KEY: {"S": key[0]}, RANGE_KEY: {"S": key[1]}}


if __name__ == "__main__":
    run(OrderWriter, __doc__)
