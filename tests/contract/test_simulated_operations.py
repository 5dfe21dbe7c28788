# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from caller import Api, Group

OPERATIONS = "/v0/operations/"
MISSING = "0b1e7f3c-0000-4000-8000-000000000001"
WINDOW = {"start_datetime": "2026-02-01T08:00:00Z", "end_datetime": "2026-02-01T09:00:00Z"}
Json = dict[str, Any]


def devices(api: Api, **query: object) -> list[Json]:
    return list(api.get("/v2/devices/", **{"limit": 1000, "state": 1, **query})["content"]["results"])


def begin(api: Api, query: Json, kind: str = "REBOOT", **values: Any) -> Json:
    answer = api("POST", OPERATIONS, {"operation_type": kind, "operation_device_query": query, **values})
    assert answer.status == 201, answer.body
    return dict(answer.body["content"])


def begin_on(api: Api, *targets: Json, **values: Any) -> Json:
    return begin(api, {"device_ids": ",".join(device["id"] for device in targets)}, **values)


def read(api: Api, operation: Json) -> Json:
    return dict(api.get(f"{OPERATIONS}{operation['id']}/")["content"])


def counts(operation: Json) -> tuple[int, ...]:
    """Return the numbers of resolved, dispatched, failed and completed devices."""
    found = operation["operation_stats"]["device_operation_statuses_count"]
    names = ("resolved_device_count", "dispatched_device_count", "failed_device_count", "success_device_count")
    return tuple(found[name] for name in names)


def parts(api: Api, operation: Json, **query: object) -> list[Json]:
    return list(api.get(f"{OPERATIONS}{operation['id']}/devices/", **query)["content"]["results"])


def test_an_operation_goes_on_as_it_is_read(api: Api) -> None:
    good, bad = devices(api)[:2]
    api.simulator.conduct(failing=[bad["id"]], reason="Battery is low")
    begun = begin_on(api, good, bad)
    assert (begun["state"], begun["operation"], counts(begun)) == ("CREATED", "REBOOT", (2, 0, 0, 0))
    on_the_way = read(api, begun)
    assert (on_the_way["state"], counts(on_the_way)) == ("DISPATCHING", (2, 2, 0, 0))
    # It is complete when all have ended, however they did.
    ended = read(api, begun)
    assert (ended["state"], counts(ended)) == ("COMPLETED", (2, 2, 1, 1))
    assert ended["updated_at"] > on_the_way["updated_at"] > begun["updated_at"]
    assert [(part["device_id"], part["state"], part["reason"]) for part in parts(api, begun)] == [
        (good["id"], "SUCCEDED", ""),
        (bad["id"], "FAILED", "Battery is low"),
    ]


def test_devices_are_read_one_by_one_too(api: Api) -> None:
    first, second = devices(api)[:2]
    begun = begin_on(api, first, second)
    path = f"{OPERATIONS}{begun['id']}/devices/{first['id']}/"
    seen = [api.get(path)["content"] for _reading in range(2)]
    assert [part["state"] for part in seen] == ["INITIATED", "SUCCEDED"]
    assert [each["device_operation_state"] for each in seen[1]["device_operation_activity"]] == ["CREATED", "SUCCEDED"]
    assert api.simulator.state()["tasks"][1]["state"] == "Command Queued"


def test_an_operation_with_a_silent_device_is_never_complete(api: Api) -> None:
    good, mute = devices(api)[:2]
    api.simulator.conduct(polls=1, silent=[mute["id"]])
    begun = begin_on(api, good, mute)
    assert [(read(api, begun)["state"], counts(read(api, begun)))] * 2 == [("DISPATCHING", (2, 1, 0, 1))] * 2


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ({"platform": "LINUX", "state": 1}, {"platform": "LINUX"}),
        ({"state": [1, 60], "platform": "ANDROID"}, {"platform": "ANDROID", "state": "1,60"}),
        ({"is_gms": False, "state": "1"}, {"is_gms": "false"}),
        ({"search": "till", "state": 1}, {"search": "till"}),
    ],
)
def test_devices_are_found_by_the_filters_of_their_list(api: Api, filters: Json, query: Json) -> None:
    wanted = [device["id"] for device in devices(api, **query)]
    begun = begin(api, {"device_request": filters})
    assert begun["operation_device_query"] == {"device_request": filters}
    assert [part["device_id"] for part in parts(api, begun, limit=1000)] == wanted != []


def test_an_operation_without_devices_fails(api: Api) -> None:
    begun = begin(api, {"device_request": {"serial": "none"}})
    assert (begun["state"], begun["reason"], counts(begun)) == ("FAILED", "No device fits the query", (0, 0, 0, 0))


