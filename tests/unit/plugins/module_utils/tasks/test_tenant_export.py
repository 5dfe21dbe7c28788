# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports of a whole tenant, and their files."""

from __future__ import annotations

import json
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.esper.cloud.plugins.module_utils.model.kind import Shape
from ansible_collections.esper.cloud.plugins.module_utils.model.module_spec import Option
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant_export import EXPORTED_KINDS
from ansible_collections.esper.cloud.plugins.module_utils.tree.deviations import ACCEPTED_DEVIATIONS
from ansible_collections.esper.cloud.plugins.module_utils.tree.documents import Evaluation
from ansible_collections.esper.cloud.plugins.module_utils.tree.reader import Root, read_trees
from ansible_collections.esper.cloud.plugins.module_utils.tree.writer import MARKER
from ansible_collections.esper.cloud.tests.laws import trees
from ansible_collections.esper.cloud.tests.laws.objects import objects_of, preparation_of
from ansible_collections.esper.cloud.tests.laws.preparations import PREPARATIONS, Row
from ansible_collections.esper.cloud.tests.laws.subjects import subjects
from ansible_collections.esper.cloud.tests.laws.world import Run, World

SUBJECTS = {subject.name: subject for subject in subjects()}
# What only Esper and people can create: the builds and device models that the other tenant has too, and users.
_NOT_CREATED = ("foundry_build", "foundry_device_model", "user")


@pytest.fixture(autouse=True)
def _folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.simulator.reset()
    monkeypatch.chdir(world.folder)


