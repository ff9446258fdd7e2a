"""The commands of an operator against a running service."""

import json
from pathlib import Path

import pytest
from running import Place, pipeline, wait_for

from replicator.model.record import record_from_json


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """``orders`` is well; the sink of ``mixed`` refuses one row of it."""
    place = Place(
        tmp_path_factory.mktemp("commands"),
        pipeline("orders", {"rows": 300}),
        pipeline("mixed", {"rows": 20, "large": 1}),
    )
    with place.running() as running:
        for name in ("orders", "mixed"):
            wait_for(lambda name=name: _verified(running, name))
        yield running


def _verified(running, name):
    backfill = running.status(name)["backfill"]
    return backfill and backfill["mismatches"] is not None


def test_status_shows_every_pipeline(service):
    """A healthy service exits 0, and the page has its pipelines, what is open, and the gate."""
    shown = service.cli("status")
    assert shown.returncode == 0
    assert "orders  seeded → seeded  running" in shown.stdout
    assert "complete, 300 rows" in shown.stdout
    assert "gate  closed" in shown.stdout


def test_status_prints_the_document_as_json(service):
    """`--json` is the document of `/v1/status`."""
    shown = service.cli("status", "--json")
    assert shown.returncode == 0
    assert json.loads(shown.stdout).keys() == service.get("/v1/status").json().keys()


def test_status_live_asks_for_the_process_only(service):
    """A sound process is 0, and one word."""
    shown = service.cli("status", "--live")
    assert (shown.returncode, shown.stdout) == (0, "sound\n")


def test_status_gate_exits_by_the_gate(service):
    """A closed gate exits 1 with its reasons, also after waiting."""
    shown = service.cli("status", "--gate", "--wait", "--timeout", "0.1")
    assert shown.returncode == 1
    assert "mixed: the last verification left 1 mismatches" in shown.stdout


def test_pause_and_resume(service):
    """A paused pipeline is healthy and says so; resumed, it runs."""
    assert service.cli("pause", "orders").stdout == "orders is paused\n"
    assert service.status("orders")["state"] == "paused"
    assert service.cli("resume", "orders").stdout == "orders is running\n"


def test_barrier_returns_when_everything_is_applied(service):
    """The barrier says how it was proved."""
    passed = service.cli("barrier", "orders")
    assert passed.returncode == 0
    assert "proved by mark" in passed.stdout


def test_verify_of_equal_sides_exits_zero(service):
    """A clean verification is 0; as JSON it is the document."""
    verified = service.cli("verify", "orders", "--json")
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["keys"] == {"source": 300, "sink": 300}


def test_the_life_of_a_dead_letter(service):
    """It is a mismatch, listed, shown, refused again under a new number, waived, and then not open."""
    verified = service.cli("verify", "mixed")
    assert verified.returncode == 1
    assert "1 missing" in verified.stdout
    report = Path(verified.stdout.split("report: ")[1].strip())
    (mismatch,) = map(json.loads, report.read_text().splitlines())
    assert (mismatch["key"], mismatch["mismatch"]) == ('["s:large-0"]', "missing")
    assert (mismatch["repaired"], mismatch["waived"]) == (False, False)
    listed = json.loads(service.cli("dead-letters", "list", "--json").stdout)
    (letter,) = listed["dead_letters"]
    assert (letter["pipeline"], letter["key"]) == ("mixed", '["s:large-0"]')
    assert "record" not in letter
    shown = json.loads(service.cli("dead-letters", "show", letter["id"]).stdout)
    assert len(shown["record"]["item"]["text"]["S"]) == 2000
    _check_exports(service, shown)
    refused = service.cli("dead-letters", "replay", letter["id"])
    assert refused.returncode == 1
    assert "refuses its record again" in refused.stdout
    (again,) = json.loads(service.cli("dead-letters", "list", "--json").stdout)["dead_letters"]
    assert again["id"] > letter["id"]
    assert service.cli("dead-letters", "waive", again["id"]).returncode == 0
    assert service.status("mixed")["dead_letters_open"] == 0
    assert service.cli("dead-letters", "list").stdout == "there are none\n"
    assert service.cli("dead-letters", "export", "-").stdout == ""
    exported = service.cli("dead-letters", "export", "--state", "any", "-").stdout.splitlines()
    assert [json.loads(line)["state"] for line in exported][-1] == "waived"
    assert "waived  mixed" in service.cli("dead-letters", "list", "--state", "any").stdout
    settled = service.cli("dead-letters", "waive", again["id"])
    assert settled.returncode == 2
    assert "is waived" in settled.stderr


