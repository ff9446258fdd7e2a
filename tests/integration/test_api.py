"""The HTTP interface of a running service, over real sockets."""

import httpx
import pytest
from running import TOKEN, Place, pipeline, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """One service for all tests of this file: ``orders`` is well, ``idle`` is left alone."""
    place = Place(
        tmp_path_factory.mktemp("api"),
        pipeline("orders", {"rows": 50}),
        pipeline("idle", {"marks": False}),
    )
    with place.running() as running:
        wait_for(lambda: running.answers("/readyz"))
        wait_for(lambda: running.status("orders")["verification"])
        yield running


def test_health_is_told_without_a_token(service):
    """A sound process with connected pipelines is healthy and ready."""
    for path in ("/healthz", "/readyz"):
        answer = service.get(path)
        assert (answer.status_code, answer.json()) == (200, {"ok": True, "reasons": []})


def test_metrics_are_prometheus_text(service):
    """The exposition has the gate, the figures with whether they are known, totals and a histogram."""
    answer = service.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'replicator_lag_known{pipeline="orders"} 1.0' in lines
    assert 'replicator_backlog_known{pipeline="orders"} 1.0' in lines
    assert 'replicator_backlog_changes{pipeline="orders"} 0.0' in lines
    assert any(line.startswith("replicator_cutover_ready ") for line in lines)
    assert 'replicator_rows_backfilled_total{pipeline="orders"} 50.0' in lines
    assert any(line.startswith("replicator_sink_call_seconds_bucket{") for line in lines)


def test_the_status_document_says_what_is_known(service):
    """Every figure has its ``_known``, and one that is unknown is null."""
    document = service.get("/v1/status").json()
    assert document["migration"] == {"name": "migration", "strategy": "minimized_downtime"}
    assert {pipeline["name"] for pipeline in document["pipelines"]} == {"orders", "idle"}
    for pipeline_document in document["pipelines"]:
        known = {name for name in pipeline_document if name.endswith("_known")}
        assert len(known) == 4
        for name in known:
            figures = [
                figure
                for figure in pipeline_document
                if figure.startswith(name.removesuffix("_known")) and figure != name
            ]
            assert len(figures) == 1, name
            assert (pipeline_document[figures[0]] is not None) is pipeline_document[name]
    orders = service.status("orders")
    assert orders["backfill"]["rows"] == 50
    assert orders["backfill"]["phase"] == "complete"


def test_the_gate_gives_its_reasons(service):
    """A closed gate names at least one reason; an open one none."""
    gate = service.get("/v1/gate").json()
    assert gate["can_cutover"] is (gate["reasons"] == [])


def test_openapi_describes_every_route(service):
    """The description names the routes and how to bring the token."""
    described = service.get("/openapi.json").json()
    assert {"/healthz", "/readyz", "/metrics", "/v1/status", "/v1/gate"} <= set(described["paths"])
    assert "/v1/pipelines/{name}/barrier" in described["paths"]
    assert described["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/pipelines/orders/pause"),
        ("POST", "/v1/pipelines/orders/resume"),
        ("POST", "/v1/pipelines/orders/verify"),
        ("POST", "/v1/pipelines/orders/barrier"),
        ("GET", "/v1/dead-letters"),
        ("GET", "/v1/dead-letters/1"),
        ("POST", "/v1/dead-letters/1/replay"),
        ("POST", "/v1/dead-letters/1/waive"),
        ("PATCH", "/v1/pipelines/orders/limits"),
        ("GET", "/v1/journal"),
    ],
)
def test_what_changes_or_shows_something_wants_the_token(service, method, path):
    """Without the token and with a wrong one the answer is 401, and nothing of the request is looked at."""
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = httpx.request(method, service.url + path, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/pipelines/nobody/pause", None, 404, "unknown_name"),
        ("GET", "/v1/pipelines/nobody/verification", None, 404, "unknown_name"),
        ("GET", "/v1/dead-letters/77", None, 404, "unknown_name"),
        ("POST", "/v1/pipelines/orders/resume", {"new_backfill": True}, 409, "not_now"),
        ("POST", "/v1/pipelines/orders/verify", {"repair": "perhaps"}, 422, "bad_request"),
        ("POST", "/v1/pipelines/orders/verify", {"unheard": True}, 422, "bad_request"),
        ("POST", "/v1/pipelines/orders/barrier", {"timeout_seconds": 0}, 422, "bad_request"),
        ("GET", "/v1/pipelines/nobody/limits", None, 404, "unknown_name"),
        ("PATCH", "/v1/pipelines/nobody/limits", {"batch_changes_max": 5}, 404, "unknown_name"),
        ("PATCH", "/v1/pipelines/orders/limits", {"batch_changes_max": 0}, 422, "config"),
        ("PATCH", "/v1/pipelines/orders/limits", {"unheard": 5}, 422, "config"),
        ("PATCH", "/v1/pipelines/orders/limits", {"sink_call_seconds_max": 5}, 422, "config"),
        ("PATCH", "/v1/pipelines/orders/limits", {"batch_changes_max": "many"}, 422, "bad_request"),
        ("GET", "/v1/dead-letters?limit=100000", None, 422, "bad_request"),
        ("GET", "/v2/status", None, 404, "bad_request"),
        ("DELETE", "/v1/status", None, 405, "bad_request"),
    ],
)
def test_a_refusal_is_json_with_a_code_and_a_hint(service, method, path, body, status, code):
    """Every refusal has the fitting status, a code, a message and a hint."""
    answer = service.command(method, path, json=body)
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code)
    assert document["message"]
    assert document["hint"]


