# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from socket import create_connection
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from caller import Api
from contract import Contract
from process import FOLDER, Simulator


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


@pytest.mark.parametrize(
    "mistake", [{"kind": "nonsense"}, {"kind": "status", "colour": "red"}, {"kind": "hang", "path": "("}]
)
def test_a_mistaken_fault_is_rejected(simulator: Simulator, mistake: dict[str, str]) -> None:
    with pytest.raises(HTTPError, match="400"):
        simulator.fault(**mistake)


def test_a_mistaken_reset_is_rejected(simulator: Simulator) -> None:
    with pytest.raises(HTTPError, match="400"):
        simulator.reset(colours=3)


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
