"""`replicator run` and `validate`: starting, refusing to start, degrading, stopping."""

import json
import signal
import socket
import sqlite3
from pathlib import Path

import pytest
from running import Place, Running, pipeline, wait_for


@pytest.fixture
def place(tmp_path):
    """A configuration with one pipeline that is well."""
    return Place(tmp_path, pipeline("orders", {"rows": 10}))


def said(ended):
    """Standard error, after making sure that it is no traceback."""
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_service_starts_opens_its_gate_and_stops_well(place):
    """With all conditions held the gate opens; SIGTERM drains and exits 0; the log tells of both."""
    with place.running() as service:
        opened = service.cli("status", "--gate", "--wait")
        assert (opened.returncode, opened.stdout) == (0, "gate  open: cutover is safe\n")
        wait_for(lambda: "gate.opened" in service.log.read_text())
        assert service.stop() == 0
    events = [line["event"] for line in service.lines()]
    assert {"service.started", "backfill.phase_entered", "gate.opened", "signal.received"} <= set(events)
    assert events[-1] == "service.stopped"
    assert "a-token" not in service.log.read_text()


def test_a_restart_goes_on_where_it_was(place):
    """The second start finds the state, takes it over cleanly, and says what was verified before."""
    place.settings["verify"] = {"automatic": False}
    for expected in (1, 1):
        with place.running() as service:
            wait_for(lambda service=service: (service.status("orders")["backfill"] or {}).get("run"))
            assert service.status("orders")["backfill"]["run"] == expected


def test_a_bad_configuration_names_every_problem(place):
    """All problems at once, each with its place: 65, and no state is left behind."""
    place.settings["api"]["prot"] = 1
    place.settings["pipelines"][0]["source"]["rows"] = "many"
    for verb in ("run", "validate"):
        refused = place.cli(verb, place.config)
        assert refused.returncode == 65
        assert said(refused).count("error: ") == 2
        assert "api.prot" in refused.stderr
        assert "pipelines[0].source.rows" in refused.stderr
    as_json = place.cli("validate", place.config, "--json")
    assert as_json.returncode == 65
    assert len(json.loads(as_json.stdout)["problems"]) == 2
    assert not place.state.exists()


def test_a_missing_configuration_is_a_configuration_error(place):
    """A file that is not there: 65."""
    refused = place.cli("run", place.directory / "none.yaml")
    assert refused.returncode == 65
    assert "none.yaml" in said(refused)


def test_an_address_in_use_is_refused_before_anything_starts(place):
    """2, a hint, and no state file."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place.settings["api"]["port"] = taken.getsockname()[1]
        refused = place.cli("run", place.config)
    assert refused.returncode == 2
    assert "cannot listen on 127.0.0.1" in said(refused)
    assert "hint: " in refused.stderr
    assert not place.state.exists()


def test_a_file_that_is_no_state_file_is_refused(place):
    """74, and the file is as it was."""
    place.state.parent.mkdir()
    place.state.write_text(
        "this is not a database, and it is longer than a header of one hundred bytes" * 2
    )
    before = place.state.read_bytes()
    refused = place.cli("run", place.config)
    assert refused.returncode == 74
    assert "replicator.db" in said(refused)
    assert place.state.read_bytes() == before


def test_a_state_file_of_a_newer_release_is_refused(place):
    """74, with the way out."""
    with place.running():
        pass
    with sqlite3.connect(place.state) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    refused = place.cli("run", place.config)
    assert refused.returncode == 74
    assert "newer release" in said(refused)


def test_a_second_process_over_a_state_file_stands_by(tmp_path):
    """It serves, is ready, names the holder, and takes over when that one stops."""
    place = Place(tmp_path, pipeline("orders"))
    with place.running("--no-preflight") as first:
        wait_for(lambda: first.status("orders")["state"] == "running")
        with place.running("--no-preflight") as second:
            wait_for(lambda: second.status("orders")["state"] == "standby")
            assert f":{first.process.pid}:" in second.status("orders")["notices"][0]
            assert second.answers("/readyz")
            assert first.stop() == 0
            wait_for(lambda: second.status("orders")["state"] == "running")


def test_what_blocks_ends_the_first_start(place):
    """66, with the finding and its hint; nothing is left behind. `validate` says the same with 1."""
    place.settings["pipelines"] = [pipeline("orders", blocked="the container is missing")]
    refused = place.cli("run", place.config)
    assert refused.returncode == 66
    assert "orders, sink: the container is missing" in said(refused)
    assert "unblock it" in refused.stderr
    assert not place.state.exists()
    found = place.cli("validate", place.config, "--json")
    assert found.returncode == 1
    (finding,) = json.loads(found.stdout)["findings"]
    assert (finding["side"], finding["message"]) == ("sink", "the container is missing")
    assert place.cli("validate", place.config, "--offline").returncode == 0


def test_what_may_pass_is_waited_for(place):
    """An end that cannot be reached is looked at again until time is up; a signal ends the waiting."""
    place.settings["pipelines"] = [pipeline("orders", blocked="no answer", passing=True)]
    assert place.cli("run", place.config, "--wait-for-ends", "0").returncode == 66
    waiting = Running(place)
    wait_for(lambda: signal.SIGTERM in _caught(waiting.process.pid), waiting._is_alive)
    assert waiting.stop() == 130


def _caught(pid):
    """The signals that a process handles."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return {number for number in signal.Signals if mask >> (number - 1) & 1}


