"""Starting, stopping, killing and restarting the clouds as processes."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from localcloud import LocalClouds
from localcloud.node import azurite_command
from localcloud.ports import Port
from localcloud.probes import answers_http
from localcloud.processes import Server, StartError

ROOT = Path(__file__).parents[3]
WAIT_SECONDS_MAX = 20


@pytest.fixture
def client(client_of):
    """Makes clients of started clouds."""
    return lambda clouds, service="dynamodb": client_of(clouds.environment(), service)


def create(dynamodb, table):
    """Create a table with a stream and one item; return the stream's ARN."""
    described = dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    return described["TableDescription"]["LatestStreamArn"]


def read(streams, arn):
    """Return the shards of a stream, and the records of all of them."""
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    records = []
    for shard in shards:
        at = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**at)["ShardIterator"]
        records += streams.get_records(ShardIterator=iterator)["Records"]
    return shards, records


async def test_a_killed_proxy_comes_back_with_its_streams(client, tmp_path):
    """After kill and restart on the same port shards, records and settings are as before."""
    async with LocalClouds(tmp_path, azurite=False) as clouds:
        dynamodb, streams = client(clouds), client(clouds, "dynamodbstreams")
        arn = create(dynamodb, "orders")
        await clouds.aws.split("orders")
        wanted = {"Enabled": True, "AttributeName": "until"}
        dynamodb.update_time_to_live(TableName="orders", TimeToLiveSpecification=wanted)
        before = read(streams, arn)
        await clouds.kill("aws")
        with pytest.raises(EndpointConnectionError):
            dynamodb.list_tables()
        await clouds.restart("aws")
        dynamodb.put_item(TableName="orders", Item={"pk": {"S": "b"}})
        shards, records = read(streams, arn)
        assert shards == before[0]
        assert [r for r in records if r["eventID"] == before[1][0]["eventID"]] == before[1]
        assert len(records) == 2
        described = dynamodb.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]
        assert described["AttributeName"] == "until"


async def test_a_restarted_proxy_keeps_its_notifications(client, tmp_path):
    """A configuration outlives a kill, and events that were on their way are sent at a clean stop."""
    async with LocalClouds(tmp_path, azurite=False) as clouds:
        s3, sqs = client(clouds, "s3"), client(clouds, "sqs")
        url = sqs.create_queue(QueueName="events")["QueueUrl"]
        s3.create_bucket(Bucket="bucket")
        arn = "arn:aws:sqs:us-east-1:000000000000:events"
        wanted = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
        s3.put_bucket_notification_configuration(Bucket="bucket", NotificationConfiguration=wanted)
        await clouds.kill("aws")
        await clouds.restart("aws")
        sqs.purge_queue(QueueUrl=url)
        await clouds.aws.distort_events("*", delay_seconds=3600)
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
        await clouds.restart("aws")
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        assert "ObjectCreated:Put" in message["Body"]