def test_a_converge_takes_effect(api: Api) -> None:
    device = devices(api)[0]
    blueprint = api.get(f"/v2/blueprints/{device['blueprint_info']['assigned_blueprint_id']}/")["content"]
    body = {"name": blueprint["name"], "publish": True}
    published = api("PUT", f"/v2/blueprints/{blueprint['id']}/", body).body["content"]
    begun = begin_on(api, device, kind="CONVERGE", arguments={"converge_with_provision": True})
    assert begun["arguments"] == {"converge_with_provision": True}
    assert [read(api, begun)["state"] for _reading in range(2)] == ["DISPATCHING", "COMPLETED"]
    info = api.get(f"/v2/devices/{device['id']}")["content"]["blueprint_info"]
    assert info["current_blueprint_version_id"] == published["version_id"]
    assert api.get("/commands/v0/commands/")["content"]["count"] == 0


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"operation_type": "DANCE"}, "operation_type: "),
        ({"operation_device_query": {}}, "operation_device_query: Either device_ids"),
        ({"operation_device_query": {"device_ids": [MISSING]}}, "operation_device_query: Either device_ids"),
        ({"operation_device_query": {"device_ids": MISSING, "device_request": {}}}, "operation_device_query: Either"),
        ({"operation_device_query": {"device_ids": MISSING}}, "operation_device_query.device_ids: Invalid pk"),
        ({"operation_device_query": {"device_ids": ""}}, "operation_device_query.device_ids: Invalid pk"),
        ({"schedule_type": "RECURRING"}, "schedule_type: "),
        ({"schedule_type": "WINDOW"}, "schedule_args.start_datetime: This field is required. "),
    ],
)
def test_a_flawed_operation_is_rejected(api: Api, values: Json, error: str) -> None:
    body = {"operation_type": "REBOOT", "operation_device_query": {"device_request": {}}, **values}
    answer = api("POST", OPERATIONS, body)
    assert answer.status == 400
    assert error in answer.body["message"]
    assert api("POST", OPERATIONS, {}).status == 400
    assert api.get(OPERATIONS)["content"]["count"] == 0


def test_a_window_is_kept_in_mind(api: Api) -> None:
    begun = begin_on(api, devices(api)[0], schedule_type="WINDOW", schedule_args=WINDOW)
    assert (begun["schedule_type"], begun["schedule_args"], begun["state"]) == ("WINDOW", WINDOW, "CREATED")
    assert api.simulator.state()["tasks"][0]["state"] == "Command Scheduled"


def test_an_operation_is_cancelled_where_it_is_not_done(api: Api) -> None:
    good, mute = devices(api)[:2]
    api.simulator.conduct(polls=1, silent=[mute["id"]])
    begun = begin_on(api, good, mute)
    read(api, begun)
    path = f"{OPERATIONS}{begun['id']}/"
    answer = api("PUT", path, {"state": "CANCELLED", "reason": "not today"})
    assert (answer.status, answer.body) == (200, {"operationId": begun["id"], "status": "CANCELLED"})
    api.simulator.conduct()
    ended = read(api, begun)
    assert (ended["state"], ended["reason"], counts(ended)[3]) == ("CANCELLED", "not today", 1)
    assert [(part["state"], part["reason"]) for part in parts(api, begun)] == [
        ("SUCCEDED", ""),
        ("CANCELLED", "not today"),
    ]
    for body in ({"state": "CANCELLED", "reason": "again"}, {"state": "CANCELLED"}, {"state": "FAILED", "reason": "x"}):
        assert api("PUT", path, body).status == 400


def test_one_device_is_cancelled(api: Api) -> None:
    first, second = devices(api)[:2]
    begun = begin_on(api, first, second)
    path = f"{OPERATIONS}{begun['id']}/devices/{first['id']}/"
    answer = api("PUT", path, {"state": "CANCELLATION_REQUESTED", "reason": "not here"})
    assert (answer.body["content"]["state"], answer.body["content"]["reason"]) == ("CANCELLED", "not here")
    assert api("PUT", path, {"state": "CANCELLATION_REQUESTED"}).status == 400
    read(api, begun)
    assert read(api, begun)["state"] == "COMPLETED"
    assert [part["state"] for part in parts(api, begun, ordering="-state")] == ["CANCELLED", "SUCCEDED"]
    assert [part["device_id"] for part in parts(api, begun, state=50)] == [second["id"]]


def test_operations_are_filtered_and_ordered(api: Api, group: Callable[[str], Group]) -> None:
    first, second = devices(api)[:2]
    api.simulator.conduct(polls=1, silent=[second["id"]])
    one, two = begin_on(api, first), begin_on(api, second, kind="LOCK")

    def found(**query: object) -> list[str]:
        return [each["id"] for each in api.get(OPERATIONS, **query)["content"]["results"]]

    assert found() == found(ordering="-state") == [one["id"], two["id"]]
    assert found(ordering="-created_at") == found(ordering="state") == [two["id"], one["id"]]
    assert found(state=70) == [one["id"]]
    assert found(state=10, operation_type="LOCK") == [two["id"]]
    assert found(operation_type="WIPE") == []
    assert found(limit=1, offset=1) == [two["id"]]
    assert found(group_multi=f"{first['group_id']},{MISSING}") == [one["id"]]
    body = api.get(f"/v0/devices/{second['id']}/operations/", limit=5)
    assert (body["count"], body["next"], [each["id"] for each in body["results"]]) == (1, "", [two["id"]])


def test_an_operation_can_start_although_its_response_is_lost(api: Api) -> None:
    device = devices(api)[0]
    api.simulator.fault(kind="drop_after", method="POST", path="^/v0/operations/$")
    with pytest.raises(ConnectionError):
        begin_on(api, device)
    assert api.get(OPERATIONS)["content"]["count"] == 1
