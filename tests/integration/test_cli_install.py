"""`replicator install` and `uninstall`: what they show, change, record and leave."""

import json

import boto3
import pytest
from running import Place


class Stage:
    """A bucket with an event queue, neither of which knows of the other, and a configuration."""

    def __init__(self, directory, name, **source):
        self.s3, self.sqs, self.name = boto3.client("s3"), boto3.client("sqs"), name
        self.s3.create_bucket(Bucket=name)
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.place = Place(
            directory,
            {
                "name": "files",
                "source": {"connector": "s3", "bucket": name, "queue_url": self.url} | source,
                "sink": {"connector": "memory", "storage": "files"},
            },
            {
                "name": "orders",
                "source": {"connector": "memory", "table": "orders"},
                "sink": {"connector": "memory", "storage": "orders"},
            },
        )
        self.record = self.place.state.with_name("replicator.db.settings.jsonl")

    def set_up(self):
        """Give the bucket a function of the workload's."""
        function = {
            "Id": "thumbnails",
            "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{self.name}",
            "Events": ["s3:ObjectRestore:*"],
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=self.name, NotificationConfiguration={"LambdaFunctionConfigurations": [function]}
        )
        return self.notifications()

    def notifications(self):
        """What the bucket tells to whom."""
        answer = self.s3.get_bucket_notification_configuration(Bucket=self.name)
        answer.pop("ResponseMetadata")
        return answer

    def cli(self, verb, *options):
        """Carry out one of the verbs."""
        return self.place.cli(verb, self.place.config, *options)

    def lines(self):
        """The record of what was there before."""
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def close(self):
        """Delete bucket and queue."""
        self.s3.delete_bucket(Bucket=self.name)
        self.sqs.delete_queue(QueueUrl=self.url)


@pytest.fixture
def stage(environment, name, tmp_path):
    """A stage of the test's own."""
    opened = Stage(tmp_path, name)
    yield opened
    opened.close()


def test_a_dry_run_shows_the_difference_and_changes_nothing(stage):
    """It exits 1 while something is missing, as `diff` does, and leaves no record."""
    before = stage.set_up()
    shown = stage.cli("install", "--dry-run")
    assert shown.returncode == 1, shown.stderr
    assert '+      "Id": "replicator.files",' in shown.stdout
    assert "nothing was" in shown.stdout
    assert stage.notifications() == before
    assert not stage.record.exists()


def test_installing_and_uninstalling_leave_what_was_there(stage):
    """The workload's function stays all the time, and each verb done again has nothing to do."""
    before = stage.set_up()
    done = stage.cli("install")
    assert (done.returncode, "2 settings changed" in done.stdout) == (0, True), done.stderr
    assert {"replicator.files"} == {each["Id"] for each in stage.notifications()["QueueConfigurations"]}
    again = stage.cli("install", "--dry-run")
    assert (again.returncode, again.stdout) == (0, "nothing to change\n")
    assert stage.cli("uninstall", "--dry-run").returncode == 1
    assert stage.cli("uninstall").returncode == 0
    assert stage.notifications() == before
    assert stage.cli("uninstall").stdout == "nothing to change\n"


def test_what_was_there_is_recorded_before_it_is_changed(stage, local_clouds):
    """A command that breaks in the middle leaves what was there in the record, and can be repeated."""
    import asyncio

    before = stage.set_up()
    asyncio.run(
        local_clouds.aws.add_fault(
            "error",
            service="s3",
            operation="PutBucketNotificationConfiguration",
            code="InternalError",
            count=1,
        )
    )
    failed = stage.cli("install")
    asyncio.run(local_clouds.aws.clear_faults())
    assert (failed.returncode, "InternalError" in failed.stderr) == (2, True), failed.stdout
    lines = stage.lines()
    assert [(line["phase"], line["place"].split()[0]) for line in lines] == [
        ("begun", "policy"),
        ("done", "policy"),
        ("begun", "notifications"),
    ]
    assert lines[-1]["before"] == before
    assert stage.record.stat().st_mode & 0o777 == 0o600
    assert stage.cli("install").returncode == 0
    assert stage.cli("uninstall").returncode == 0
    assert stage.notifications() == before


def test_json_tells_both_states(stage):
    """A program gets every setting before and after, and the name of the record."""
    shown = stage.cli("install", "--dry-run", "--json")
    document = json.loads(shown.stdout)
    assert (shown.returncode, document["changed"], document["record"]) == (1, False, None)
    assert [each["before"] for each in document["changes"]] == [{}, {}]
    done = json.loads(stage.cli("install", "--json").stdout)
    assert (done["changed"], done["record"]) == (True, str(stage.record))
    assert stage.cli("uninstall", "--json").returncode == 0


def test_one_pipeline_may_be_chosen(stage):
    """Others are left alone, and a name that there is not is a fault of usage."""
    assert stage.cli("install", "--pipeline", "orders").stdout == "nothing to change\n"
    wrong = stage.cli("install", "--pipeline", "none")
    assert (wrong.returncode, "no pipeline none" in wrong.stderr) == (65, True)


def test_a_record_that_cannot_be_written_stops_before_any_change(stage):
    """Without the record nothing is touched."""
    stage.record.mkdir(parents=True)
    refused = stage.cli("install")
    assert (refused.returncode, "recorded" in refused.stderr) == (74, True)
    assert stage.notifications() == {}


def test_an_overlap_is_refused_with_a_way_out(stage):
    """S3 would not take it, so nothing is written, and the hint names EventBridge."""
    stage.set_up()
    function = {
        "Id": "all",
        "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{stage.name}",
        "Events": ["s3:ObjectCreated:*"],
    }
    stage.s3.put_bucket_notification_configuration(
        Bucket=stage.name, NotificationConfiguration={"LambdaFunctionConfigurations": [function]}
    )
    refused = stage.cli("install")
    assert (refused.returncode, "EventBridge" in refused.stderr) == (2, True)
    assert not stage.record.exists()


def test_events_can_be_installed_through_eventbridge(environment, name, tmp_path):
    """A rule, the switch and the policy are shown, made, recorded, and taken out again."""
    stage, events = Stage(tmp_path, name, event_bridge=True), boto3.client("events")
    before = stage.set_up()
    shown = stage.cli("install", "--dry-run")
    assert shown.returncode == 1, shown.stderr
    assert "replicator.files." in shown.stdout
    assert stage.cli("install").returncode == 0
    assert stage.notifications() == before | {"EventBridgeConfiguration": {}}
    rules = events.list_rules(NamePrefix="replicator.files.")["Rules"]
    assert any(f'"{name}"' in rule["EventPattern"] for rule in rules)
    places = dict.fromkeys(line["place"].split()[0] for line in stage.lines())
    assert list(places) == ["policy", "rule", "notifications"]
    assert stage.cli("install", "--dry-run").returncode == 0
    assert stage.cli("uninstall").returncode == 0
    assert stage.notifications() == before
    left = events.list_rules(NamePrefix="replicator.files.")["Rules"]
    assert not any(f'"{name}"' in rule["EventPattern"] for rule in left)
    stage.close()
