"""`KEEP=1`: everything goes on running, and the reader is told what to try."""

from __future__ import annotations

import asyncio
import shlex
import signal

from rich.console import Console

from replicator.demo.invoices.ends import BUCKET
from replicator.demo.orders.ends import TABLE
from replicator.demo.pairs import Pair
from replicator.demo.story import Story
from replicator.demo.workload import Amount, Workload

_RATE = 5.0
_SEED = 1
_ORDER = "{'customer': {'S': 'me'}, 'order': {'S': '1'}, 'total': {'N': '9007199254740993.5'}}"
_QUEUE = "q = boto3.client('sqs'); u = q.get_queue_url(QueueName='{queue}')['QueueUrl']; q.send_message("
_TRIALS = {
    "orders": (
        f"boto3.client('dynamodb').put_item(TableName='{TABLE}', Item={_ORDER})",
        "orders me 1",
    ),
    "invoices": (
        f"boto3.client('s3').put_object(Bucket='{BUCKET}', Key='mine//./1', Body=b'hello', Tagging='a=b')",
        "invoices mine",
    ),
    "notices": (_QUEUE.format(queue="notices") + "QueueUrl=u, MessageBody='hello')", "notices"),
    "steps": (
        _QUEUE.format(queue="steps.fifo")
        + "QueueUrl=u, MessageBody='hello', MessageGroupId='me', MessageDeduplicationId='1')",
        "steps",
    ),
}
"""Pair to what writes to its source, in Python, and how to see that in its sink."""


async def keep(story: Story, console: Console) -> None:
    """Let new writers go on, and return on SIGINT or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, told.set)
    amount = Amount(0, _RATE)
    writers = [
        Workload(pair, story.plan.directory, story.environment, amount, _SEED) for pair in story.stage.pairs
    ]
    for writer in writers:
        await writer.start()
    console.print()
    console.print(_words(story), markup=False, highlight=False, soft_wrap=True)
    await told.wait()
    console.print("\nstopping …")
    for writer in writers:
        await writer.stop()


def _words(story: Story) -> str:
    service = story.stage.service
    exports = {**story.environment, "REPLICATOR_URL": service.url, "REPLICATOR_TOKEN": service.token}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    first = story.stage.pairs[0].name
    trials = "\n\n".join(_trial(pair) for pair in story.stage.pairs)
    return f"""\
Everything is left running, with {_RATE:g} writes a second to each source. In another terminal, first:

{chr(10).join(lines)}
. .venv/bin/activate

Then try, for example:

replicator status                       # the pipelines, the worst first, and the gate over all
replicator status --gate                # exit status 0 where cutover is safe
curl -s {service.url}/v1/status         # the same as JSON
curl -s {service.url}/metrics           # what Prometheus scrapes
replicator pause {first}                 # and watch lag and gate
replicator resume {first}
replicator verify {first}                # compare both sides, key by key
kill -9 {service.pid}                       # the worst case; then:
replicator run {service.config}

Write something of yours to a source, wait until it has arrived, and see it in the sink:

{trials}

Logs are in {story.plan.directory / "logs"}. Ctrl-C here ends all of it."""


def _trial(pair: Pair) -> str:
    write, shown = _TRIALS[pair.name]
    return f"""\
python -c "import boto3; {write}"
replicator barrier {pair.name}
python -m replicator.demo.show {shown}"""