def test_a_large_body_is_refused_unread(service):
    """A body beyond the bound, or of a length that is not told, is answered 413."""
    for content in (b"x" * 100_000, (b"x" for _ in range(3))):
        answer = service.command("POST", "/v1/pipelines/orders/verify", content=content)
        assert answer.status_code == 413


def test_commands_change_the_state_and_are_in_the_journal(service):
    """Pause and resume answer with the new state; the journal has them with who gave them."""
    headers = {"X-Replicator-Actor": "somebody@somewhere"}
    paused = service.command("POST", "/v1/pipelines/idle/pause", headers=headers)
    assert paused.json() == {"name": "idle", "state": "paused"}
    assert service.get("/readyz").status_code == 200
    resumed = service.command("POST", "/v1/pipelines/idle/resume", headers=headers)
    assert resumed.json() == {"name": "idle", "state": "running"}
    entries = [
        (entry["actor"], entry["action"])
        for entry in service.command("GET", "/v1/journal").json()
        if entry["pipeline"] == "idle"
    ]
    assert entries[-2:] == [
        ("token:somebody@somewhere", "pause"),
        ("token:somebody@somewhere", "resume"),
    ]


def test_limits_are_changed_while_the_pipeline_runs(service):
    """Shown to everyone; a change is in the journal, in the status, and survives a pause."""
    path = "/v1/pipelines/idle/limits"
    shown = service.get(path).json()
    assert shown["limits"] == shown["configured"]
    assert "sink_call_seconds_max" in shown["fixed"]
    changed = service.command("PATCH", path, json={"sink_calls_in_flight_max": 8}).json()
    assert changed["limits"]["sink_calls_in_flight_max"] == 8
    assert changed["configured"] == shown["configured"]
    calls = {each["side"]: each for each in service.status("idle")["calls"]}
    assert (calls["sink"]["calls_allowed"], calls["sink"]["calls_max"]) == (8, 8)
    (notice,) = service.status("idle")["notices"]
    assert notice == "changed until the next restart: sink_calls_in_flight_max is 8"
    entry = next(
        each for each in service.command("GET", "/v1/journal").json() if each["action"] == "limits"
    )
    assert (entry["pipeline"], entry["detail"]) == ("idle", {"sink_calls_in_flight_max": 8})
    assert 'replicator_calls_allowed{pipeline="idle",side="sink"} 8.0' in service.get("/metrics").text
    back = service.command("PATCH", path, json=shown["configured"]).json()
    assert back["limits"] == shown["configured"]
    assert service.status("idle")["notices"] == []


def test_a_barrier_needs_marks_and_ends_in_time(service):
    """It is proved by a mark; one that is not passed in time is a 504, and without marks there is none."""
    passed = service.command("POST", "/v1/pipelines/orders/barrier")
    assert passed.json()["proof"] == "by mark"
    late = service.command("POST", "/v1/pipelines/orders/barrier", json={"timeout_seconds": 0.001})
    assert (late.status_code, late.json()["code"]) == (504, "barrier_timeout")
    refused = service.command("POST", "/v1/pipelines/idle/barrier")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")


def test_a_verification_is_started_and_told(service):
    """The answer is the verification that has begun; asking again tells its end."""
    started = service.command("POST", "/v1/pipelines/orders/verify", json={"quiet_source": True})
    assert started.status_code == 202
    path = "/v1/pipelines/orders/verification"
    wait_for(lambda: service.get(path).json()["finished_at"])
    document = service.get(path).json()
    assert document["started_at"] == started.json()["started_at"]
    assert (document["mismatches"], document["keys"]) == (0, {"source": 50, "sink": 50})
