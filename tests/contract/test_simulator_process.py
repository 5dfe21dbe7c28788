# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from socket import AF_INET6, create_connection, socket
from urllib.parse import urlsplit

import apk
import pytest
from caller import Answer, Api, request
from contract import Contract
from process import FOLDER, Simulator
from tenant import epoch


def test_the_same_seed_makes_the_same_tenant(simulator: Simulator) -> None:
    first = simulator.state(devices=True)
    with Simulator(devices=200, groups=30, tags=12, seed=7) as other:
        assert other.state(devices=True) == first
    simulator.reset(seed=8)
    assert simulator.state(devices=True) != first
    simulator.reset()
    assert simulator.state(devices=True) == first


def test_as_many_objects_as_asked_for(simulator: Simulator) -> None:
    simulator.reset(devices=17, groups=43, tags=3)
    state = simulator.state()
    # The root comes on top.
    assert (state["device_count"], len(state["groups"]), len(state["tags"])) == (17, 44, 3)
    assert len({group["path"] for group in state["groups"]}) == 44


def test_reset_forgets_changes_faults_and_journal(api: Api) -> None:
    before = api.simulator.state(devices=True)
    api("POST", "{e}/devicegroup/", {"name": "new"})
    api.simulator.change_devices(add=1, remove=2)
    api.simulator.fault(kind="status", times=None)
    assert api.simulator.state(devices=True) != before
    api.simulator.reset()
    assert api.simulator.state(devices=True) == before
    assert api.simulator.journal() == []
    assert api("GET", "/v2/devices/").status == 200


def test_the_journal_has_the_requests_but_not_the_key(api: Api) -> None:
    api.get("/v2/devices/", limit=5)
    api("POST", "{e}/devicegroup/", {"name": "new"}, key="wrong")
    read, written = api.simulator.journal()
    assert {name: read[name] for name in ("method", "path", "query", "body", "status", "authorized", "fault")} == {
        "method": "GET",
        "path": "/v2/devices/",
        "query": {"limit": "5"},
        "body": None,
        "status": 200,
        "authorized": True,
        "fault": None,
    }
    assert (written["body"], written["status"], written["authorized"]) == ({"name": "new"}, 401, False)
    assert written["seq"] == read["seq"] + 1
    assert api.simulator.writes() == api.simulator.journal(since=read["seq"]) == [written]
    assert api.simulator.key not in json.dumps([read, written])
    api.simulator.clear_journal()
    assert api.simulator.journal() == []


