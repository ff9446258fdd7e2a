"""`KEEP=1`: everything goes on running, and the reader is told what to try."""

from __future__ import annotations

import asyncio
import shlex
import signal

from rich.console import Console

from replicator.demo.ends import TABLE
from replicator.demo.service import PIPELINE
from replicator.demo.story import Story
from replicator.demo.workload import Workload

_RATE = 20.0
_ORDER = "{'customer': {'S': 'me'}, 'order': {'S': '1'}, 'total': {'N': '9007199254740993.5'}}"


async def keep(story: Story, console: Console) -> None:
    """Let a new writer go on, and return on SIGINT or SIGTERM."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, told.set)
    writer = Workload(story.plan.directory, story.environment, 0, _RATE, seed=1)
    await writer.start()
    console.print()
    console.print(_words(story), markup=False, highlight=False, soft_wrap=True)
    await told.wait()
    console.print("\nstopping …")
    await writer.stop()


def _words(story: Story) -> str:
    service = story.service
    exports = {**story.environment, "REPLICATOR_URL": service.url, "REPLICATOR_TOKEN": service.token}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    return f"""\
Everything is left running, with a writer of {_RATE:g} writes a second. In another terminal, first:

{chr(10).join(lines)}
. .venv/bin/activate

Then try, for example:

replicator status                       # the pipeline, its lag, the gate
replicator status --gate                # exit status 0 where cutover is safe
curl -s {service.url}/v1/status         # the same as JSON
curl -s {service.url}/metrics           # what Prometheus scrapes
replicator pause {PIPELINE}                 # and watch lag and gate
replicator resume {PIPELINE}
replicator verify {PIPELINE}                # compare both sides, key by key
replicator barrier {PIPELINE}               # returns once all that is written now has arrived
python -c "import boto3; boto3.client('dynamodb').put_item(TableName='{TABLE}', Item={_ORDER})"
python -m replicator.demo.show me 1     # the same order in Cosmos DB
kill -9 {service.pid}                       # the worst case; then:
replicator run {service.config}

Logs are in {story.plan.directory / "logs"}. Ctrl-C here ends all of it."""
