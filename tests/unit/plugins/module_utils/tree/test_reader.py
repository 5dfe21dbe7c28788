# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees of objects: their files, their errors with positions, and overlays."""

from __future__ import annotations

import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.tasks.tenant import TENANT
from ansible_collections.esper.cloud.plugins.module_utils.tree.documents import Evaluation
from ansible_collections.esper.cloud.plugins.module_utils.tree.reader import InvalidTree, Root, Tree, read_trees

DEVIATIONS = next(option for option in TENANT.module.options if option.name == "accepted_deviations")
SECRET = "correct horse battery"


def _rendered(text: str) -> list[t.Any]:
    """The value of a template here: of ``{{ unset }}``, ``{{ omit }}``, or of any other one."""
    if "unset" in text:
        raise InvalidParameter("'unset' is undefined.")
    return [] if "omit" in text else [{"radius": 7}]


class Trees:
    """Directories with the files of objects."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str = "") -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, *names: str) -> Tree:
        roots = [Root(self.directory / name, name) for name in names or ("base",)]
        return read_trees(roots, TENANT.items, DEVIATIONS, Evaluation(_rendered, lambda _text: SECRET))

    def errors(self, *names: str) -> list[str]:
        with pytest.raises(InvalidTree) as caught:
            self.read(*names)
        return caught.value.problems


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


# --- files ------------------------------------------------------------------------------------------------------------


def test_objects_are_read_from_files_and_lists_in_a_stable_order(trees: Trees) -> None:
    trees.write("base/alert_channels/b.yml", "name: B\n")
    trees.write("base/alert_channels/a.yml", "---\n# Comment\nname: A\n")
    trees.write("base/alert_channels/c.yml", "- name: C\n- name: D\n")
    trees.write("base/device_groups.yml", "- path: Shops\n- path: Shops/Berlin\n")
    trees.write("base/enterprise.yml", "name: Bakery\n")
    trees.write("base/roles.yml", "[]\n")
    trees.write("base/README.md", "Text")
    trees.write("base/files/menu.yml", "not: read\n")
    trees.write("base/.schemas/role.json", "{}")
    trees.write("base/.github/workflow.yml", "on: push\n")
    tree = trees.read()
    assert tree.lists == {
        "alert_channels": [{"name": "A"}, {"name": "B"}, {"name": "C"}, {"name": "D"}],
        "enterprise": {"name": "Bakery"},
        "roles": [],
        "device_groups": [{"path": "Shops"}, {"path": "Shops/Berlin"}],
    }
    positions = tree.positions(TENANT.items)
    assert positions["alert_channels[0]"] == "base/alert_channels/a.yml:3"
    assert positions["alert_channels[3]"] == "base/alert_channels/c.yml:2"
    assert positions["device_groups[1]"] == "base/device_groups.yml:2"
    assert positions["enterprise"] == "base/enterprise.yml:1"


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("blueprint.yml", "[]", "blueprint.yml:1: The file blueprint.yml is unknown. Did you mean 'blueprints'?"),
        ("things.yml", "[]", "things.yml:1: The file things.yml is unknown. Move it elsewhere."),
        ("role/a.yml", "name: A", "role:1: The directory role is unknown. Did you mean 'roles'?"),
        ("things/a.yml", "name: A", "things:1: The directory things is unknown, and contains .yml files. Move it"),
        ("roles.yaml", "[]", "roles.yaml:1: The file must be named roles.yml."),
        ("roles/a.json", "{}", "roles/a.json:1: The file must be named a.yml."),
        ("roles/a.yml", "", "roles/a.yml:1: The file has no value."),
        ("roles/a.yml", "name: [A", "roles/a.yml:2: The file is not valid YAML: "),
        ("roles/a.yml", "name: A\n---\nname: B", "roles/a.yml:2: The file is not valid YAML: but found another"),
        ("roles/a.yml", "name: A\nname: B", "roles/a.yml:2: The key name is already in line 1."),
        ("roles/a.yml", "&a\nname: A\nscopes: [*a]", "roles/a.yml:1: The value contains itself."),
        ("roles/a.yml", "name: !thing A", "roles/a.yml:1: Could not determine a constructor for the tag '!thing'."),
        ("roles/a.yml", "? [a]\n: A", "roles/a.yml:1: A key must be a text."),
        ("roles/a.yml", "text", "roles/a.yml:1: The object must be a dict, not 'text'."),
        ("roles.yml", "- name: A\n- name: A", "roles.yml:2: The role 'A' is also in base/roles.yml:1. Delete one"),
    ],
)
def test_an_invalid_file_is_an_error(trees: Trees, name: str, text: str, error: str) -> None:
    trees.write(f"base/{name}", text)
    errors = trees.errors()
    assert any(each.startswith(f"base/{error}") for each in errors), errors


def test_a_directory_of_something_else_is_ignored(trees: Trees) -> None:
    trees.write("base/host_vars/production/main.yml", "api_key: 1\n")
    trees.write("base/docs/index.md", "Text")
    assert trees.read().lists == {}


def test_a_file_that_is_not_utf_8_is_an_error(trees: Trees, tmp_path: Path) -> None:
    trees.write("base/roles/a.yml")
    (tmp_path / "base/roles/a.yml").write_bytes(b"name: A\ndescription: \xff\n")
    assert trees.errors() == ["base/roles/a.yml:2: The file is not a text in UTF-8."]


def test_an_object_in_two_files_is_an_error(trees: Trees) -> None:
    trees.write("base/roles/a.yml", "name: A\n")
    trees.write("base/roles/b.yml", "# Comment\nname: A\n")
    trees.write("base/roles.yml", "- name: A\n")
    assert trees.errors() == [
        "base/roles.yml:1: The role 'A' is also in base/roles/a.yml:1. Delete one of them.",
        "base/roles/b.yml:2: The role 'A' is also in base/roles/a.yml:1. Delete one of them.",
    ]


def test_merge_keys_and_aliases_are_read(trees: Trees) -> None:
    trees.write("base/roles.yml", "- &a\n  name: A\n  description: Text\n- <<: *a\n  name: B\n")
    assert trees.read().lists["roles"] == [
        {"name": "A", "description": "Text"},
        {"name": "B", "description": "Text"},
    ]


def test_dates_are_texts(trees: Trees) -> None:
    trees.write("base/roles.yml", "- name: A\n  description: 2026-12-31\n- name: B\n  description: 2026-02-30\n")
    assert [each["description"] for each in trees.read().lists["roles"]] == ["2026-12-31", "2026-02-30"]


# --- values -----------------------------------------------------------------------------------------------------------


def test_all_errors_are_found_at_once_with_their_lines(trees: Trees) -> None:
    trees.write(
        "base/blueprints/kiosk.yml",
        """\
