"""The settings of the Service Bus sink: what they want, and where credentials come from."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from connectors.servicebus import ServiceBusSinkSettings, comparison
from connectors.servicebus.management import QueueFacts
from connectors.servicebus.probe import findings_of
from replicator.connector import QueueTraits, Severity

NAMESPACE = {"queue": "orders", "namespace": "name.servicebus.windows.net"}
FACTS = QueueFacts(
    requires_session=False,
    partitioned=False,
    duplicate_window_seconds=600.0,
    ttl_seconds=None,
    dead_letters_expired=True,
    deliveries_max=10,
    status="Active",
    lock_seconds=60.0,
)


@pytest.fixture(autouse=True)
def _no_ambient_namespace(monkeypatch):
    """No namespace in the environment."""
    for name in ("SERVICEBUS_CONNECTION_STRING", "SERVICEBUS_NAMESPACE", "SERVICEBUS_MANAGEMENT_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "settings",
    [
        {"queue": "orders"},
        NAMESPACE | {"queue": ""},
        NAMESPACE | {"namespace": "sb://name.servicebus.windows.net/"},
        NAMESPACE | {"credential": "connection_string"},
        NAMESPACE | {"connection_string": "secret"},
        NAMESPACE | {"senders": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(settings):
    """No namespace, no name, a connection string in the text, one that is nowhere."""
    with pytest.raises(ValidationError):
        ServiceBusSinkSettings.model_validate(settings)


def test_the_connection_string_comes_from_a_file_then_a_variable(monkeypatch, tmp_path):
    """The file wins, then the named variable; without either, the default credential is meant."""
    assert ServiceBusSinkSettings(**NAMESPACE).connection_string() is None
    monkeypatch.setenv("MY_BUS", "from-variable\n")
    settings = ServiceBusSinkSettings(queue="orders", connection_env="MY_BUS")
    assert settings.connection_string() == "from-variable"
    (tmp_path / "bus").write_text("from-file\n", encoding="utf-8")
    settings = settings.model_copy(update={"connection_file": tmp_path / "bus"})
    assert settings.connection_string() == "from-file"
    assert settings.model_copy(update={"credential": "default"}).connection_string() is None


def test_every_setting_is_described():
    """The configuration reference is generated from the descriptions."""
    assert all(field.description for field in ServiceBusSinkSettings.model_fields.values())


@pytest.mark.parametrize(
    ("facts", "settings", "severity", "said"),
    [
        (FACTS._replace(partitioned=True), {}, Severity.ERROR, "is partitioned"),
        (FACTS, {"partitioned": True}, Severity.WARNING, "is not partitioned"),
        (FACTS, {"duplicate_window_seconds_min": 3600.0}, Severity.ERROR, "for 600 s"),
        (FACTS._replace(duplicate_window_seconds=None), {}, Severity.ERROR, "does not detect"),
        (FACTS._replace(dead_letters_expired=False), {}, Severity.WARNING, "expire"),
        (FACTS._replace(deliveries_max=1), {}, Severity.WARNING, "after 1 failed"),
    ],
)
def test_each_trouble_of_a_queue_is_one_finding(facts, settings, severity, said):
    """With its severity and a hint."""
    (finding,) = findings_of(facts, ServiceBusSinkSettings(**NAMESPACE, **settings))
    assert (finding.severity, said in finding.message, bool(finding.hint)) == (severity, True, True)


def test_a_sound_queue_has_no_findings():
    """Nothing is said of what is well."""
    assert list(findings_of(FACTS, ServiceBusSinkSettings(**NAMESPACE))) == []


SOURCE = QueueTraits(
    ordered=False,
    message_bytes_max=200_000,
    retention_seconds=345_600.0,
    visibility_seconds=30.0,
    deliveries_max=10,
    backlog_messages=1000,
)
ROOMY = FACTS._replace(size_bytes_max=1 << 30, size_bytes=0)


def compared(source=SOURCE, facts=ROOMY, **settings):
    """Everything that is said of the two."""
    validated = ServiceBusSinkSettings(**NAMESPACE, **settings)
    return [
        *comparison.of_kind(source, validated),
        *comparison.of_size(source, validated, 256 * 1024),
        *comparison.of_settings(source, facts),
    ]


@pytest.mark.parametrize(
    ("source", "facts", "severity", "said"),
    [
        ({"ordered": True}, {}, Severity.ERROR, "without sessions"),
        ({"message_bytes_max": 1 << 20}, {}, Severity.WARNING, "up to 1048576 bytes"),
        ({"message_bytes_max": 256 * 1024}, {}, Severity.WARNING, "claim_check is off"),
        ({}, {"ttl_seconds": 86_400.0}, Severity.WARNING, "go to its dead-letter queue"),
        ({}, {"ttl_seconds": 86_400.0, "dead_letters_expired": False}, Severity.ERROR, "are gone"),
        ({"visibility_seconds": 900.0}, {}, Severity.WARNING, "for 900 s at the source, and for 60 s"),
        ({"deliveries_max": 5}, {}, Severity.WARNING, "after 5 deliveries, and the queue after 10"),
        ({"backlog_messages": 1_000_000}, {}, Severity.WARNING, "room for 1073 bytes of each"),
        ({}, {"size_bytes": 1 << 30}, Severity.WARNING, "not even empty ones"),
    ],
)
def test_each_difference_between_the_queues_is_one_finding(source, facts, severity, said):
    """With its severity and a hint."""
    (finding,) = compared(replace(SOURCE, **source), ROOMY._replace(**facts))
    assert (finding.severity, said in finding.message, bool(finding.hint)) == (severity, True, True)


def test_queues_that_go_together_have_no_findings():
    """Nothing is said of what is well, of what is not known, or of what the claim check takes care of."""
    assert compared() == []
    assert compared(QueueTraits(), FACTS) == []
    checked = {"container": "bodies", "endpoint": "https://name.blob.core.windows.net"}
    assert compared(replace(SOURCE, message_bytes_max=1 << 20), claim_check=checked) == []
    assert compared(replace(SOURCE, ordered=True), sessions=True) == []
    (finding,) = compared(sessions=True)
    assert (finding.severity, "has no groups" in finding.message) == (Severity.ERROR, True)
