# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tenant against the simulator: its results, and its requests in their order."""

from __future__ import annotations

import json
import sys
import typing as t
from collections import Counter
from pathlib import Path

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.esper.cloud.plugins.module_utils.engine.batch import Batch
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.connection import Connection
from ansible_collections.esper.cloud.plugins.module_utils.kinds.group_devices import steps_into
from ansible_collections.esper.cloud.plugins.module_utils.module import argument_spec, perform
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT
from ansible_collections.esper.cloud.tests.unit.service import Clock
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[5] / "tests" / "simulator"))

import apk
from process import Simulator

Row = dict[str, t.Any]
ROOT = "All devices"
TILL = "com.example.unittill"
APPLY_ALL = Batch.apply_all
NOTHING = dict.fromkeys(("created", "updated", "deleted", "unchanged", "failed", "skipped"), 0)


@pytest.fixture(scope="module")
def running() -> t.Iterator[Simulator]:
    with Simulator(devices=40, groups=12, tags=2, seed=7) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator, clock: Clock) -> Simulator:
    """The tenant in its initial state. The waits of the client take no time."""
    running.reset()
    return running


class Tenant:
    """Runs tasks, and clears the journal before each of them."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.options: Row = {}
        self.progress: list[str] = []
        self.warnings: list[str] = []
        self.before_apply: t.Callable[[], t.Any] = lambda: None

    def run(self, *, check_mode: bool = False, **params: t.Any) -> Row:
        """Return the result of a task."""
        given = {"api_url": self.simulator.url, "api_key": self.simulator.key, **self.options, **params}
        checked = ArgumentSpecValidator(argument_spec(TENANT, {}), **TENANT.rules).validate(given)
        assert checked.error_messages == []
        self.simulator.clear_journal()
        self.progress = []
        context = RunContext(check_mode=check_mode, diff=True, progress=self.progress.append)

        def interrupted(batch: Batch, **options: t.Any) -> None:
            self._interrupted(batch, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Batch, "apply_all", interrupted)
            outcome, _secrets = perform(TENANT, checked.validated_parameters, context)
        self.warnings = outcome.warnings
        # Ansible accepts plain data only.
        result: Row = json.loads(json.dumps(outcome.result))
        return result

    def _interrupted(self, batch: Batch, **options: t.Any) -> None:
        """Call ``before_apply``, and apply the plan."""
        before_apply, self.before_apply = self.before_apply, lambda: None
        before_apply()
        APPLY_ALL(batch, **options)

    def done(self, **params: t.Any) -> Row:
        """Return the result of a task that must not fail."""
        result = self.run(**params)
        assert not result.get("failed"), result["msg"]
        return result

    def failing(self, **params: t.Any) -> Row:
        """Return the result of a task that must fail before it sends a write request."""
        result = self.run(**params)
        assert result["failed"] is True
        assert self.writes() == []
        assert not result["changed"]
        return result

    def journal(self, method: str, path: str = "") -> list[Row]:
        return [entry for entry in self.simulator.journal() if entry["method"] == method and path in entry["path"]]

    def writes(self) -> list[str]:
        """Return the write requests in their order: the method, and the kind of the object."""
        return [f"{entry['method']} {_kind_of(entry['path'])}" for entry in self.simulator.writes()]

    @property
    def paths(self) -> list[str]:
        return sorted(group["path"] for group in self.simulator.state()["groups"])

    def settings(self, blueprint: str) -> Row:
        """Return the Android settings of a blueprint."""
        rows = self.simulator.state()["blueprints"]
        settings: Row = next(row for row in rows if row["name"] == blueprint)["settings"]["android"]
        return settings

    def versions(self) -> dict[str, str]:
        """Return the IDs of the app versions that the tests upload."""
        apps = [app for app in self.simulator.state()["applications"] if app["package_name"] == TILL]
        return {row["version_code"]: row["id"] for app in apps for row in app["versions"]}

    def put_into(self, group: str, device: str) -> None:
        """Move a device to a group without a task."""
        step = steps_into(group, [device], "")[0]
        with self.client() as client:
            client.request(step.method, step.path, ids={"id": group}, query=step.query, body=step.body, purpose="")

    def client(self) -> Client:
        return Client(Connection.from_options({"api_url": self.simulator.url, "api_key": self.simulator.key}))

    def ids(self, kind: str) -> dict[str, t.Any]:
        return {str(row["name"]): row["id"] for row in self.simulator.state()[kind]}


def _kind_of(path: str) -> str:
    kinds = ("devicegroup", "policy", "application", "content", "blueprints")
    return next(kind for kind in kinds if f"/{kind}/" in path)


@pytest.fixture
def tenant(simulator: Simulator) -> Tenant:
    return Tenant(simulator)


def package(folder: Path, code: int, *, padding: int = 0, name: str = TILL) -> str:
    file = folder / f"{name}-{code}.apk"
    file.write_bytes(apk.made(apk.Manifest(name, f"{code}.0", code, "Till"), padding))
    return str(file)


def upload(folder: Path, code: int, **more: t.Any) -> Row:
    return {
        "src": package(folder, code),
        "package_name": TILL,
        "version_name": f"{code}.0",
        "version_code": code,
        **more,
    }


def file_of(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    return str(file)


def using(version_name: str = "latest", content: str = "unit.png") -> Row:
    """Return settings of a blueprint with an app and a file."""
    return {
        "android": {
            "apps": [{"package_name": TILL, "version_name": version_name, "state": "SHOW"}],
            "files": [{"content": content, "destination_path": "/sdcard/unit.png"}],
        }
    }


@pytest.fixture
def lists(tmp_path: Path) -> Row:
    """New objects of each kind. Objects that refer to others come first."""
    return {
        "blueprints": [{"name": "Unit", "settings": using()}],
        "device_groups": [
            {"path": "Unit/Berlin/Mitte"},
            {"path": "All devices/Unit"},
            {"name": "Berlin", "parent": "All devices/Unit"},
        ],
        "contents": [{"src": file_of(tmp_path, "unit.png", "soup"), "tags": ["unit"]}],
        "apps": [upload(tmp_path, 1), upload(tmp_path, 2, release_name="second")],
        "enterprise_policies": [{"name": "Unit", "settings": {"kiosk_mode": True}}],
    }


def actions(result: Row) -> dict[str, str]:
    return {record["option"]: record["action"] for record in result["objects"]}


def messages(result: Row) -> dict[str, str]:
    return {record["option"]: record["msg"] for record in result["objects"] if "msg" in record}


def counts(**some: int) -> dict[str, int]:
    return {**NOTHING, **some}


# --- create, update, delete -------------------------------------------------------------------------------------------


def test_all_kinds_are_created_and_then_unchanged(tenant: Tenant, lists: Row) -> None:
    checked = tenant.done(check_mode=True, **lists)
    assert tenant.simulator.writes() == []
    first = tenant.done(**lists)
    assert first["counts"] == checked["counts"] == counts(created=8)
    assert first["diff"] == checked["diff"]
    assert actions(first) == actions(checked)
    assert [record["fields"] for record in first["objects"]] == [record["fields"] for record in checked["objects"]]
    assert all(record["id"] is not None for record in first["objects"])
    assert [record["option"] for record in first["objects"]] == [
        "apps[0]",
        "apps[1]",
        "contents[0]",
        "enterprise_policies[0]",
        "blueprints[0]",
        "device_groups[0]",
        "device_groups[1]",
        "device_groups[2]",
    ]
    again = tenant.done(**lists)
    assert tenant.simulator.writes() == []
    assert again["counts"] == counts(unchanged=8)
    assert again["changed"] is False
    assert again["diff"] == []
    assert [record["id"] for record in again["objects"]] == [record["id"] for record in first["objects"]]


def test_an_object_is_sent_after_its_dependencies(tenant: Tenant, lists: Row) -> None:
    tenant.done(**lists)
    sent = tenant.simulator.writes()
    created = [entry["body"]["name"] for entry in sent if entry["path"].endswith("/devicegroup/")]
    assert created == ["Unit", "Berlin", "Mitte"]
    writes = tenant.writes()
    # Without waiting for the device groups, on which the blueprint does not depend.
    before = writes[: writes.index("POST blueprints")]
    assert {"POST application", "PATCH application", "POST content", "PATCH content"} <= set(before)
    assert Counter(writes) == {
        "POST devicegroup": 3,
        "POST policy": 1,
        "POST application": 2,
        "PATCH application": 1,
        "POST content": 1,
        "PATCH content": 1,
        "POST blueprints": 1,
    }
    android = tenant.settings("Unit")
    assert android["files"][0]["file_id"] == str(tenant.ids("content")["unit.png"])
    # The latest version is the second one that the same task uploads.
    assert android["apps"][0]["app_version_id"] == tenant.versions()["2.0"]


def test_changed_properties_are_updated(tenant: Tenant, lists: Row) -> None:
    tenant.done(**lists)
    lists["contents"][0]["tags"] = ["unit", "menu"]
    lists["enterprise_policies"][0]["settings"] = {"kiosk_mode": False}
    lists["apps"][0]["release_name"] = "first"
    checked = tenant.done(check_mode=True, **lists)
    assert tenant.simulator.writes() == []
    changed = tenant.done(**lists)
    assert sorted(tenant.writes()) == ["PATCH application", "PATCH content", "PATCH policy"]
    assert changed["counts"] == checked["counts"] == counts(updated=3, unchanged=5)
    assert changed["diff"] == checked["diff"]
    assert {record["option"]: record["fields"] for record in changed["objects"] if record["fields"]} == {
        "enterprise_policies[0]": ["settings"],
        "apps[0]": ["release_name"],
        "contents[0]": ["tags"],
    }
    assert tenant.done(**lists)["changed"] is False


def test_objects_are_deleted_in_the_opposite_order(tenant: Tenant, lists: Row) -> None:
    before = tenant.simulator.state()
    tenant.done(**lists)
    lists["apps"] = [{"package_name": TILL}]
    gone = {kind: [{**item, "state": "absent"} for item in items] for kind, items in lists.items()}
    for items in gone.values():
        for item in items:
            item.pop("settings", None)
    checked = tenant.done(check_mode=True, **gone)
    deleted = tenant.done(**gone)
    assert deleted["counts"] == checked["counts"] == counts(deleted=7)
    assert deleted["diff"] == checked["diff"]
    assert tenant.writes()[0] == "DELETE blueprints"
    assert Counter(tenant.writes()) == {
        "DELETE devicegroup": 3,
        "DELETE policy": 1,
        "DELETE application": 1,
        "DELETE content": 1,
        "DELETE blueprints": 1,
    }
    after = tenant.simulator.state()
    for kind in ("groups", "policies", "content", "applications", "blueprints"):
        assert after[kind] == before[kind]
    again = tenant.done(**gone)
    assert again["counts"] == counts(unchanged=7)
    assert tenant.simulator.writes() == []


@pytest.mark.parametrize("by", ["path", "name"])
def test_groups_are_deleted_before_their_parents(tenant: Tenant, by: str) -> None:
    tenant.done(device_groups=[{"path": "Unit/Berlin/Mitte", "create_parents": True}])
    gone: list[Row] = [{"path": "Unit"}, {"path": "Unit/Berlin"}, {"path": "Unit/Berlin/Mitte"}]
    if by == "name":
        gone = [{"name": "Unit"}, {"name": "Berlin", "parent": "Unit"}, {"name": "Mitte"}]
    ids = {group["name"]: group["id"] for group in tenant.simulator.state()["groups"]}
    assert tenant.done(device_groups=[{**item, "state": "absent"} for item in gone])["counts"] == counts(deleted=3)
    sent = [entry["path"].rstrip("/").rpartition("/")[2] for entry in tenant.simulator.writes()]
    assert sent == [ids["Mitte"], ids["Berlin"], ids["Unit"]]


def test_devices_of_deleted_groups_move_to_the_remaining_group(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": "Unit/Berlin/Mitte", "create_parents": True}])
    state = tenant.simulator.state(devices=True)
    mitte = next(group["id"] for group in state["groups"] if group["name"] == "Mitte")
    root = next(group["id"] for group in state["groups"] if group["path"] == ROOT)
    device = state["devices"][0]["id"]
    tenant.put_into(mitte, device)
    result = tenant.done(
        device_groups=[
            {"path": path, "state": "absent", "force": True} for path in ("Unit", "Unit/Berlin", "Unit/Berlin/Mitte")
        ]
    )
    assert result["counts"] == counts(deleted=3)
    (moved,) = [row for row in tenant.simulator.state(devices=True)["devices"] if row["id"] == device]
    assert moved["group_id"] == root


# --- blueprints and their references ----------------------------------------------------------------------------------


def test_a_blueprint_gets_the_replaced_content_file(tenant: Tenant, lists: Row, tmp_path: Path) -> None:
    tenant.done(**lists)
    old = tenant.ids("content")["unit.png"]
    tenant.done(blueprints=[{"name": "Other", "settings": {"android": {"files": using()["android"]["files"]}}}])
    file_of(tmp_path, "unit.png", "salad")
    checked = tenant.done(check_mode=True, **lists)
    warnings = tenant.warnings
    changed = tenant.done(**lists)
    # The only warning is about the blueprint that is not in this task.
    (warning,) = [text for text in warnings if "in use by" in text]
    assert warning.startswith(f"The content file 'unit.png' (ID {old}) is in use by the blueprint 'Other' (draft).")
    assert tenant.warnings == warnings
    new = tenant.ids("content")["unit.png"]
    assert new != old
    assert tenant.settings("Unit")["files"][0]["file_id"] == str(new)
    assert changed["counts"] == checked["counts"] == counts(updated=2, unchanged=6)
    assert changed["diff"] == checked["diff"]
    # The old content file is deleted when no blueprint refers to it.
    writes = tenant.writes()
    assert (writes[:2], writes[-2:]) == (["PATCH content", "POST content"], ["PUT blueprints", "DELETE content"])
    assert tenant.done(**lists)["changed"] is False


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_content_file_is_not_deleted_if_the_blueprint_does_not_get_its_replacement(
    tenant: Tenant, lists: Row, tmp_path: Path, on_error: str
) -> None:
    tenant.done(**lists)
    old = tenant.ids("content")["unit.png"]
    file_of(tmp_path, "unit.png", "salad")
    lists["contents"][0].pop("tags")
    tenant.before_apply = lambda: tenant.simulator.fault(kind="status", status=400, method="PUT", path="blueprints")
    result = tenant.run(**lists, on_error=on_error)
    assert (result["failed"], result["changed"]) == (True, True)
    assert "DELETE content" not in tenant.writes()
    said = messages(result)["contents[0]"]
    assert "Nothing is deleted, because blueprints[0] 'Unit' did not change." in said
    assert f"Marking the content file 'unit.png' as replaced was accepted (ID {old}). Uploading the content" in said
    assert tenant.settings("Unit")["files"][0]["file_id"] == str(old)
    # The next run changes the blueprint and deletes the old content file.
    tenant.done(**lists)
    assert sorted(tenant.writes()) == ["DELETE content", "PUT blueprints"]
    (row,) = [row for row in tenant.simulator.state()["content"] if row["name"] == "unit.png"]
    assert row["tags"] == ["unit"]
    assert tenant.settings("Unit")["files"][0]["file_id"] == str(row["id"])
    assert tenant.done(**lists)["changed"] is False


def test_a_blueprint_can_use_versions_that_the_task_uploads(tenant: Tenant, lists: Row, tmp_path: Path) -> None:
    tenant.done(**lists)
    lists["apps"] = [upload(tmp_path, 4), upload(tmp_path, 3)]
    lists["blueprints"].append({"name": "Third", "settings": using("3.0")})
    assert tenant.done(**lists)["counts"] == counts(created=3, updated=1, unchanged=5)
    versions = tenant.versions()
    assert tenant.settings("Unit")["apps"][0]["app_version_id"] == versions["4.0"]
    assert tenant.settings("Third")["apps"][0]["app_version_id"] == versions["3.0"]
    assert tenant.done(**lists)["changed"] is False


def test_the_latest_version_is_an_error_if_a_version_code_is_unknown(
    tenant: Tenant, lists: Row, tmp_path: Path
) -> None:
    tenant.done(**lists)
    new = upload(tmp_path, 3)
    del new["version_code"]
    # The module cannot read this manifest.
    Path(new["src"]).write_bytes(apk.unreadable())
    result = tenant.failing(apps=[new], blueprints=lists["blueprints"])
    assert "this task uploads a version without a version code" in messages(result)["blueprints[0]"]
    # The first version of an app is the latest.
    other = "com.example.unitother"
    first = {"src": str(tmp_path / f"{other}-1.0-1.apk"), "package_name": other, "version_name": "1.0"}
    Path(first["src"]).write_bytes(apk.unreadable())
    settings = using()
    settings["android"]["apps"][0]["package_name"] = other
    assert tenant.done(apps=[first], blueprints=[{"name": "Other", "settings": settings}])["counts"]["created"] == 2


def apps_of(version_name: str) -> Row:
    """Return settings of a blueprint with a version of the app."""
    return {"android": {"apps": using(version_name)["android"]["apps"]}}


@pytest.mark.parametrize("publish", [False, True])
def test_keep_versions_keeps_a_version_that_a_blueprint_of_the_task_adds(
    tenant: Tenant, tmp_path: Path, publish: bool
) -> None:
    tenant.done(apps=[upload(tmp_path, 1), upload(tmp_path, 2)])
    lists = {
        "apps": [upload(tmp_path, 3, keep_versions=2)],
        "blueprints": [{"name": "Unit", "settings": apps_of("1.0"), "publish": publish}],
    }
    checked = tenant.done(check_mode=True, **lists)
    warnings = tenant.warnings
    assert tenant.done(**lists)["diff"] == checked["diff"]
    assert warnings == tenant.warnings
    assert warnings == [
        f"The app '{TILL} 1.0 (1)' is kept, because it is in use by the blueprint 'Unit' (planned by this task)."
    ]
    assert sorted(tenant.versions()) == ["1.0", "2.0", "3.0"]
    assert tenant.done(**lists)["changed"] is False


def test_keep_versions_deletes_a_version_that_a_blueprint_of_the_task_removes(tenant: Tenant, tmp_path: Path) -> None:
    blueprint = {"name": "Unit", "settings": apps_of("1.0"), "publish": True}
    tenant.done(apps=[upload(tmp_path, 1), upload(tmp_path, 2)], blueprints=[blueprint])
    lists = {
        "apps": [upload(tmp_path, 3, keep_versions=2)],
        "blueprints": [{**blueprint, "settings": apps_of("3.0")}],
    }
    checked = tenant.done(check_mode=True, **lists)
    assert checked["counts"] == counts(created=1, updated=1)
    assert tenant.done(**lists)["diff"] == checked["diff"]
    # The blueprint is updated before the deletion.
    assert tenant.writes() == ["POST application", "PUT blueprints", "DELETE application"]
    assert sorted(tenant.versions()) == ["2.0", "3.0"]
    assert tenant.done(**lists)["changed"] is False


def test_a_draft_does_not_release_objects_of_the_published_version(tenant: Tenant, lists: Row) -> None:
    lists["blueprints"][0]["publish"] = True
    tenant.done(**lists)
    blueprint = {**lists["blueprints"][0], "publish": False, "exact": True}
    blueprint["settings"] = {"android": {"apps": [], "files": []}}
    gone = {
        "contents": [{"name": "unit.png", "state": "absent"}],
        "apps": [{"package_name": TILL, "version_name": "2.0", "state": "absent"}],
    }
    for blueprints in ([blueprint], []):
        # The first task plans the draft. The second task finds it.
        result = tenant.failing(**gone, blueprints=blueprints)
        for option in ("contents[0]", "apps[0]"):
            assert "is in use by the blueprint 'Unit' (published version). Remove" in messages(result)[option]
        tenant.done(blueprints=[blueprint])
    tenant.done(**gone, blueprints=[{**blueprint, "publish": True}])
    assert sorted(tenant.writes()) == ["DELETE application", "DELETE content", "PUT blueprints"]


@pytest.mark.parametrize("on_error", ["stop", "continue"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_object_is_kept_if_the_change_of_its_user_fails(
    tenant: Tenant, lists: Row, tmp_path: Path, on_error: str, state: str
) -> None:
    tenant.done(**lists)
    blueprint = {**lists["blueprints"][0], "exact": True, "settings": {"android": {"apps": [], "files": []}}}
    gone = {
        "contents": [{"name": "unit.png", "state": "absent"}],
        "apps": [upload(tmp_path, 3, keep_versions=1)],
        "on_error": on_error,
    }
    method = "PUT" if state == "present" else "DELETE"
    tenant.before_apply = lambda: tenant.simulator.fault(kind="status", status=400, method=method, path="blueprints")
    result = tenant.run(**gone, blueprints=[{**blueprint, "state": state}])
    assert result["failed"] is True
    assert sorted(tenant.writes()) == sorted(["POST application", f"{method} blueprints"])
    message = "Nothing is deleted, because blueprints[0] 'Unit' did not change."
    assert message in messages(result)["apps[0]"]
    assert actions(result)["contents[0]"] == ("skipped" if on_error == "stop" else "failed")
    assert "unit.png" in tenant.ids("content")
    assert sorted(tenant.versions()) == ["1.0", "2.0", "3.0"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_object_is_kept_if_the_deletion_of_its_user_cannot_be_planned(
    tenant: Tenant, lists: Row, check_mode: bool
) -> None:
    tenant.done(contents=lists["contents"])
    files = {"android": {"files": using()["android"]["files"]}}
    tenant.done(blueprints=[{"name": "Default", "settings": files, "publish": True}])
    result = tenant.failing(
        check_mode=check_mode,
        contents=[{"name": "unit.png", "state": "absent"}],
        # Device groups use it.
        blueprints=[{"name": "Default", "state": "absent"}],
        on_error="continue",
    )
    assert actions(result) == {"contents[0]": "failed", "blueprints[0]": "failed"}
    assert "is in use by the blueprint 'Default'" in messages(result)["contents[0]"]


def test_objects_can_be_deleted_with_the_blueprint_that_uses_them(tenant: Tenant, lists: Row) -> None:
    tenant.done(**lists)
    content, app = {"name": "unit.png", "state": "absent"}, {"package_name": TILL, "state": "absent"}
    result = tenant.failing(contents=[content], apps=[app])
    assert "is in use by the blueprint 'Unit' (draft)" in messages(result)["contents[0]"]
    assert "in use by the blueprint 'Unit' (draft)" in messages(result)["apps[0]"]
    tenant.done(contents=[content], apps=[app], blueprints=[{"name": "Unit", "state": "absent"}])
    assert tenant.writes()[0] == "DELETE blueprints"


def test_a_content_file_can_be_deleted_with_its_last_reference(tenant: Tenant, lists: Row) -> None:
    tenant.done(**lists)
    lists["blueprints"][0]["settings"]["android"]["files"] = []
    lists["blueprints"][0]["exact"] = True
    lists["contents"] = [{"name": "unit.png", "state": "absent"}]
    assert tenant.done(**lists)["counts"] == counts(updated=1, deleted=1, unchanged=6)
    assert tenant.writes() == ["PUT blueprints", "DELETE content"]


@pytest.mark.parametrize("by", ["name", "id"])
def test_objects_of_a_planned_blueprint_are_not_deleted(tenant: Tenant, lists: Row, by: str) -> None:
    blueprints = lists.pop("blueprints")
    tenant.done(**lists)
    file: Row = {"destination_path": "/sdcard/unit.png", "content": "unit.png"}
    app = blueprints[0]["settings"]["android"]["apps"][0]
    if by == "id":
        file = {"destination_path": "/sdcard/unit.png", "file_id": str(tenant.ids("content")["unit.png"])}
        app["app_version_id"] = tenant.versions()[app.pop("version_name") and "2.0"]
    blueprints[0]["settings"]["android"]["files"] = [file]
    gone = [{"package_name": TILL, "version_name": "2.0", "state": "absent"}]
    result = tenant.failing(blueprints=blueprints, contents=[{"name": "unit.png", "state": "absent"}], apps=gone)
    assert "is in use by the blueprint 'Unit' (planned by this task)" in messages(result)["contents[0]"]
    assert "in use by the blueprint 'Unit' (planned by this task)" in messages(result)["apps[0]"]
    assert actions(result)["blueprints[0]"] == "skipped"


def test_a_blueprint_with_a_missing_app_is_an_error(tenant: Tenant) -> None:
    result = tenant.failing(blueprints=[{"name": "Unit", "settings": using()}])
    assert f"The app '{TILL}' was not found" in messages(result)["blueprints[0]"]


# --- duplicates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_error", ["stop", "continue"])
@pytest.mark.parametrize(
    ("kind", "one", "other", "name"),
    [
        ("device_groups", {"path": "Unit/Berlin"}, {"path": "all devices/Unit/ Berlin"}, f"{ROOT}/Unit/Berlin"),
        ("device_groups", {"name": " Unit "}, {"name": "Unit", "state": "absent"}, "Unit"),
        ("device_groups", {"path": "Unit"}, {"name": "Unit", "parent": ROOT}, f"{ROOT}/Unit"),
        ("enterprise_policies", {"name": "Unit"}, {"name": "Unit "}, "Unit"),
        ("contents", {"name": "a", "state": "absent"}, {"name": "a", "state": "absent", "force": True}, "a"),
        (
            "apps",
            {"package_name": TILL, "version_name": "1", "state": "absent"},
            {"package_name": TILL, "version_name": "1", "default": True},
            f"{TILL} 1",
        ),
        ("blueprints", {"name": "Unit"}, {"name": "Unit", "publish": True}, "Unit"),
    ],
)
def test_a_duplicate_is_an_error_without_a_request(
    tenant: Tenant, kind: str, one: Row, other: Row, name: str, on_error: str
) -> None:
    result = tenant.failing(**{kind: [one, other], "on_error": on_error})
    assert tenant.simulator.journal() == []
    why = f"{kind}[0] and {kind}[1] both refer to the "
    assert set(messages(result)) == {f"{kind}[0]", f"{kind}[1]"}
    assert all(each.startswith(why) and f"'{name}'" in each for each in messages(result).values())
    # The message contains it once.
    assert result["msg"] == f"2 of 2 objects failed. {messages(result)[f'{kind}[0]']}"
    assert result["counts"] == counts(failed=2)


def test_other_objects_are_skipped_if_there_is_a_duplicate(tenant: Tenant) -> None:
    groups = [{"path": "Unit"}, {"path": "Other"}, {"path": "Unit"}]
    for check_mode in (True, False):
        result = tenant.run(check_mode=check_mode, device_groups=groups)
        assert result["counts"] == counts(failed=2, skipped=1)
        assert result["diff"] == []
    assert tenant.simulator.journal() == []


def test_a_file_of_a_directory_and_of_another_item_is_a_duplicate(tenant: Tenant, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    file_of(folder, "a.png", "a")
    file_of(folder, "b.png", "b")
    result = tenant.failing(contents=[{"src": str(folder)}, {"name": "b.png", "state": "absent"}])
    assert set(messages(result).values()) == {
        "contents[0] and contents[1] both refer to the content file 'b.png'. List it once."
    }
    assert [record["action"] for record in result["objects"]] == ["skipped", "failed", "failed"]
    assert tenant.done(contents=[{"src": str(folder)}])["counts"] == counts(created=2)


def test_an_object_with_two_identifiers_is_an_error_before_a_write_request(tenant: Tenant, lists: Row) -> None:
    tenant.done(**lists)
    ids = {group["path"]: group["id"] for group in tenant.simulator.state()["groups"]}
    policy, content = tenant.ids("policies")["Unit"], tenant.ids("content")["unit.png"]
    result = tenant.failing(
        device_groups=[{"path": "Unit/Berlin"}, {"id": ids[f"{ROOT}/Unit/Berlin"].upper(), "name": "Berlin"}],
        enterprise_policies=[{"name": "Unit", "state": "absent"}, {"id": policy}],
        contents=[{"id": content, "state": "absent"}, lists["contents"][0]],
        apps=[
            {"package_name": TILL, "version_name": "2.0", "state": "absent"},
            {"package_name": TILL, "version_code": 2, "default": True},
        ],
    )
    assert result["counts"] == counts(failed=8)
    for kind in ("device_groups", "enterprise_policies", "contents", "apps"):
        told = [text for place, text in messages(result).items() if place.startswith(kind)]
        assert all(text.startswith(f"{kind}[0] and {kind}[1] both refer to the") for text in told)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("device_groups", {"path": "Unit"}, {"name": "Unit"}),
        ("device_groups", {"path": "Stores/Unit"}, {"name": "Unit", "parent": "Stores"}),
    ],
)
def test_a_new_object_with_two_identifiers_is_an_error(tenant: Tenant, kind: str, one: Row, other: Row) -> None:
    for several in ([one, other], [other, one]):
        assert "both refer to the" in messages(tenant.failing(**{kind: several}))[f"{kind}[0]"]


def test_a_new_version_with_two_identifiers_is_an_error(tenant: Tenant, tmp_path: Path) -> None:
    whole, vague = upload(tmp_path, 1), upload(tmp_path, 1)
    del vague["version_code"]
    for several in ([whole, vague], [vague, whole]):
        assert "both refer to the app" in messages(tenant.failing(apps=several))["apps[0]"]
    tenant.done(apps=[whole])
    new, unclear = upload(tmp_path, 2), upload(tmp_path, 2)
    del unclear["version_code"]
    assert "both refer to the app" in messages(tenant.failing(apps=[new, unclear]))["apps[0]"]


# --- moved and deleted groups -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["path", "ID"])
@pytest.mark.parametrize(("path", "slashes"), [("Unit", 0), ("Unit/Berlin", 0), ("Unit/Berlin/Mitte", 1)])
def test_a_group_with_a_parent_takes_four_requests(tenant: Tenant, way: str, path: str, slashes: int) -> None:
    path = f"{ROOT}/{path}"
    tenant.done(device_groups=[{"path": path, "create_parents": True}])
    parent = next(group["id"] for group in tenant.simulator.state()["groups"] if group["path"] == path)
    groups = [{"name": "Lobby", "parent": path if way == "path" else parent}]
    assert tenant.done(device_groups=groups)["counts"] == counts(created=1)
    # The tenant's ID, the group and its parent. The path of a deep parent can contain names with a slash.
    assert [entry["method"] for entry in tenant.simulator.journal()] == ["GET"] * (3 + slashes) + ["POST"]
    assert f"{path}/Lobby" in tenant.paths


@pytest.mark.parametrize("turned", [False, True])
def test_a_group_is_renamed_by_id_and_addressed_by_its_new_name(tenant: Tenant, turned: bool) -> None:
    tenant.done(device_groups=[{"path": "Unit/Berlin", "create_parents": True}])
    unit = next(group["id"] for group in tenant.simulator.state()["groups"] if group["path"] == f"{ROOT}/Unit")
    groups: list[Row] = [{"id": unit, "name": "Chain"}, {"name": "Lobby", "parent": "Chain"}, {"path": "Chain/Berlin"}]
    groups = groups[::-1] if turned else groups
    assert tenant.done(device_groups=groups)["counts"] == counts(updated=1, created=1, unchanged=1)
    assert f"{ROOT}/Chain/Lobby" in tenant.paths
    assert tenant.done(device_groups=groups)["changed"] is False
    old = [{"id": unit, "name": "Unit"}, {"name": "Foyer", "parent": "Chain"}]
    assert "'Chain'" in messages(tenant.failing(device_groups=old))["device_groups[1]"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_group_is_renamed_and_others_are_created_below_its_new_path(tenant: Tenant, turned: bool) -> None:
    tenant.done(device_groups=[{"path": "Unit/Berlin/Mitte", "create_parents": True}])
    groups = [
        {"path": "Unit", "new_path": "Chain"},
        {"path": "Chain/Berlin"},
        {"path": "Chain/Berlin/Mitte/Lobby"},
        {"path": "Chain/Hamburg"},
    ]
    groups = groups[::-1] if turned else groups
    checked = tenant.done(check_mode=True, device_groups=groups)
    result = tenant.done(device_groups=groups)
    assert result["counts"] == checked["counts"] == counts(updated=1, created=2, unchanged=1)
    assert result["diff"] == checked["diff"]
    made = [path for path in tenant.paths if "Unit" in path or "Chain" in path]
    assert made == [
        f"{ROOT}/Chain",
        f"{ROOT}/Chain/Berlin",
        f"{ROOT}/Chain/Berlin/Mitte",
        f"{ROOT}/Chain/Berlin/Mitte/Lobby",
        f"{ROOT}/Chain/Hamburg",
    ]
    assert tenant.done(device_groups=groups)["changed"] is False
    assert tenant.simulator.writes() == []


def test_a_group_is_moved_into_a_new_group(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": "Unit/Berlin", "create_parents": True}])
    groups = [
        {"path": "Unit/Berlin", "new_path": "Chain/North/Berlin"},
        {"path": "Chain/North"},
        {"path": "All devices/Chain"},
        {"path": "Unit", "state": "absent"},
    ]
    assert tenant.done(device_groups=groups)["counts"] == counts(created=2, updated=1, deleted=1)
    assert [path for path in tenant.paths if "Unit" in path or "Chain" in path] == [
        f"{ROOT}/Chain",
        f"{ROOT}/Chain/North",
        f"{ROOT}/Chain/North/Berlin",
    ]
    assert tenant.done(device_groups=groups)["counts"] == counts(unchanged=4)


@pytest.mark.parametrize(
    "instead",
    [
        {"path": "Unit/Berlin", "create_parents": True},
        {"path": "Other", "new_path": "Unit"},
        {"name": "Unit", "parent": ROOT, "create_parents": True},
    ],
)
def test_the_path_of_a_moved_group_cannot_be_used_by_the_same_task(tenant: Tenant, instead: Row) -> None:
    tenant.done(device_groups=[{"path": "Unit"}, {"path": "Other"}])
    moved = {"name": "Unit", "new_path": "Chain"}
    for several in ([moved, instead], [instead, moved]):
        told = " ".join(messages(tenant.failing(device_groups=several)).values())
        assert "The same task moves away" in told or "both refer to the" in told or "another group" in told


def test_a_slash_in_the_name_of_a_planned_parent_is_part_of_the_name(tenant: Tenant) -> None:
    wanted: list[Row] = [
        {"path": r"Unit\/Berlin/Mitte/Lobby"},
        {"path": "Unit/Berlin/Mitte"},
        {"name": "Mitte", "parent": r"Unit\/Berlin"},
        {"name": "Unit/Berlin"},
        {"path": "Unit"},
        {"name": "Berlin", "parent": "Unit"},
    ]
    before = tenant.paths
    checked = tenant.done(device_groups=wanted, check_mode=True)
    done = tenant.done(device_groups=wanted)
    assert done["diff"] == checked["diff"]
    assert [record["name"] for record in done["objects"]] == [
        rf"{ROOT}/Unit\/Berlin/Mitte/Lobby",
        f"{ROOT}/Unit/Berlin/Mitte",
        r"Mitte in Unit\/Berlin",
        "Unit/Berlin",
        f"{ROOT}/Unit",
        "Berlin in Unit",
    ]
    new = sorted(set(tenant.paths) - set(before))
    # Esper does not distinguish them.
    assert new == [f"{ROOT}/Unit", *[f"{ROOT}/Unit/Berlin{rest}" for rest in ("", "/Mitte", "/Mitte/Lobby")]]
    assert len(tenant.paths) - len(before) == 6
    assert tenant.done(device_groups=wanted)["counts"] == counts(unchanged=6)


def test_two_groups_cannot_move_to_the_same_path(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": "Unit"}, {"path": "Other"}])
    moves = [{"path": "Unit", "new_path": "Chain"}, {"path": "Other", "new_path": "Chain"}]
    assert "another group has this path" in messages(tenant.failing(device_groups=moves))["device_groups[1]"]


@pytest.mark.parametrize(
    "kept",
    [
        {"path": "Unit"},
        {"path": "Unit/Berlin"},
        {"path": "Unit/Bonn"},
        {"path": "Unit/Bonn/Centre", "create_parents": True},
        {"path": "Unit/Berlin", "new_path": "Unit/Bonn"},
        {"path": "Other", "new_path": "Unit/Other"},
    ],
)
def test_a_group_with_a_kept_subgroup_is_not_deleted(tenant: Tenant, kept: Row) -> None:
    tenant.done(device_groups=[{"path": "Unit/Berlin", "create_parents": True}, {"path": "Other"}])
    gone = {"name": "Unit", "state": "absent", "recursive": True}
    for several in ([kept, gone], [gone, kept]):
        result = tenant.failing(device_groups=several)
        place = f"device_groups[{several.index(gone)}]"
        told = messages(result)[place]
        assert "both refer to the" in told or "this task keeps" in told


def test_an_empty_group_is_not_deleted_if_it_gets_a_subgroup(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": "Unit"}])
    gone, inside = {"path": "Unit", "state": "absent"}, {"path": "Unit/Berlin"}
    assert "has 1 group below it" in messages(tenant.failing(device_groups=[gone, inside]))["device_groups[0]"]


def test_a_subgroup_of_a_deleted_group_can_also_be_listed(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": f"Unit/{name}", "create_parents": True} for name in ("Berlin", "Bonn")])
    gone = [{"path": "Unit/Berlin", "state": "absent"}, {"path": "Unit", "state": "absent", "recursive": True}]
    assert tenant.done(device_groups=gone)["counts"] == counts(deleted=2)
    assert tenant.writes() == ["DELETE devicegroup"] * 3
    assert not any("Unit" in path for path in tenant.paths)


def test_a_parent_that_another_group_creates_can_also_be_listed(tenant: Tenant) -> None:
    groups = [{"path": "Unit/Berlin/Mitte", "create_parents": True}, {"path": "Unit/Berlin"}]
    assert tenant.done(device_groups=groups)["counts"] == counts(created=1, unchanged=1)
    assert tenant.done(device_groups=groups)["counts"] == counts(unchanged=2)
    gone = {"path": "Unit/New", "state": "absent"}
    made = {"path": "Unit/New/Lobby", "create_parents": True}
    told = messages(tenant.failing(device_groups=[gone, made]))["device_groups[0]"]
    assert told == f"Cannot delete: device_groups[1] '{ROOT}/Unit/New/Lobby' creates it in this task."


def test_keep_versions_counts_all_versions_of_the_task(tenant: Tenant, tmp_path: Path) -> None:
    tenant.done(apps=[upload(tmp_path, 1), upload(tmp_path, 2)])
    apps = [upload(tmp_path, code, keep_versions=2) for code in (3, 4)]
    tenant.done(apps=apps)
    assert set(tenant.versions()) == {"3.0", "4.0"}
    assert tenant.writes() == ["POST application"] * 2 + ["DELETE application"] * 2
    assert tenant.done(apps=apps)["changed"] is False
    apps = [upload(tmp_path, 5), upload(tmp_path, 6, keep_versions=1)]
    assert "which the same task uploads" in messages(tenant.failing(apps=apps))["apps[1]"]


def test_a_version_that_the_task_lists_is_not_deleted(tenant: Tenant, tmp_path: Path) -> None:
    tenant.done(apps=[upload(tmp_path, 1), upload(tmp_path, 2)])
    kept = {"package_name": TILL, "version_name": "1.0"}
    for more in (
        {"package_name": TILL, "state": "absent"},
        {"package_name": TILL, "version_name": "2.0", "keep_versions": 1},
    ):
        told = messages(tenant.failing(apps=[more, kept]))["apps[0]"]
        assert told == f"Cannot delete: this task keeps apps[1] '{TILL} 1.0', which depends on it."
    told = messages(tenant.failing(apps=[{"package_name": TILL, "state": "absent"}, upload(tmp_path, 3)]))["apps[0]"]
    assert "this task keeps" in told


# --- failures ---------------------------------------------------------------------------------------------------------


def test_no_object_is_started_after_a_failure(tenant: Tenant, lists: Row) -> None:
    tenant.options = {"retries": 0}
    tenant.simulator.fault(kind="status", status=500, method="POST", path="/devicegroup/", after=1)
    result = tenant.run(**lists)
    # Other kinds do not depend on groups, so they may have been started.
    told = actions(result)
    assert told["device_groups[1]"] == "created"
    assert told["device_groups[2]"] == "failed"
    assert told["device_groups[0]"] == "skipped"
    assert result["failed"] is True
    assert result["changed"] is True
    assert result["msg"].startswith("1 of 8 objects failed. device_groups[2] 'All devices/Unit/Berlin': Creating the")
    assert "returned HTTP 500" in messages(result)["device_groups[2]"]
    assert [
        record["fields"] for record in result["objects"] if record["option"] in ("device_groups[0]", "device_groups[2]")
    ] == [[]] * 2
    assert "Berlin" not in json.dumps(result["diff"])
    tenant.options = {}
    missing = list(told.values()).count("skipped") + 1
    assert tenant.done(**lists)["counts"] == counts(created=missing, unchanged=8 - missing)
    assert tenant.done(**lists)["changed"] is False


def test_dependent_objects_fail_and_other_objects_are_processed(tenant: Tenant) -> None:
    groups = [{"path": path} for path in ("Unit/Berlin/Mitte", "Unit", "Unit/Berlin")]
    policies = [{"name": "Other", "settings": {"kiosk_mode": True}}]
    tenant.simulator.fault(kind="status", status=403, method="POST", path="/devicegroup/")
    result = tenant.run(device_groups=groups, enterprise_policies=policies, on_error="continue")
    assert result["counts"] == counts(created=1, failed=3)
    told = messages(result)
    assert f"Creating the device group '{ROOT}/Unit' failed" in told["device_groups[1]"]
    assert told["device_groups[2]"] == f"Depends on device_groups[1] '{ROOT}/Unit', which failed."
    assert told["device_groups[0]"] == f"Depends on device_groups[2] '{ROOT}/Unit/Berlin', which failed."
    assert f"device_groups[1] '{ROOT}/Unit': Creating" in result["msg"]
    assert result["msg"].startswith("3 of 4 objects failed.")
    assert result["changed"] is True
    assert tenant.done(device_groups=groups, enterprise_policies=policies)["counts"] == counts(created=3, unchanged=1)


def test_an_object_that_cannot_be_planned_stops_the_task_or_fails_alone(tenant: Tenant, lists: Row) -> None:
    lists["device_groups"].append({"path": "Nowhere/Lost"})
    lists["enterprise_policies"].append({"id": 999999})
    lists["blueprints"].append({"name": "Lost", "settings": using("9.9")})
    result = tenant.failing(**lists)
    assert result["counts"] == counts(failed=3, skipped=8)
    assert set(messages(result)) == {"device_groups[3]", "enterprise_policies[1]", "blueprints[1]"}
    assert tenant.run(check_mode=True, **lists)["counts"] == result["counts"]
    lists["on_error"] = "continue"
    checked = tenant.run(check_mode=True, **lists)
    assert tenant.simulator.writes() == []
    result = tenant.run(**lists)
    assert result["counts"] == checked["counts"] == counts(created=8, failed=3)
    assert result["diff"] == checked["diff"]
    assert messages(result) == messages(checked)
    assert result["failed"] is checked["failed"] is True


def test_the_message_contains_the_first_errors_and_the_number_of_others(tenant: Tenant) -> None:
    result = tenant.failing(device_groups=[{"path": f"Nowhere/{number}"} for number in range(5)])
    assert result["msg"].startswith("5 of 5 objects failed. device_groups[0] 'All devices/Nowhere/0': The device group")
    assert "device_groups[2] 'All devices/Nowhere/2': " in result["msg"]
    assert "device_groups[3]" not in result["msg"]
    assert result["msg"].endswith(" See objects for 2 more errors.")
    assert len(messages(result)) == 5


def test_an_object_that_depends_on_a_duplicate_fails_in_the_plan(tenant: Tenant) -> None:
    groups = [{"path": "Unit"}, {"path": "Unit/Berlin"}, {"name": "Unit"}]
    checked = tenant.run(check_mode=True, device_groups=groups, on_error="continue")
    result = tenant.failing(device_groups=groups, on_error="continue")
    assert result["counts"] == checked["counts"] == counts(failed=3)
    needs = f"Depends on device_groups[0] '{ROOT}/Unit', which failed."
    assert messages(result)["device_groups[1]"] == messages(checked)["device_groups[1]"] == needs


def test_an_incomplete_deletion_is_changed(tenant: Tenant) -> None:
    tenant.options = {"retries": 0}
    tenant.done(device_groups=[{"path": "Unit/Berlin/Mitte", "create_parents": True}])
    tenant.simulator.fault(kind="status", status=403, method="DELETE", path="/devicegroup/", after=1)
    gone = [{"path": "Unit", "state": "absent", "recursive": True}]
    result = tenant.run(device_groups=gone)
    assert result["counts"] == counts(failed=1)
    assert result["changed"] is True
    assert tenant.done(device_groups=gone)["counts"] == counts(deleted=1)


def test_nothing_is_deleted_after_the_failure_of_a_blueprint(tenant: Tenant, lists: Row, tmp_path: Path) -> None:
    tenant.done(**lists)
    old = tenant.ids("content")["unit.png"]
    file_of(tmp_path, "unit.png", "salad")
    tenant.options = {"retries": 0}
    tenant.simulator.fault(kind="status", status=403, method="PUT", path="/blueprints/")
    result = tenant.run(
        contents=lists["contents"],
        blueprints=lists["blueprints"],
        enterprise_policies=[{"name": "Unit", "state": "absent"}],
    )
    assert actions(result) == {
        "contents[0]": "failed",
        "blueprints[0]": "failed",
        "enterprise_policies[0]": "skipped",
    }
    assert old in [row["id"] for row in tenant.simulator.state()["content"]]
    assert "Unit" in tenant.ids("policies")


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "status"])
def test_an_object_is_created_once_if_the_response_is_lost(tenant: Tenant, lists: Row, kind: str) -> None:
    before = tenant.simulator.state()
    more = {"status": 502, "processed": True} if kind == "status" else {}
    for path in ("/devicegroup/", "/policy/", "/content/upload/", "/application/upload/", "/blueprints/"):
        tenant.simulator.fault(kind=kind, method="POST", path=path, **more)
    assert tenant.done(**lists)["counts"] == counts(created=8)
    after = tenant.simulator.state()
    for name, count in {"groups": 3, "policies": 1, "content": 1, "applications": 1, "blueprints": 1}.items():
        assert len(after[name]) == len(before[name]) + count
    assert len(tenant.versions()) == 2
    assert tenant.done(**lists)["changed"] is False


def test_objects_are_created_once_if_parallel_responses_are_lost(tenant: Tenant, tmp_path: Path) -> None:
    before = len(tenant.simulator.state()["content"])
    tenant.simulator.fault(kind="drop_after", method="POST", path="/content/upload/", times=20)
    contents = [{"src": file_of(tmp_path, f"{number}.txt", f"{number}")} for number in range(20)]
    assert tenant.done(contents=contents)["counts"] == counts(created=20)
    assert len(tenant.simulator.state()["content"]) == before + 20


def test_an_object_that_another_client_creates_is_updated(tenant: Tenant) -> None:
    policy = {"name": "Unit", "settings": {"kiosk_mode": True}}
    groups = [{"path": "Unit"}, {"path": "Unit/Berlin"}]

    def create_objects() -> None:
        Tenant(tenant.simulator).done(
            device_groups=[{"path": "Unit"}],
            enterprise_policies=[{"name": "Unit", "settings": {"kiosk_mode": False, "camera_disabled": True}}],
        )

    tenant.before_apply = create_objects
    result = tenant.done(device_groups=groups, enterprise_policies=[policy])
    assert result["counts"] == counts(created=3)
    assert tenant.done(device_groups=groups, enterprise_policies=[policy])["changed"] is False
    (row,) = [row for row in tenant.simulator.state()["policies"] if row["name"] == "Unit"]
    assert (row["policy"]["kioskMode"], row["policy"]["cameraDisabled"]) == (True, True)


def test_an_object_that_another_client_deletes_is_deleted(tenant: Tenant) -> None:
    tenant.done(enterprise_policies=[{"name": "Unit"}, {"name": "Other"}])
    gone = [{"name": "Unit", "state": "absent"}, {"name": "Other", "state": "absent"}]
    tenant.before_apply = lambda: Tenant(tenant.simulator).done(enterprise_policies=gone[:1])
    assert tenant.done(enterprise_policies=gone)["counts"] == counts(deleted=2)


def test_an_ambiguous_name_is_an_error_of_its_object(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": f"Unit/{city}/Lobby", "create_parents": True} for city in ("Berlin", "Bonn")])
    result = tenant.failing(device_groups=[{"path": "Unit"}, {"name": "Lobby"}])
    assert (
        "'Lobby' is ambiguous: 2 objects match (All devices/Unit/Berlin/Lobby," in messages(result)["device_groups[1]"]
    )
    assert actions(result)["device_groups[0]"] == "unchanged"


# --- unusual lists ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, []])
def test_no_objects_take_no_request(tenant: Tenant, nothing: t.Any) -> None:
    result = tenant.done(device_groups=nothing, apps=nothing)
    assert {**result, "plan_checksum": ""} == {
        "changed": False,
        "counts": NOTHING,
        "objects": [],
        "diff": [],
        "not_in_tree": [],
        "accepted_deviations": [],
        "plan_checksum": "",
    }
    assert tenant.simulator.journal() == []
    assert tenant.done() == result


def test_options_that_are_null_are_not_set(tenant: Tenant, lists: Row) -> None:
    content = {**lists["contents"][0], "description": None}
    assert tenant.done(contents=[content], device_groups=None)["counts"] == counts(created=1)


def test_an_item_with_an_empty_name_fails_alone(tenant: Tenant) -> None:
    policies = [{"name": None}, {"name": " "}, {"id": 4711, "name": ""}, {"name": "Kiosks"}]
    result = tenant.failing(enterprise_policies=policies)
    assert tenant.simulator.journal() == []
    assert (
        messages(result)
        == {
            "enterprise_policies[0]": "name must not be null.",
            "enterprise_policies[1]": "name must not be empty.",
            "enterprise_policies[2]": "name must not be empty.",
        }
        or "enterprise_policies[3]" in result["msg"]
    )
    assert result["counts"] == counts(failed=3, skipped=1)


def test_an_item_that_another_task_creates_is_omitted_from_the_plan(tenant: Tenant) -> None:
    result = tenant.run(check_mode=True, enterprise_policies=[{"id": None, "active": True}, {"name": "Kiosks"}])
    assert [record["name"] for record in result["objects"]] == ["Kiosks"]
    assert any("enterprise_policies[0]: id is null in check mode" in warning for warning in tenant.warnings)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"name": "a3", "activ": True}, "enterprise_policies[0] 'a3': unknown option activ (did you mean active?)."),
        (
            {"name": "a3", "settings": {"adb_disable": True}},
            "enterprise_policies[0] 'a3': unknown option settings.adb_disable (did you mean adb_disabled?).",
        ),
        ({"name": "a3", "zzz": 1}, "enterprise_policies[0] 'a3': unknown option zzz."),
        ({"name": "a3", "active": "perhaps"}, "enterprise_policies[0] 'a3': "),
        ({"name": "a3", "settings": {"settings_access_level": "ALL"}}, "enterprise_policies[0] 'a3': "),
    ],
)
def test_a_typo_is_an_error_with_the_option_path_and_the_closest_name(tenant: Tenant, item: Row, message: str) -> None:
    result = tenant.run(enterprise_policies=[item, {"name": "Kiosks"}], on_error="continue")
    assert result["failed"] is True
    assert result["msg"].startswith(message)
    assert tenant.simulator.journal() == []


def test_an_invalid_value_is_reported_with_its_object_once(tenant: Tenant) -> None:
    policy = {"name": "Strict", "settings": {"minimum_password_length": 3}}
    result = tenant.failing(enterprise_policies=[policy])
    error = "Invalid parameters: settings.minimum_password_length is 3; the minimum is 4."
    assert messages(result) == {"enterprise_policies[0]": error}
    assert result["msg"].endswith(f"enterprise_policies[0] 'Strict': {error}")


def test_a_missing_file_is_an_error_before_a_request(tenant: Tenant, tmp_path: Path) -> None:
    result = tenant.failing(contents=[{"src": str(tmp_path / "no.png")}], device_groups=[{"path": "Unit"}])
    assert messages(result) == {"contents[0]": f"Cannot read '{tmp_path}/no.png': No such file or directory."}
    assert actions(result)["device_groups[0]"] == "skipped"
    assert tenant.simulator.journal() == []


# --- requests ---------------------------------------------------------------------------------------------------------

_LISTS = {
    "device_groups": ("/devicegroup/", "path"),
    "enterprise_policies": ("/policy/", "name"),
    "blueprints": ("/v2/blueprints/", "name"),
}


@pytest.mark.parametrize("kind", _LISTS)
@pytest.mark.parametrize("count", [5, 6])
def test_many_objects_are_read_in_a_list_and_a_few_by_name(tenant: Tenant, kind: str, count: int) -> None:
    path, option = _LISTS[kind]
    items = [{option: f"Unit {number}"} for number in range(count)]
    for created in (count, 0):
        assert tenant.done(**{kind: items})["counts"]["created"] == created
        queries = [entry["query"] for entry in tenant.journal("GET", path)]
        names = sum("name" in query or "name_exact" in query for query in queries)
        if count > 5:
            assert (names, len(queries)) == (0, 1)
        else:
            assert names == len(queries) >= count


def test_groups_are_read_from_several_pages(tenant: Tenant) -> None:
    tenant.simulator.reset(groups=620)
    groups = [{"path": path} for path in tenant.paths[-20:] if path != ROOT]
    assert tenant.done(device_groups=[*groups, {"path": "Unit"}])["counts"] == counts(created=1, unchanged=20)
    offsets = [entry["query"].get("offset", "0") for entry in tenant.journal("GET", "/devicegroup/")]
    # The pages after the first one are read at the same time.
    assert (offsets[0], sorted(offsets)) == ("0", ["0", "250", "500"])


def test_progress_is_reported_for_many_objects(tenant: Tenant) -> None:
    tenant.done(device_groups=[{"path": f"Unit {number}"} for number in range(40)])
    planned, *completed = tenant.progress
    assert planned == "Planned 40 objects: 40 created"
    assert completed == [f"Completed {count} of 40 objects: device groups {count} of 40" for count in range(4, 41, 4)]


def test_progress_does_not_exceed_the_number_of_objects(tenant: Tenant, tmp_path: Path) -> None:
    contents = [{"src": file_of(tmp_path, f"{number}.txt", "soup")} for number in range(20)]
    tenant.done(contents=contents)
    for number in range(20):
        file_of(tmp_path, f"{number}.txt", "salad")
    # The old content files of failed objects are not deleted.
    tenant.simulator.fault(kind="status", status=403, method="POST", path="/content/upload/", times=5)
    assert tenant.run(contents=contents, on_error="continue")["counts"] == counts(updated=15, failed=5)
    assert tenant.progress[-1] == "Completed 20 of 20 objects: content files 20 of 20"
    assert len(tenant.progress) == 11


def test_results_do_not_contain_secrets(tenant: Tenant) -> None:
    policy = {"name": "Unit", "settings": {"settings_app_password": "correct horse", "kiosk_mode": True}}
    assert "correct horse" not in json.dumps(tenant.done(enterprise_policies=[policy]))
    tenant.simulator.fault(kind="status", status=403, method="PATCH", path="/policy/")
    policy["settings"]["kiosk_mode"] = False
    result = tenant.run(enterprise_policies=[policy])
    assert result["failed"] is True
    assert "correct horse" not in json.dumps(result)


# --- properties -------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "Ä b", "c.d")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)


@st.composite
def trees(draw: st.DrawFn) -> list[str]:
    """Return the paths of some groups and of all their parents, in any order."""
    ends = draw(st.lists(PATHS, min_size=1, max_size=6, unique=True))
    whole = {path.rsplit("/", cut)[0] for path in ends for cut in range(path.count("/") + 1)}
    return draw(st.permutations(sorted(whole)))


def spelt(path: str, how: int) -> Row:
    """Return a group with its path in one of several forms."""
    above, _slash, name = path.rpartition("/")
    return (
        {"path": path},
        {"path": f" {ROOT.upper()} /{path} "},
        {"name": f" {name}", "parent": f"{ROOT}/{above}" if above else ROOT},
    )[how]


@settings(max_examples=25)
@given(tree=trees(), how=st.lists(st.integers(0, 2), min_size=1), data=st.data())
def test_any_tree_is_created_and_deleted_in_any_order(
    running: Simulator, tree: list[str], how: list[int], data: st.DataObject
) -> None:
    running.reset(groups=0)
    tenant = Tenant(running)
    groups = [spelt(path, how[number % len(how)]) for number, path in enumerate(tree)]
    assert tenant.done(device_groups=groups)["counts"] == counts(created=len(tree))
    assert tenant.paths == sorted([ROOT, *(f"{ROOT}/{path}" for path in tree)])
    assert tenant.done(device_groups=groups)["counts"] == counts(unchanged=len(tree))
    assert tenant.simulator.writes() == []
    # Some groups are deleted with their subgroups.
    chosen = data.draw(st.sets(st.sampled_from(tree)))
    going = [path for path in tree if any(f"{path}/".startswith(f"{top}/") for top in chosen)]
    mixed = [{**group, "state": "absent"} if path in going else group for group, path in zip(groups, tree, strict=True)]
    left = len(tree) - len(going)
    assert tenant.done(device_groups=mixed)["counts"] == counts(deleted=len(going), unchanged=left)
    assert tenant.paths == sorted([ROOT, *(f"{ROOT}/{path}" for path in tree if path not in going)])
    assert tenant.done(device_groups=mixed)["counts"] == counts(unchanged=len(tree))


@settings(max_examples=25)
@given(old=trees(), new=trees())
def test_the_plan_predicts_the_change_from_one_tree_to_another(
    running: Simulator, old: list[str], new: list[str]
) -> None:
    running.reset(groups=0)
    tenant = Tenant(running)
    tenant.done(device_groups=[{"path": path, "create_parents": True} for path in old])
    groups: list[Row] = [{"path": path} for path in new]
    groups += [{"path": path, "state": "absent"} for path in old if path not in new]
    checked = tenant.run(check_mode=True, device_groups=groups)
    assert tenant.simulator.writes() == []
    result = tenant.done(device_groups=groups)
    assert (result["counts"], result["diff"]) == (checked["counts"], checked["diff"])
    assert tenant.paths == sorted([ROOT, *(f"{ROOT}/{path}" for path in new)])