name: Kiosks
seting: {}
publish: sometimes
settings:
  android:
    files:
      - content: menu.html
        destination_pth: /sdcard/menu.html
    screen_orientation_settings:
      orientation_type: SIDEWAYS
""",
    )
    trees.write("base/device_groups.yml", "- name: null\n- path: 1.10\n  name: A\n")
    trees.write("base/geofences/a.yml", 'name: A\ncircle: "{{ unset }}"\n')
    trees.write("base/roles/a.yml", "name: A\nname: B\nscopes: {}\n")
    errors = trees.errors()
    assert [error.partition(": ")[::2] for error in errors] == [
        ("base/blueprints/kiosk.yml:2", "Unknown option seting. Did you mean 'settings'?"),
        ("base/blueprints/kiosk.yml:3", "The option publish must be a boolean, not 'sometimes'."),
        (
            "base/blueprints/kiosk.yml:8",
            "Unknown option settings.android.files[0].destination_pth. Did you mean 'destination_path'?",
        ),
        (
            "base/blueprints/kiosk.yml:10",
            "The option settings.android.screen_orientation_settings.orientation_type must be one of PORTRAIT,"
            " LANDSCAPE, INVERTED PORTRAIT, INVERTED LANDSCAPE, AUTO, not 'SIDEWAYS'.",
        ),
        ("base/device_groups.yml:1", "One of these options is required: id, path, name."),
        ("base/device_groups.yml:2", errors[5].partition(": ")[2]),
        ("base/device_groups.yml:2", "These options are mutually exclusive: path, name."),
        ("base/geofences/a.yml:2", "'unset' is undefined."),
        ("base/roles/a.yml:2", "The key name is already in line 1."),
        ("base/roles/a.yml:3", errors[9].partition(": ")[2]),
    ]
    assert "The option path must be a text, not the number 1.1." in errors[5]


def test_errors_do_not_show_encrypted_values(trees: Trees) -> None:
    trees.write("base/blueprints/a.yml", "name: A\npublish: !vault |\n  abc\n")
    (error,) = trees.errors()
    assert error.startswith("base/blueprints/a.yml:2: The option publish must be a boolean, not ")
    assert SECRET not in error


def test_the_message_has_twenty_errors_and_the_result_all(trees: Trees) -> None:
    trees.write("base/roles.yml", "".join(f"- nam: {number}\n" for number in range(15)))
    with pytest.raises(InvalidTree) as caught:
        trees.read()
    assert str(caught.value).startswith("The files have 30 errors. base/roles.yml:1: ")
    assert str(caught.value).endswith(" See errors for 10 more errors.")
    assert len(caught.value.details()["errors"]) == 30


def test_rules_ignore_null_and_use_defaults(trees: Trees) -> None:
    trees.write("base/apps.yml", "- package_name: com.example.kiosk\n- id: 7\n  package_name: null\n  version_id: 1\n")
    assert trees.errors() == [
        "base/apps.yml:1: If state is present, one of these options is required: src, version_id, version_name,"
        " version_code."
    ]


def test_an_object_can_be_a_text(trees: Trees) -> None:
    trees.write("base/device_groups.yml", "- Shops\n- path: Depots\n")
    trees.write("production/device_groups.yml", "- path: Shops\n  create_parents: false\n")
    assert trees.read("base", "production").lists["device_groups"] == [
        {"path": "Shops", "create_parents": False},
        {"path": "Depots"},
    ]


# --- files that objects name ------------------------------------------------------------------------------------------


def test_a_file_is_relative_to_the_last_tree_that_has_it(trees: Trees, tmp_path: Path) -> None:
    trees.write("base/files/menu.html", "Base")
    trees.write("base/files/logo.html", "Base")
    trees.write("production/files/menu.html", "Production")
    trees.write("base/contents.yml", "- src: files/menu.html\n- src: files/logo.html\n")
    assert [item["src"] for item in trees.read("base", "production").lists["contents"]] == [
        str(tmp_path / "production/files/menu.html"),
        str(tmp_path / "base/files/logo.html"),
    ]


def test_a_missing_file_is_an_error_unless_the_object_is_absent(trees: Trees, tmp_path: Path) -> None:
    trees.write("base/contents.yml", "- src: files/a.html\n- src: files/b.html\n  state: absent\n")
    assert trees.errors() == [
        "base/contents.yml:1: The file 'files/a.html' was not found. Correct the path. Searched directories:"
        f" {tmp_path}/base."
    ]


def test_a_checksum_stands_for_a_file_that_the_tree_does_not_have(trees: Trees) -> None:
    named = "name: a.html\nsrc: files/a.html\nchecksum: 9e107d9d372bb6826bd81d3542a419d6\n"
    trees.write("base/contents/a.yml", named)
    expected = {"name": "a.html", "checksum": "9e107d9d372bb6826bd81d3542a419d6"}
    assert trees.read("base").lists["contents"] == [expected]
    trees.write("base/files/a.html", "a")
    assert trees.read("base").lists["contents"] == [{**expected, "src": str(trees.directory / "base/files/a.html")}]


# --- overlays ---------------------------------------------------------------------------------------------------------


def test_a_later_tree_overlays_objects_by_their_keys(trees: Trees) -> None:
    trees.write(
        "base/blueprints/kiosk.yml",
        "name: Kiosks\ncomments: Base\npublish: true\nsettings:\n  android:\n    device_mode_settings:\n"
        "      device_mode: KIOSK\n    files:\n      - content: a\n        destination_path: /a\n",
    )
    trees.write("base/blueprints/other.yml", "name: Other\n")
    trees.write(
        "production/blueprints/anything.yml",
        "name: Kiosks\npublish: null\nsettings:\n  android:\n    files:\n      - content: b\n"
        "        destination_path: /b\n",
    )
    trees.write("production/blueprints/new.yml", "name: New\n")
    tree = trees.read("base", "production")
    assert tree.lists["blueprints"] == [
        {
            "name": "Kiosks",
            "comments": "Base",
            "settings": {
                "android": {
                    "device_mode_settings": {"device_mode": "KIOSK"},
                    "files": [{"content": "b", "destination_path": "/b"}],
                }
            },
        },
        {"name": "Other"},
        {"name": "New"},
    ]
    positions = tree.positions(TENANT.items)
    assert positions["blueprints[0]"] == "base/blueprints/kiosk.yml:1"
    assert positions.of_error("blueprints[0]", "The content file 'b' was not found.") == (
        "production/blueprints/anything.yml:6"
    )


def test_an_overlay_can_declare_an_object_absent(trees: Trees) -> None:
    trees.write("base/roles.yml", "- name: A\n  description: Text\n")
    trees.write("production/roles.yml", "- name: A\n  state: absent\n")
    assert trees.read("base", "production").lists["roles"] == [{"name": "A", "state": "absent"}]


def test_an_overlay_replaces_a_value_that_cannot_be_rendered(trees: Trees) -> None:
    trees.write("base/enterprise.yml", 'name: "{{ unset }}"\nlocation: Berlin\n')
    trees.write("production/enterprise.yml", "name: Bakery\n")
    assert trees.read("base", "production").lists["enterprise"] == {"name": "Bakery", "location": "Berlin"}
    assert trees.errors("base") == ["base/enterprise.yml:1: 'unset' is undefined."]


def test_errors_in_an_overlay_have_its_position(trees: Trees) -> None:
    trees.write("base/roles.yml", "- name: A\n")
    trees.write("production/roles.yml", "- name: A\n  descripton: Text\n")
    assert trees.errors("base", "production") == [
        "production/roles.yml:2: Unknown option descripton. Did you mean 'description'?"
    ]


# --- accepted deviations ----------------------------------------------------------------------------------------------


def test_accepted_deviations_of_all_trees_are_returned(trees: Trees) -> None:
    deviation = "- kind: blueprints\n  name: Kiosks\n  field: settings.android\n"
    trees.write("base/accepted_deviations.yml", f"{deviation}  reason: Pilot\n  until: 2026-12-31\n")
    trees.write("production/accepted_deviations.yml", f"{deviation}  reason: Longer\n")
    assert trees.read("base").accepted_deviations == [
        {
            "kind": "blueprints",
            "name": "Kiosks",
            "field": "settings.android",
            "reason": "Pilot",
            "until": "2026-12-31",
        }
    ]
    assert [each["reason"] for each in trees.read("base", "production").accepted_deviations] == ["Longer"]


def test_invalid_deviations_are_errors(trees: Trees) -> None:
    trees.write(
        "base/accepted_deviations.yml",
        "- kind: blueprint\n  name: A\n  reason: R\n- kind: bluprints\n  name: A\n- kind: roles\n  name: A\n"
        "  field: descripton\n  reason: R\n  until: soon\n- A\n",
    )
    assert trees.errors() == [
        "base/accepted_deviations.yml:4: The kind 'bluprints' is unknown. Did you mean 'blueprints'?",
        "base/accepted_deviations.yml:4: The option reason is required.",
        "base/accepted_deviations.yml:8: The role has no field 'descripton'. Did you mean 'description'?",
        "base/accepted_deviations.yml:10: The option until must be a date such as 2026-12-31, not 'soon'.",
        "base/accepted_deviations.yml:11: The object must be a dict, not 'A'.",
    ]


# --- time -------------------------------------------------------------------------------------------------------------


def test_two_hundred_files_take_little_time(trees: Trees) -> None:
    settings = "".join(
        f"      - content: file-{number}.html\n        destination_path: /sdcard/{number}.html\n" for number in range(5)
    )
    for number in range(200):
        text = f"name: Kiosk {number}\ncomments: Text\nsettings:\n  android:\n    files:\n{settings}"
        trees.write(f"base/blueprints/{number}.yml", text)
    start = time.process_time()
    assert len(trees.read().lists["blueprints"]) == 200
    # It takes 0.15 s, ten times as long without the loader in C.
    assert time.process_time() - start < 1.0