async def test_a_restarted_proxy_knows_that_objects_have_tags(client, tmp_path):
    """What it adds to ministack's answers does not hang on what it saw before."""
    async with LocalClouds(tmp_path, azurite=False) as clouds:
        s3 = client(clouds, "s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"old", Tagging="a=b")
        await clouds.kill("aws")
        await clouds.restart("aws")
        assert s3.head_object(Bucket="bucket", Key="k")["TagCount"] == 1
        s3.put_object(Bucket="bucket", Key="k", Body=b"new")
        assert s3.get_object_tagging(Bucket="bucket", Key="k")["TagSet"] == []


async def test_kept_state_outlives_a_restart_of_everything(client, tmp_path):
    """With `persist`, items and stream records are there after a clean stop and a new start."""
    async with LocalClouds(tmp_path, azurite=False, persist=True) as clouds:
        arn = create(client(clouds), "orders")
        client(clouds, "dynamodbstreams").describe_stream(StreamArn=arn)
    async with LocalClouds(tmp_path, azurite=False, persist=True) as clouds:
        client(clouds).put_item(TableName="orders", Item={"pk": {"S": "b"}})
        _, records = read(client(clouds, "dynamodbstreams"), arn)
        assert sorted(r["dynamodb"]["Keys"]["pk"]["S"] for r in records) == ["a", "b"]


async def test_a_restarted_ministack_is_noticed(client, tmp_path):
    """Its tables are gone with it where nothing is kept, and the proxy says so instead of inventing."""
    async with LocalClouds(tmp_path, azurite=False) as clouds:
        dynamodb, streams = client(clouds), client(clouds, "dynamodbstreams")
        arn = create(dynamodb, "orders")
        read(streams, arn)
        await clouds.kill("ministack")
        await clouds.restart("ministack")
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            streams.describe_stream(StreamArn=arn)
        assert dynamodb.list_tables()["TableNames"] == []


async def test_two_sets_of_clouds_do_not_meet(client):
    """Clouds started at the same time have ports and state of their own."""
    async with LocalClouds(azurite=False) as one, LocalClouds(azurite=False) as other:
        create(client(one), "orders")
        assert client(other).list_tables()["TableNames"] == []


def test_no_server_outlives_a_killed_parent(tmp_path):
    """When the process that started the clouds is killed, all of their servers end."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from localcloud import LocalClouds\n"
        "async def main():\n"
        "    clouds = await LocalClouds.start(Path(sys.argv[1]), azurite=False)\n"
        "    print(*(clouds.pid(n) for n in ('ministack', 'aws', 'cosmos')), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as parent:
        servers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(servers) == 3
        parent.kill()
    _, alive = psutil.wait_procs(servers, timeout=WAIT_SECONDS_MAX)
    assert not alive


def test_up_prints_how_to_reach_the_clouds_and_stops_on_sigterm(tmp_path):
    """`python -m localcloud up` prints exports for a shell, and SIGTERM ends it with status 0."""
    command = [sys.executable, "-m", "localcloud", "up", "--no-azurite", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        lines = [process.stdout.readline() for _ in range(8)]
        servers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS_MAX) == 0
    exported = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines[1:])
    assert exported["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert exported["COSMOS_ENDPOINT"].startswith("http")
    _, alive = psutil.wait_procs(servers, timeout=WAIT_SECONDS_MAX)
    assert not alive


async def test_a_server_that_cannot_start_says_why(tmp_path):
    """The error carries the end of the server's own log, and nothing is left running."""
    with Port() as port:
        probe = answers_http(f"http://127.0.0.1:{port.number}")
    command = [sys.executable, "-c", "raise SystemExit('the port is haunted')"]
    server = Server("ghost", command, probe, tmp_path / "ghost.log")
    with pytest.raises(StartError, match="haunted"):
        await server.start()
    assert server.pid is None


async def test_a_server_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    """A stop has a bound."""
    monkeypatch.setattr("localcloud.processes.STOP_SECONDS_MAX", 0.2)
    script = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open('ready', 'w').close()\n"
        "time.sleep(60)\n"
    )

    async def ready():
        return (tmp_path / "ready").exists()

    command = [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r})\n{script}"]
    server = Server("stubborn", command, ready, tmp_path / "stubborn.log")
    await server.start()
    process = psutil.Process(server.pid)
    await server.stop()
    assert server.pid is None
    assert not process.is_running()


async def test_azurite_answers(tmp_path):
    """Azurite comes up on its own ports, and the connection string names them."""
    try:
        azurite_command()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    async with LocalClouds(tmp_path, azurite=True) as clouds:
        parts = dict(
            part.split("=", 1)
            for part in clouds.environment()["AZURE_STORAGE_CONNECTION_STRING"].split(";")
        )
        for service in ("Blob", "Queue", "Table"):
            assert await answers_http(parts[f"{service}Endpoint"])()
        pid = clouds.pid("azurite")
    assert not psutil.pid_exists(pid)
