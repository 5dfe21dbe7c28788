# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from caller import Api, request

REPORTS = "/report/v0/reports"


def create(api: Api, **body: Any) -> dict[str, Any]:
    return dict(api("POST", REPORTS, body).body["content"])


def read(api: Api, report: dict[str, Any]) -> dict[str, Any]:
    return dict(api.get(f"{REPORTS}/{report['id']}")["content"])


def test_a_report_is_complete_when_it_is_read_twice(api: Api) -> None:
    report = create(api, report_type="device", filters={"platform": ["Apple", "Linux"]})
    assert report["status"] == "PENDING"
    assert read(api, report) == {"id": report["id"], "status": "RUNNING"}
    content = read(api, report)
    assert content["status"] == "SUCCEEDED"
    names = [column["name"] for column in sorted(content["schema"]["columns"], key=lambda column: column["position"])]
    rows = [dict(zip(names, row, strict=True)) for row in content["data_array"]]
    devices = api.get("/v2/devices/", limit=1000)["content"]["results"]
    assert {row["device_name"] for row in rows} == {
        device["name"] for device in devices if device["platform"] in ("APPLE", "LINUX") and device["state"] != 20
    }
    assert content["truncated"] is False
    assert "external_link" not in content


def test_the_link_to_a_report_rejects_the_key(api: Api) -> None:
    report = create(api, report_type="device_apps", is_download=True, filters={"package_name": ["com.android.chrome"]})
    read(api, report)
    link = read(api, report)["external_link"]
    rows = list(csv.DictReader(io.StringIO(request("GET", link).raw.decode(), newline="")))
    assert {row["package_name"] for row in rows} == {"com.android.chrome"}
    assert request("GET", link, headers={"Authorization": f"Bearer {api.simulator.key}"}).status == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start_time": "2024-07-01T00:00:00Z"}, "start_time"),
        ({"start_time": "2026-05-04T10:00:00Z", "end_time": "2026-05-04T09:00:00Z"}, "end_time"),
        ({"filters": {"date": "2025-05-17"}}, "date"),
        ({"report_type": "apps"}, "report_type"),
    ],
    ids=str,
)
def test_a_report_about_no_data_is_rejected(api: Api, body: dict[str, Any], field: str) -> None:
    answer = api("POST", REPORTS, {"report_type": "device", **body})
    assert (answer.status, set(answer.body)) == (400, {"status", "error", "message"})
    assert answer.body["message"].startswith(f"{field}: ")


def test_an_unknown_app_has_no_schema(api: Api) -> None:
    query = {"oem_type": "ZEBRA", "package_name": "com.example.oemconfig"}
    assert api.get("/v2/oem-config-schema", **query)["content"]["version_code"] == "112"
    assert "schema_json" not in api.get("/v2/oem-config-schema", **query, include_schema="false")["content"]
    assert api("GET", "/v2/oem-config-schema?oem_type=ZEBRA&package_name=com.example.other").status == 404