def export(world: World, name: str = "tree", *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.must("tenant_export", {"dest": str(world.folder / name), **options}, check_mode=check_mode)


def files_in(tree: Path) -> dict[str, str]:
    return {str(file.relative_to(tree)): file.read_text() for file in sorted(tree.rglob("*.yml"))}


def with_paths(value: t.Any, tree: Path) -> t.Any:
    """Return the options of a tree with the paths of its files, as the module tenant reads them."""
    if isinstance(value, dict):
        return {name: with_paths(item, tree) for name, item in value.items()}
    if isinstance(value, list):
        return [with_paths(item, tree) for item in value]
    return str(tree / value) if isinstance(value, str) and value.startswith("files/") else value


def prepare(world: World, name: str) -> None:
    preparation = PREPARATIONS.get(name)
    if preparation is not None:
        for file, data in preparation.files.items():
            (world.folder / file).write_bytes(data)
        for module, options in preparation.tasks:
            world.must(module, options)


# --- round trips ------------------------------------------------------------------------------------------------------


def test_an_export_creates_the_same_objects_in_another_tenant(world: World) -> None:
    names = [kind.name for kind in EXPORTED_KINDS if kind.name not in _NOT_CREATED]
    for name in names:
        prepare(world, name)
        world.must(name, _without_networks(objects_of(SUBJECTS[name]).create))
    export(world, "one", kinds=names, download=True)
    tree = with_paths(trees.read(world.folder / "one", secret="secret-of-the-tree"), world.folder / "one")
    assert tree.keys() >= {SUBJECTS[name].plural if not SUBJECTS[name].singleton else name for name in names}

    world.simulator.reset(seed=8)
    for name in ("blueprint", "google_play_app"):
        # Files, and what a person does at Google.
        prepare(world, name)
    singletons = [kind.tenant_option for kind in KINDS if kind.shape is Shape.SINGLETON]
    lists: Row = {option: rows[0] if option in singletons else rows for option, rows in tree.items()}
    assert world.must("tenant", lists).changed
    export(world, "other", kinds=names, download=True)
    assert files_in(world.folder / "other") == files_in(world.folder / "one")


def _without_networks(value: t.Any) -> t.Any:
    """Return options without Wi-Fi networks, which have no names."""
    if not isinstance(value, dict):
        return value
    return {name: _without_networks(item) for name, item in value.items() if name != "wifi_networks"}


def test_the_module_tenant_reads_an_export(world: World) -> None:
    world.must("role", {"name": "Field", "description": "{{ 1 }} #"})
    export(world, kinds=[kind.name for kind in EXPORTED_KINDS])
    option = next(each for each in TENANT.module.options if each.name == ACCEPTED_DEVIATIONS)
    assert isinstance(option, Option)
    evaluation = Evaluation(render=lambda _text: [], decrypt=lambda text: text)
    root = world.folder / "tree"
    tree = read_trees([Root(root, "tree")], TENANT.items, option, evaluation)
    expected = trees.read(root)
    assert {name: value if isinstance(value, list) else [value] for name, value in tree.lists.items()} == expected
    assert {"name": "Field", "description": "{{ 1 }} #", "scopes": []} in tree.lists["roles"]
    assert not world.must("tenant", tree.lists).changed


def test_an_export_has_all_kinds_and_a_second_one_is_identical(world: World) -> None:
    for name in ("alarm_rule", "role", "pipeline"):
        prepare(world, name)
        world.must(name, objects_of(SUBJECTS[name]).create)
    run = export(world)
    assert run.writes == []
    always = [kind.name for kind in EXPORTED_KINDS if kind.tenant.export == "always"]
    assert [each["kind"] for each in run.result["kinds"]] == always
    # One sentence for each kind.
    assert len(run.progress) == len(always)
    before = files_in(world.folder / "tree")
    again = export(world)
    assert not again.changed
    assert again.result["files"] == []
    assert again.result["unchanged"] == len(before) + len(list((world.folder / "tree" / ".schemas").iterdir()))
    assert files_in(world.folder / "tree") == before
    assert not {"users", "enterprise"} & {path.partition("/")[0] for path in before}
    # Users write this file themselves, with the schema next to those of the kinds.
    schema = json.loads((world.folder / "tree" / ".schemas" / "accepted_deviations.json").read_text())
    assert set(schema["items"]["properties"]) >= {"kind", "name", "reason", "until"}


def test_each_list_is_read_once_and_the_rest_is_counted(world: World) -> None:
    for number in range(3):
        world.must("role", {"name": f"Role {number}", "scopes": ["read:device"]})
    run = export(world, kinds=["role", "alert_channel"])
    paths = [request["path"] for request in run.requests]
    assert len(paths) == len(set(paths))
    assert run.result["kinds"] == [
        {"kind": "alert_channel", "objects": 0, "requests": 0},
        {"kind": "role", "objects": 3, "requests": 3},
    ]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_renamed_object_moves_one_file(world: World) -> None:
    world.must("alert_channel", {"name": "One", "emails": ["one@example.com"]})
    world.must("alert_channel", {"name": "Two", "emails": ["two@example.com"]})
    export(world, kinds=["alert_channel"])
    identifier = world.must("alert_channel_info", {"name": "Two"}).result["alert_channels"][0]["id"]
    world.must("alert_channel", {"id": identifier, "name": "Three"})
    predicted = export(world, kinds=["alert_channel"], check_mode=True)
    assert set(files_in(world.folder / "tree")) == {"alert_channels/one.yml", "alert_channels/two.yml"}
    run = export(world, kinds=["alert_channel"])
    assert (
        run.result["files"]
        == predicted.result["files"]
        == [
            {"path": "alert_channels/three.yml", "action": "created"},
            {"path": "alert_channels/two.yml", "action": "deleted"},
        ]
    )
    assert run.diff == predicted.diff
    assert "name: Three" in run.result["diff"][0]["after"]
    assert set(files_in(world.folder / "tree")) == {"alert_channels/one.yml", "alert_channels/three.yml"}


def test_only_files_of_exports_are_deleted_or_replaced(world: World) -> None:
    world.must("alert_channel", {"name": "One", "emails": ["one@example.com"]})
    folder = world.folder / "tree" / "alert_channels"
    folder.mkdir(parents=True)
    own, other = folder / "own.yml", world.folder / "tree" / "roles" / "old.yml"
    own.write_text("name: Own\n")
    other.parent.mkdir()
    other.write_text(f"{MARKER}\n---\nname: Old\n")
    export(world, kinds=["alert_channel"])
    world.must("alert_channel", {"name": "One", "state": "absent"})
    run = export(world, kinds=["alert_channel"])
    assert run.result["files"] == [{"path": "alert_channels/one.yml", "action": "deleted"}]
    assert own.exists()
    assert other.exists(), "a kind that is not exported keeps its files"
    export(world, kinds=["role"])
    assert not other.exists()
    assert not other.parent.exists()
    world.must("alert_channel", {"name": "Own", "emails": ["one@example.com"]})
    failed = world.run("tenant_export", {"dest": str(world.folder / "tree"), "kinds": ["alert_channel"]})
    assert "tenant_export did not write this file" in failed.message
    assert own.read_text() == "name: Own\n"


def test_only_the_owner_can_read_the_files(world: World) -> None:
    export(world)
    files = [file for file in (world.folder / "tree").rglob("*") if file.is_file()]
    assert files
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_secret_is_a_variable(world: World) -> None:
    settings = {"settings_app_password": "secret-of-settings"}
    world.must("enterprise_policy", {"name": "Locked", "settings": settings})
    run = export(world, kinds=["enterprise_policy"])
    name = "esper_secret_enterprise_policy_locked_settings_app_password"
    assert name in run.result["variables"]
    text = (world.folder / "tree" / "enterprise_policies" / "locked.yml").read_text()
    assert f'settings_app_password: "{{{{ {name} | default(omit) }}}}"' in text
    assert "secret-of-settings" not in text
    assert "*" not in text


def test_a_text_that_ansible_would_evaluate_is_unsafe(world: World) -> None:
    world.must("role", {"name": "Field", "description": "{{ lookup('env', 'HOME') }}"})
    export(world, kinds=["role"])
    text = (world.folder / "tree" / "roles" / "field.yml").read_text()
    assert "description: !unsafe \"{{ lookup('env', 'HOME') }}\"" in text


def test_files_are_downloaded_if_they_are_missing(world: World) -> None:
    (world.folder / "icon.png").write_bytes(b"icon")
    webclip = {"name": "Menu", "label": "Menu", "url": "https://example.com", "icon": "icon.png"}
    target = {"target_bundle_id": "com.apple.mobilesafari", "target_bundle_name": "Safari"}
    world.must("webclip", {**webclip, **target})
    run = export(world, kinds=["webclip"])
    assert [each["path"] for each in run.result["omitted"]] == ["files/webclips/menu.png"]
    tree, menu = world.folder / "tree", world.folder / "tree" / "webclips" / "menu.yml"
    assert "icon:" not in menu.read_text()
    assert export(world, kinds=["webclip"], download=True, check_mode=True).changed
    assert not (tree / "files").exists()
    run = export(world, kinds=["webclip"], download=True)
    assert run.result["omitted"] == []
    assert "icon: files/webclips/menu.png" in menu.read_text()
    assert (tree / "files" / "webclips" / "menu.png").read_bytes() == b"icon"
    assert not export(world, kinds=["webclip"], download=True).changed
    assert not export(world, kinds=["webclip"]).changed


# --- what an export does not have -------------------------------------------------------------------------------------


def test_objects_with_the_same_name_are_omitted(world: World) -> None:
    channel = {"name": "One", "emails": ["one@example.com"]}
    identifier = world.must("alert_channel", channel).result["alert_channel"]["id"]
    world.simulator.rewrites.append(
        lambda _method, path, body: (
            {
                **body,
                "count": 2,
                "results": [*body["results"], {**body["results"][0], "id": identifier + 1}],
            }
            if "alertchannels" in path and "results" in body
            else body
        )
    )
    run = export(world, kinds=["alert_channel"])
    assert [(each["id"], each["path"]) for each in run.result["omitted"]] == [
        (identifier, None),
        (identifier + 1, None),
    ]
    assert run.result["omitted"][0]["reason"].startswith("2 alert channels have this name")
    assert run.result["files"] == []


def test_an_object_without_a_name_is_omitted(world: World) -> None:
    world.must("alert_channel", {"name": "One", "emails": ["one@example.com"]})
    world.simulator.rewrites.append(
        lambda _method, path, body: (
            {**body, "results": [{**row, "name": None} for row in body["results"]]}
            if "alertchannels" in path and "results" in body
            else body
        )
    )
    run = export(world, kinds=["alert_channel"])
    assert {each["reason"] for each in run.result["omitted"]} == {"It has no name, so a task cannot select it."}
    assert run.result["files"] == []


def test_a_kind_that_the_tenant_does_not_have_keeps_its_files(world: World) -> None:
    world.must("role", {"name": "Field"})
    export(world, kinds=["role"])
    world.simulator.fault(kind="status", method="GET", path="/authz2/v1/roles/", status=403, times=None)
    run = export(world)
    assert any(warning.startswith("The roles are not exported.") for warning in run.warnings)
    assert (world.folder / "tree" / "roles" / "field.yml").exists()
    assert "role" not in [each["kind"] for each in run.result["kinds"]]
    failed = world.run("tenant_export", {"dest": str(world.folder / "tree"), "kinds": ["role"]})
    assert failed.failed


def test_devices_of_alarm_rules_are_omitted(world: World) -> None:
    device = world.must("device_info", {"groups": ["All devices"]}).result["devices"][0]["name"]
    rule = objects_of(SUBJECTS["alarm_rule"]).create
    prepare(world, "alarm_rule")
    world.must("alarm_rule", {**{key: value for key, value in rule.items() if key != "groups"}, "devices": [device]})
    run = export(world, kinds=["alarm_rule"])
    assert [each["path"] for each in run.result["omitted"]] == ["devices"]


def test_a_destination_that_cannot_be_written_is_an_error_before_any_request(world: World) -> None:
    (world.folder / "file").write_text("")
    run = world.run("tenant_export", {"dest": str(world.folder / "file")})
    assert "it is not a directory" in run.message
    assert run.requests == []


def test_all_kinds_with_an_export_are_in_the_options() -> None:
    assert {kind.name for kind in EXPORTED_KINDS} >= {
        "device_group",
        "blueprint",
        "pipeline",
        "user",
        "role",
        "geofence",
    }
    assert all(preparation_of(SUBJECTS[kind.name]) for kind in EXPORTED_KINDS)


def test_secrets_in_json_are_variables_and_stay_if_they_are_not_set(world: World) -> None:
    (world.folder / "law.apk").write_bytes(PREPARATIONS["blueprint"].files["law.apk"])
    world.must("app", {"src": "law.apk"})
    config = {"server": "https://example.com", "login": {"user": "pos", "password": "secret-of-login"}, "keys": [1]}
    app = {"package_name": "com.example.law", "version_name": "1.0.0", "managed_config": config}
    world.must("blueprint", {"name": "Tills", "publish": True, "settings": {"android": {"apps": [app]}}})
    run = export(world, kinds=["blueprint"])
    text = (world.folder / "tree" / "blueprints" / "tills.yml").read_text()
    assert "secret-of-login" not in text
    assert "esper_secret_blueprint_tills_android_apps_com_example_law_managed_config_login_password" in text
    assert "exact:" not in text
    assert "secret-of-login" not in run.shown
    blueprints = trees.read(world.folder / "tree")["blueprints"]
    assert not world.must("tenant", {"blueprints": blueprints}).changed
    tills = next(each for each in blueprints if each["name"] == "Tills")
    tills["settings"]["android"]["apps"][0]["managed_config"]["server"] = "https://example.org"
    world.must("tenant", {"blueprints": [tills]})
    stored = world.must("blueprint_info", {"name": "Tills"}).result["blueprints"][0]["settings"]["android"]["apps"][0]
    assert stored["managed_config"]["login"]["password"] == "secret-of-login"