def _check_exports(service, shown):
    """Letters are exported whole, to a file that only its owner reads, or to standard output."""
    file = service.place.directory / "letters.jsonl"
    for _ in range(2):
        exported = service.cli("dead-letters", "export", "--pipeline", "mixed", file)
        assert (exported.returncode, exported.stdout) == (0, f"1 dead letter in {file}\n")
    (line,) = file.read_text().splitlines()
    assert json.loads(line) == shown
    assert record_from_json(json.dumps(json.loads(line)["record"])).attributes["text"]["S"] == "x" * 2000
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(file.parent.glob(".letters*"))
    assert service.cli("dead-letters", "export", "-").stdout == line + "\n"
    assert service.cli("dead-letters", "export", "--pipeline", "orders", "-").stdout == ""
    refused = service.cli("dead-letters", "export", file / "below")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "cannot be written" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "token", "said"),
    [
        (("pause", "orders"), "wrong", "token is missing or wrong"),
        (("pause", "orders"), None, "token is missing or wrong"),
        (("verify", "nobody"), "right", "there is no pipeline 'nobody'"),
        (("resume", "orders", "--new-backfill"), "right", "only a failed pipeline"),
        (("dead-letters", "show", "999"), "right", "no dead letter 999"),
        (("dead-letters", "export", "-"), "wrong", "token is missing or wrong"),
    ],
)
def test_a_refused_command_exits_two_with_a_hint(service, arguments, token, said):
    """One message and a hint on standard error, nothing on standard output, no traceback."""
    variables = {} if token == "right" else {"REPLICATOR_TOKEN": token}
    refused = service.cli(*arguments, **variables)
    assert refused.returncode == 2
    assert refused.stdout == ""
    error, hint = refused.stderr.splitlines()
    assert said in error
    assert hint.startswith("hint: ")


def test_the_token_may_be_in_a_file(service, tmp_path):
    """`--token-file` is read; one that is not there is a configuration error."""
    file = tmp_path / "token"
    file.write_text(f"{service.place.environment['REPLICATOR_TOKEN']}\n")
    asked = service.cli("dead-letters", "list", "--token-file", file, REPLICATOR_TOKEN=None)
    assert asked.returncode == 0
    missing = service.cli("dead-letters", "list", "--token-file", tmp_path / "none")
    assert missing.returncode == 65


def test_limits_are_shown_and_changed(service):
    """All limits one a line; what was changed says until when, and what may not be changed says so."""
    changed = service.cli("limits", "orders", "set", "batch_changes_max=50", "checkpoint_seconds=0.5")
    assert changed.returncode == 0, changed.stderr
    lines = {line.split()[0]: line for line in changed.stdout.splitlines()}
    assert lines["batch_changes_max"].endswith(" 50        until the next restart; configured: 100")
    assert lines["sink_call_seconds_max"].endswith("may not change while the service runs")
    document = json.loads(service.cli("limits", "orders", "--json").stdout)
    assert document["limits"]["checkpoint_seconds"] == 0.5


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["set", "batch_changes_max=0"], "batch_changes_max: Input should be greater than or equal to 1"),
        (["set", "sink_call_seconds_max=3"], "sink_call_seconds_max: stays as it is"),
        (["set", "batch_changes_max"], "not LIMIT=NUMBER"),
        (["set"], "no change of a limit"),
        (["batch_changes_max=5"], "no change of a limit"),
    ],
)
def test_a_change_of_limits_that_makes_no_sense_is_refused(service, change, complaint):
    """The service's reason, or what is wrong with the command line, on standard error."""
    refused = service.cli("limits", "orders", *change)
    assert refused.returncode != 0
    assert complaint in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("token", ["a\nb", "\u65e5"])
def test_a_token_that_cannot_be_sent_is_told(service, token):
    """A file with two lines, say, is named instead of being taken for a fault."""
    refused = service.cli("pause", "orders", REPLICATOR_TOKEN=token)
    assert refused.returncode == 65
    assert "REPLICATOR_TOKEN holds a character that cannot be sent" in refused.stderr
