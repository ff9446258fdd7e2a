"""Log lines: one JSON object each, no secrets, no repetition, only declared keys."""

import ast
import io
import json
import logging
import re
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from replicator.telemetry.keys import KEYS
from replicator.telemetry.log import configure
from replicator.telemetry.redact import masked
from replicator.telemetry.repeats import INTERVAL_SECONDS, SUBJECTS_MAX, RepeatLimiter

ROOT = Path(__file__).parents[2]
EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
METHODS = {"debug", "info", "warning", "error", "critical", "exception"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Always."""
        return True


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Leave the process's logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(out: io.StringIO):
    """The JSON lines written so far."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_json_off_a_terminal():
    """Event, level, time and values are fields of one object."""
    out = io.StringIO()
    configure(stream=out)
    structlog.get_logger().info("checkpoint.saved", pipeline="orders", partitions=3)
    (line,) = lines(out)
    assert line.pop("time").endswith("Z")
    assert line == {"event": "checkpoint.saved", "level": "info", "pipeline": "orders", "partitions": 3}


def test_a_line_is_for_people_on_a_terminal():
    """On a terminal there are columns, and a traceback hides its secrets too."""
    out = Terminal()
    configure(stream=out)
    try:
        int("AccountKey=abc123==; no")
    except ValueError:
        structlog.get_logger().exception("sink.write_failed", pipeline="orders")
    assert "sink.write_failed" in out.getvalue()
    assert "ValueError" in out.getvalue()
    assert "abc123" not in out.getvalue()


def test_a_level_leaves_out_what_is_below():
    """With level warning, information is silent."""
    out = io.StringIO()
    configure(level="warning", stream=out)
    structlog.get_logger().info("checkpoint.saved")
    structlog.get_logger().warning("sink.write_failed")
    assert [line["event"] for line in lines(out)] == ["sink.write_failed"]


def test_libraries_speak_from_warning_on():
    """What the standard library's loggers are given comes out as our lines."""
    out = io.StringIO()
    configure(level="debug", stream=out)
    logging.getLogger("azure.core").info("request headers")
    logging.getLogger("azure.core").warning("odd %s", "answer")
    (line,) = lines(out)
    assert (line["library"], line["message"], line["level"]) == ("azure.core", "odd answer", "warning")


def test_configuring_again_writes_no_line_twice():
    """The last configuration holds, and only it."""
    first, second = io.StringIO(), io.StringIO()
    configure(stream=first)
    configure(stream=second)
    logging.getLogger("botocore").warning("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "AccountEndpoint=https://x/;AccountKey=S3CR3T==;",
        "Endpoint=sb://x/;SharedAccessKey=S3CR3T",
        "https://x.blob.core.windows.net/c?sv=1&sig=S3CR3T%3D&se=2",
        "Authorization: Bearer S3CR3T.abc",
        "{'authorization': 'Basic S3CR3T'}",
        "refused Bearer S3CR3T",
        "aws_secret_access_key = S3CR3T",
        '{"X-Amz-Security-Token": "S3CR3T"}',
    ],
)
def test_secrets_in_texts_are_masked(text: str):
    """Whatever names a secret keeps its name and loses its value."""
    assert "S3CR3T" not in masked(text)
    assert "***" in masked(text)


def test_values_under_secret_names_are_masked():
    """A value whose key says secret is not written, in whatever type."""
    out = io.StringIO()
    configure(stream=out)
    structlog.get_logger().info("service.started", api_token="S3CR3T", password=1234)
    assert "S3CR3T" not in out.getvalue()
    assert "1234" not in out.getvalue()


@given(st.text(alphabet=st.characters(exclude_characters="=:")))
def test_a_text_without_assignments_is_left_alone(text: str):
    """Masking changes nothing where nothing is assigned, but for bearer tokens."""
    assert masked(text) == text or "bearer" in text.lower()


def limited(limiter: RepeatLimiter, **event):
    """The event after the limiter, or None where it was dropped."""
    try:
        return limiter(None, "", {"level": "error", "event": "sink.write_failed", **event})
    except structlog.DropEvent:
        return None


def test_a_repeated_error_is_one_line_per_interval():
    """Repetitions are dropped and counted in the next line that is written."""
    now = 0.0
    limiter = RepeatLimiter(lambda: now)
    seen = []
    for second in range(25):
        now = float(second)
        seen.append(limited(limiter, pipeline="orders"))
    written = {second: line.get("suppressed") for second, line in enumerate(seen) if line is not None}
    assert written == {0: None, 10: 9, 20: 9}
    assert INTERVAL_SECONDS == 10.0


def test_different_errors_do_not_hide_each_other():
    """Another pipeline, side or reason is another subject; information is never limited."""
    limiter = RepeatLimiter(lambda: 0.0)
    assert limited(limiter, pipeline="a", reason="throttled")
    assert limited(limiter, pipeline="b", reason="throttled")
    assert limited(limiter, pipeline="a", reason="unreachable")
    assert limited(limiter, pipeline="a", reason="throttled") is None
    assert all(limited(limiter, level="info") for _ in range(3))


def test_the_limiter_remembers_a_bounded_number():
    """Past the bound the longest silent subject is forgotten."""
    limiter = RepeatLimiter(lambda: 0.0)
    for number in range(SUBJECTS_MAX + 1):
        assert limited(limiter, reason=str(number))
    assert limited(limiter, reason=str(SUBJECTS_MAX)) is None
    assert limited(limiter, reason="0")


def calls_of_loggers():
    """Every call of a method of something named ``log`` in production code."""
    for room in ("replicator", "connectors"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                owner = node.func.value
                name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
                if name.strip("_") in {"log", "logger"} and node.func.attr in METHODS:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_every_log_call_uses_declared_names():
    """Events are constant ``noun.verb_past`` and keys are those of ``telemetry.keys``."""
    wrong = []
    for place, call in calls_of_loggers():
        event = call.args[0] if call.args else None
        if not (isinstance(event, ast.Constant) and EVENT.fullmatch(str(event.value))):
            wrong.append(f"{place}: not a constant event name")
        keys = {keyword.arg for keyword in call.keywords} - {"exc_info"}
        wrong.extend(f"{place}: {key} is not a declared key" for key in keys if key not in KEYS)
    assert wrong == []