def test_a_later_start_does_not_look_first(place):
    """What blocks later is shown in status; the service stays up to be looked at."""
    with place.running() as service:
        wait_for(lambda: service.answers("/readyz"))
    place.settings["pipelines"] = [pipeline("orders", {"rows": 10}, blocked="gone", broken="it is gone")]
    with place.running() as service:
        wait_for(lambda: service.status("orders")["failure"])
        shown = service.cli("status")
        assert shown.returncode == 1
        assert "orders  seeded → seeded  failed" in shown.stdout
        assert "! it is gone" in shown.stdout
        assert "hint: mend it" in shown.stdout
        assert service.get("/readyz").status_code == 503
        assert service.cli("status", "--live").returncode == 0
        assert service.cli("pause", "orders").returncode == 2
        assert service.stop() == 1


def test_warnings_are_logged_and_start(place):
    """A warning does not keep the service from starting; `validate` shows it and exits 0."""
    place.settings["pipelines"] = [pipeline("orders", warned="every property is indexed")]
    found = place.cli("validate", place.config)
    assert found.returncode == 0
    assert "warning: orders, sink: every property is indexed" in found.stdout
    with place.running() as service:
        warned = [line for line in service.lines() if line["event"] == "preflight.warned"]
        assert warned[0]["message"] == "every property is indexed"


def test_without_a_token_no_command_is_taken(place):
    """403 with a hint; the CLI exits 2."""
    del place.settings["api"]["token_env"]
    with place.running() as service:
        refused = service.cli("pause", "orders")
        assert refused.returncode == 2
        assert "takes no commands" in said(refused)
        assert service.command("POST", "/v1/pipelines/orders/pause").status_code == 403


def test_a_second_signal_ends_at_once(place):
    """While it drains a service still answers; told again, it gives up and exits 130."""
    place.settings["limits"] = {
        "stop_seconds_max": 600,
        "sink_call_seconds_max": 600,
        "lease_seconds": 1200,
    }
    place.settings["pipelines"] = [pipeline("orders", {"rows": 10}, hanging=True)]
    with place.running() as service:
        wait_for(lambda: service.answers("/readyz"))
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: service.status("orders")["state"] == "stopping")
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 130
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("run",),
        ("status", "--nonsense"),
        ("verify", "a", "b"),
        ("barrier", "a", "--timeout", "x"),
        ("status", "--live", "--gate"),
    ],
)
def test_wrong_usage_exits_64(place, arguments):
    """Unknown commands, options and arguments: 64."""
    assert place.cli(*arguments).returncode == 64


def test_a_service_that_is_not_there(place):
    """`status` exits 1, other commands 69, each with a hint; an address that is none is 65."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    for arguments, status in ((("status",), 1), (("status", "--live"), 1), (("pause", "orders"), 69)):
        asked = place.cli(*arguments, REPLICATOR_URL=url)
        assert asked.returncode == status
        assert "no service answers" in said(asked)
        assert "hint: " in asked.stderr
    assert place.cli("status", "--url", "nonsense").returncode == 65