def test_the_journal_is_kept_in_a_file(contract: Contract, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    with Simulator(devices=1, journal=file) as simulator:
        Api(simulator, contract).get("/v2/devices/")
        assert [json.loads(line) for line in file.read_text().splitlines()] == simulator.journal() != []


def control(simulator: Simulator, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """The answer of a control path."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(method, f"{simulator.url.removesuffix('/api')}/_simulator/{path}", body, names)


MISTAKES: dict[str, list[object]] = {
    "faults": [
        {},
        "hang",
        [None],
        {"kind": "nonsense"},
        {"kind": ["hang"]},
        {"kind": "status", "colour": "red"},
        {"kind": "hang", "path": "("},
        {"kind": "hang", "method": 5},
        {"kind": "hang", "times": "x"},
        {"kind": "hang", "times": True},
        {"kind": "hang", "after": -1},
        {"kind": "hang", "probability": 2},
        {"kind": "status", "status": 99999},
        {"kind": "status", "status": "500"},
        {"kind": "status", "retry_after": "date:soon"},
        {"kind": "status", "retry_after": "date:+1e300"},
        {"kind": "status", "retry_after": "1\r\nX: y"},
        {"kind": "status", "body": {}},
        {"kind": "redirect", "location": "/\r\nX: y"},
        {"kind": "redirect", "location": None},
        {"kind": "latency", "ms": -1},
        {"kind": "devices", "add": "x"},
    ],
    "reset": [[], 5, {"colours": 3}, {"devices": "x"}, {"devices": -1}, {"devices": 10**12}, {"target": 5}],
    "state/devices": [
        [],
        {"add": "x"},
        {"add": -1},
        {"add": 1.5},
        {"remove": -1},
        {"remove": ["x"]},
        {"remove": [1]},
        {"offline_percent": 101},
        {"offline_percent": -1},
        {"offline_percent": "x"},
        {"change": ["x"], "state": 1},
        {"change": [], "state": "offline"},
        {"change": [], "group_id": "x"},
    ],
    "versions": [
        {},
        5,
        [None],
        {"app_version": "1", "blueprint_version": "x"},
        {"app_version": 5},
        {"app_version": "1", "polls": 0},
        {"app_version": "1", "polls": "x"},
        {"app_version": "1", "failure_percent": 101},
        {"app_version": "1", "offline_percent": -1},
        {"app_version": "1", "reason": 5},
        {"app_version": "1", "percent": 5},
    ],
    "alarms": [[], {}, {"rule": "x"}, {"rule": "x", "device": "y"}],
    "commands": [
        [],
        {"polls": 0},
        {"steps": 0},
        {"polls": "x"},
        {"failing": "x"},
        {"failing": [5]},
        {"silent": ["x"]},
        {"reason": 5},
    ],
    "commands/advance": [[], {"readings": "x"}, {"readings": -1}, {"readings": 10**9}, {"reading": 1}],
}


@pytest.mark.parametrize(
    ("path", "mistake"), [(path, mistake) for path, mistakes in MISTAKES.items() for mistake in mistakes], ids=str
)
def test_a_mistake_is_rejected_and_explained(simulator: Simulator, path: str, mistake: object) -> None:
    before = simulator.state(devices=True)
    answer = control(simulator, "POST", path, json.dumps(mistake).encode())
    assert answer.status == 400
    assert answer.raw.endswith(b".")
    assert simulator.state(devices=True) == before


@pytest.mark.parametrize("path", MISTAKES)
@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 2000, b"NaN"])
def test_a_body_that_is_not_json_is_rejected(simulator: Simulator, path: str, body: bytes) -> None:
    assert control(simulator, "POST", path, body).status == 400


def test_a_sequence_number_is_a_number(simulator: Simulator) -> None:
    assert control(simulator, "GET", "journal?since=x").status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://[evil"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8899"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
    ids=str,
)
def test_a_web_page_cannot_use_the_control_paths(simulator: Simulator, headers: dict[str, str]) -> None:
    simulator.fault(kind="status", times=None)
    assert control(simulator, "GET", "journal", **headers).status == 403
    assert control(simulator, "POST", "reset", b"{}", **headers).status == 403
    assert control(simulator, "DELETE", "faults", **headers).status == 403
    # The fault is still in force.
    assert request("GET", f"{simulator.url}/v2/devices/").status == 500


@pytest.mark.parametrize("host", ["localhost:8899", "simulator", "[::1]:8899", "10.0.0.1", "x.localhost"])
def test_a_local_name_can_use_the_control_paths(simulator: Simulator, host: str) -> None:
    assert control(simulator, "GET", "journal", Host=host).status == 200
    assert control(simulator, "GET", "journal", Host=host, Origin=f"http://{host}").status == 200


def test_it_serves_on_an_ipv6_address() -> None:
    try:
        with socket(AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("This machine has no IPv6.")
    with Simulator(host="::1", devices=1) as simulator:
        assert simulator.url.startswith("http://[::1]:")
        assert simulator.state()["device_count"] == 1


@pytest.mark.parametrize("hour", range(24))
def test_the_times_of_the_data_end_hours_ago(hour: int) -> None:
    now = datetime(2026, 3, 1, hour, 30, tzinfo=timezone.utc)
    assert timedelta(hours=1) <= now - epoch(now) < timedelta(hours=13)
    assert epoch(now) == epoch(now.replace(minute=45))


def test_an_apk_file_is_read_from_its_manifest(tmp_path: Path) -> None:
    arguments = [sys.executable, str(FOLDER / "apk.py"), "com.example.till", "2.1.0", "210", "--dest", str(tmp_path)]
    path = Path(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip())
    assert path == tmp_path / "com.example.till-2.1.0-210.apk"
    assert apk.read("other.apk", path.read_bytes()) == apk.Manifest("com.example.till", "2.1.0", 210)


def test_it_runs_from_anywhere_and_stops_cleanly(tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER), "--port=0", "--devices=0", "--groups=0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    process.terminate()
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


def test_it_stops_even_when_a_request_hangs() -> None:
    with Simulator(devices=0) as simulator:
        simulator.fault(kind="hang")
        address = urlsplit(simulator.url)
        with create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as connection:
            connection.sendall(b"GET /api/v2/devices/ HTTP/1.1\r\nHost: x\r\n\r\n")
            while not simulator.journal():
                time.sleep(0.01)
            assert simulator.stop() == 0


def test_a_failed_start_is_reported() -> None:
    with pytest.raises(RuntimeError, match="did not start"), Simulator(devices="many"):
        pass
