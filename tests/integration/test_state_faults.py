"""The service when its state volume is full, takes nothing, or holds a damaged file."""

import resource
import sys

import psutil
import pytest
from running import Place, pipeline, wait_for

ROWS = 6_000
ROOM_BYTES = 60_000
"""What is left on the volume: more than the log needs, less than the checkpoints of a backfill do."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits the files of a running process")


def place_of(directory):
    """A configuration whose backfill saves its progress often."""
    source = {"rows": ROWS, "page_rows_max": 10, "pieces": 1}
    place = Place(directory, pipeline("orders", source))
    place.settings["limits"] |= {"checkpoint_seconds": 0.01, "backfill_pieces_in_flight_max": 1}
    return place


def limit(service, bytes_max):
    """Let no file of the service grow beyond this, as a full volume would not."""
    process = psutil.Process(service.process.pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (bytes_max, resource.RLIM_INFINITY))


def test_a_full_volume_stops_the_pipeline_until_there_is_room(tmp_path):
    """It fails with a hint, commands say why they cannot be noted, and once there is room it goes on."""
    place = place_of(tmp_path)
    with place.running("--no-preflight") as service:
        log = place.state.with_name("replicator.db-wal")
        limit(service, log.stat().st_size + ROOM_BYTES)
        wait_for(lambda: service.status("orders")["state"] == "failed")
        failure = service.status("orders")["failure"]
        assert failure["code"] == "state"
        assert "full" in failure["hint"]
        refused = service.command("POST", "/v1/pipelines/orders/resume")
        assert (refused.status_code, refused.json()["code"]) == (503, "state")
        assert service.answers("/healthz")
        limit(service, resource.RLIM_INFINITY)
        assert service.command("POST", "/v1/pipelines/orders/resume").status_code == 200
        wait_for(lambda: (service.status("orders")["backfill"] or {}).get("phase") == "complete")
        assert service.status("orders")["failure"] is None
        assert service.stop() == 0


def test_a_volume_that_takes_nothing_is_refused(tmp_path):
    """74 with a hint, before anything has started."""
    place = place_of(tmp_path)
    place.settings["state"]["path"] = "/proc/replicator/replicator.db"
    refused = place.cli("run", place.config, "--no-preflight")
    assert refused.returncode == 74
    assert "Point state.path at a directory that the service's user may write to." in refused.stderr


def test_a_damaged_state_file_is_refused_and_kept_aside(tmp_path):
    """74 and a copy, once; with the damaged file out of the way it starts anew."""
    place = place_of(tmp_path)
    with place.running("--no-preflight") as service:
        wait_for(lambda: (service.status("orders")["backfill"] or {}).get("rows", 0) > 100)
        assert service.stop() == 0
    damaged = place.state.read_bytes()[:4_096] + b"\xa5" * 8_192
    place.state.write_bytes(damaged)
    for _ in range(2):
        refused = place.cli("run", place.config)
        assert refused.returncode == 74
        assert "damaged" in refused.stderr
    (aside,) = place.state.parent.glob("replicator.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert place.state.read_bytes() == damaged
    place.state.unlink()
    with place.running("--no-preflight") as service:
        wait_for(lambda: (service.status("orders")["backfill"] or {}).get("phase") == "complete")
