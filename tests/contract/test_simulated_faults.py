# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from typing import Any

import pytest
from caller import Api

DEVICES, GROUPS = "/v2/devices/", "{e}/devicegroup/"


def create(api: Api) -> None:
    api.plain("POST", f"/enterprise/{api.simulator.enterprise_id}/devicegroup/", {"name": "new"})


def was_created(api: Api) -> bool:
    return any(group["name"] == "new" for group in api.simulator.state()["groups"])


@pytest.mark.parametrize(("path", "status"), [(DEVICES, 500), (GROUPS, 503), (DEVICES, 429)])
def test_status_has_the_body_of_the_family(api: Api, path: str, status: int) -> None:
    api.simulator.fault(kind="status", status=status)
    assert api("GET", path).status == status
    assert api("GET", path).status == 200


def test_status_can_say_when_to_come_back(api: Api) -> None:
    api.simulator.fault(kind="status", status=429, retry_after=2)
    api.simulator.fault(kind="status", status=503, retry_after="date:+30", body="", content_type="text/plain")
    assert api.plain("GET", DEVICES).headers["Retry-After"] == "2"
    answer = api.plain("GET", DEVICES)
    assert 25 < parsedate_to_datetime(answer.headers["Retry-After"]).timestamp() - time.time() < 31
    assert (answer.raw, answer.headers["Content-Type"]) == (b"", "text/plain")


def test_a_fault_meets_its_own_requests_only(api: Api) -> None:
    api.simulator.fault(kind="status", method="GET", path="/devicegroup/$", after=1, times=2)
    statuses = [api("GET", path).status for path in (GROUPS, DEVICES, GROUPS, GROUPS, GROUPS)]
    assert statuses == [200, 200, 500, 500, 200]


def test_probability_is_repeatable(api: Api) -> None:
    def statuses() -> list[int]:
        api.simulator.reset()
        api.simulator.fault(kind="status", times=None, probability=0.5)
        return [api("GET", "/v1/token-info/").status for _attempt in range(20)]

    assert set(statuses()) == {200, 500}
    assert statuses() == statuses()


@pytest.mark.parametrize(
    ("fault", "created"),
    [
        ({"kind": "drop_before"}, False),
        ({"kind": "drop_after"}, True),
        ({"kind": "drop_before", "processed": True}, True),
    ],
)
def test_a_dropped_connection(api: Api, fault: dict[str, Any], created: bool) -> None:
    api.simulator.fault(**fault)
    with pytest.raises(ConnectionError):
        create(api)
    assert was_created(api) is created
    assert [(entry["status"], entry["fault"]) for entry in api.simulator.writes()] == [(None, fault["kind"])]


@pytest.mark.parametrize("processed", [False, True])
def test_a_failure_before_or_after_the_write(api: Api, processed: bool) -> None:
    api.simulator.fault(kind="status", status=502, processed=processed)
    create(api)
    assert was_created(api) is processed


def test_hang_never_answers(api: Api) -> None:
    api.simulator.fault(kind="hang")
    with pytest.raises(TimeoutError):
        api.plain("GET", DEVICES)
    assert api.simulator.journal()[0]["fault"] == "hang"


@pytest.mark.parametrize("kind", ["latency", "slow_body"])
def test_slow_answers_are_complete(api: Api, kind: str) -> None:
    expected = api.get(DEVICES)
    api.simulator.fault(kind=kind, ms=50)
    started = time.monotonic()
    assert api.get(DEVICES) == expected
    assert time.monotonic() - started > (0.4 if kind == "slow_body" else 0.05)


def test_truncate_breaks_the_promise_of_the_length(api: Api) -> None:
    api.simulator.fault(kind="truncate")
    with pytest.raises(IncompleteRead):
        api.plain("GET", DEVICES)


def test_bodies_that_are_not_what_they_should_be(api: Api) -> None:
    for kind in ("html", "not_json", "wrong_content_type", "gzip_broken"):
        api.simulator.fault(kind=kind)
    html, not_json, text, gzip = [api.plain("GET", DEVICES) for _attempt in range(4)]
    assert html.headers["Content-Type"].startswith("text/html")
    assert html.raw.startswith(b"<!DOCTYPE html>")
    assert not_json.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError, match="Expecting"):
        assert not_json.body
    assert (text.headers["Content-Type"], text.body["content"]["count"]) == ("text/plain", 200)
    assert gzip.headers["Content-Encoding"] == "gzip"
    assert not gzip.raw.startswith(b"\x1f\x8b")
    assert {answer.status for answer in (html, not_json, text, gzip)} == {200}


def test_redirect(api: Api) -> None:
    api.simulator.fault(kind="redirect", status=307, location="http://other.invalid/")
    answer = api.plain("GET", DEVICES)
    assert (answer.status, answer.headers["Location"]) == (307, "http://other.invalid/")


@pytest.mark.parametrize("path", [DEVICES, "/user/"])
def test_results_can_be_null(api: Api, path: str) -> None:
    api.simulator.fault(kind="null_results")
    body = api.plain("GET", path).body
    assert body.get("content", body)["results"] is None


def test_a_response_without_results_has_none(api: Api) -> None:
    api.simulator.fault(kind="null_results")
    assert api.plain("GET", "/nowhere/").status == 404


def test_devices_can_come_and_go_between_two_pages(api: Api) -> None:
    api.simulator.fault(kind="devices", path="/v2/devices/$", after=1, add=5, remove=2)
    assert [api.get(DEVICES)["content"]["count"] for _attempt in range(3)] == [200, 203, 203]


def test_faults_can_be_taken_back(api: Api) -> None:
    api.simulator.fault(kind="status", times=None)
    assert api("GET", DEVICES).status == 500
    api.simulator.clear_faults()
    assert api("GET", DEVICES).status == 200
