# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option src of the module tenant: templates and encrypted values with the real parts of ansible-core."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.template import Templar

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "tests" / "simulator"))

from process import Simulator

Row = dict[str, t.Any]
MakeAction = t.Callable[..., t.Any]
PASSWORD = "correct horse battery"
# As in the variables of a host before ansible-core 2.19. Later versions do not use it.
OMIT = "__omit_place_holder__" + "0a" * 20
_VARIABLES: Row = {
    "omit": OMIT,
    "number": 5,
    "is_on": True,
    "version": "1.10",
    "pin": "0042",
    "nothing": None,
    "emails": ["a@example.com", "b@example.com"],
    "circle": {"radius": 7},
    "shop": "Berlin",
}


class Task:
    """A task of the module tenant with a tree."""

    def __init__(self, make_action: MakeAction, directory: Path) -> None:
        self._make_action = make_action
        self.root = directory / "tenant"
        self.variables = dict(_VARIABLES)
        self._loader = DataLoader()
        self.args: Row = {}
        self.keywords: Row = {}

    def write(self, name: str, text: str) -> None:
        """Write a file of the tree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def encrypted(self, text: str) -> str:
        """Return a text as Ansible Vault encrypts it, for a block of YAML."""
        secrets = [("default", VaultSecret(b"password of the vault"))]
        self._loader.set_vault_secrets(secrets)
        return VaultLib(secrets=secrets).encrypt(text).decode()

    def action(self) -> t.Any:
        """Return the action plugin."""
        made = self._make_action("tenant", args={"src": [str(self.root)], **self.args}, **self.keywords)
        made._loader = self._loader
        made._templar = Templar(loader=self._loader, variables=self.variables)
        return made

    def prepared(self) -> Row:
        """Return the arguments after the tree is read."""
        made = self.action()
        made._prepare()
        return t.cast(Row, made._task.args)


@pytest.fixture
def task(make_action: MakeAction, tmp_path: Path) -> Task:
    return Task(make_action, tmp_path)


def test_templates_keep_the_types_of_variables(task: Task) -> None:
    task.write(
        "alert_channels/alarms.yml",
        'name: "Alarms in {{ shop }}"\nemails: "{{ emails }}"\n',
    )
    task.write(
        "geofences/yard.yml",
        'name: "{{ pin }}"\ndescription: "{{ version }}"\ncircle: "{{ circle }}"\n',
    )
    args = task.prepared()
    assert args["alert_channels"] == [{"name": "Alarms in Berlin", "emails": ["a@example.com", "b@example.com"]}]
    (geofence,) = args["geofences"]
    assert geofence == {"name": "0042", "description": "1.10", "circle": {"radius": 7}}


def test_a_tree_reports_the_objects_that_it_lacks(task: Task) -> None:
    task.write("geofences/yard.yml", "name: Yard")
    assert task.prepared()["report_unlisted"] is True
    task.args = {"report_unlisted": False}
    assert task.prepared()["report_unlisted"] is False


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ number }}", 5),
        ("{{ number + 1 }}", 6),
        ("{{ nothing }}", None),
        ("{{ number }}.0", "5.0"),
        ("{{ emails | map('upper') }}", ["A@EXAMPLE.COM", "B@EXAMPLE.COM"]),
        ("{% if is_on %}on{% endif %}", "on"),
        ("plain { text }", "plain { text }"),
    ],
)
def test_a_template_has_the_same_value_with_all_versions_of_ansible_core(
    task: Task, template: str, value: t.Any
) -> None:
    task.write("enterprise.yml", "{}")
    made = task.action()
    documents = made._evaluation()
    assert documents.render(template) == [value]


def test_text_of_esper_is_not_rendered(task: Task) -> None:
    task.write("contents/menu.yml", 'id: 7\ndescription: !unsafe "{{ shop }}"\n')
    assert task.prepared()["contents"] == [{"id": 7, "description": "{{ shop }}"}]


def test_an_omitted_value_is_not_managed(task: Task) -> None:
    task.write("enterprise.yml", 'name: "{{ company | default(omit) }}"\nlocation: Berlin\n')
    assert task.prepared()["enterprise"] == {"location": "Berlin"}


def test_an_undefined_variable_is_an_error_with_its_position(task: Task) -> None:
    task.write("enterprise.yml", 'location: Berlin\nname: "{{ company }}"\n')
    task.write("roles/guest.yml", 'name: "{{ [company] }}"\n')
    result = task.action().run(task_vars={})
    assert result["failed"] is True
    assert [error.partition(": ")[0] for error in result["errors"]] == [
        f"{task.root}/enterprise.yml:2",
        f"{task.root}/roles/guest.yml:1",
    ]
    reason = "The template cannot be rendered: 'company' is undefined."
    assert all(error.endswith(reason) for error in result["errors"])


def test_an_encrypted_value_is_decrypted(task: Task) -> None:
    lines = "\n  ".join(task.encrypted("Alarms").splitlines())
    task.write("alert_channels/alarms.yml", f"id: 5\nname: !vault |\n  {lines}\n")
    assert task.prepared()["alert_channels"] == [{"id": 5, "name": "Alarms"}]


def test_an_encrypted_file_is_decrypted(task: Task) -> None:
    task.write("alert_channels/alarms.yml", task.encrypted("name: Alarms\n"))
    assert task.prepared()["alert_channels"] == [{"name": "Alarms"}]


def test_a_value_that_vault_cannot_decrypt_is_an_error(task: Task) -> None:
    task.write("alert_channels/alarms.yml", "name: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n")
    result = task.action().run(task_vars={})
    assert f"{task.root}/alert_channels/alarms.yml:1: Ansible Vault cannot decrypt the value: " in result["msg"]


def test_a_list_of_the_task_is_added(task: Task) -> None:
    task.write("device_groups.yml", "- path: Shops\n")
    task.args = {"device_groups": [{"path": "Depots"}]}
    assert task.prepared()["device_groups"] == [{"path": "Shops"}, {"path": "Depots"}]


def test_a_singleton_in_task_and_tree_is_an_error(task: Task) -> None:
    task.write("enterprise.yml", "name: Bakery\n")
    task.args = {"enterprise": {"name": "Butcher"}}
    assert "The option enterprise is set in the task and in a file" in task.action().run(task_vars={})["msg"]


@pytest.mark.parametrize("src", [7, [7], None, "", [], [""], {"a": "b"}, "nowhere/"])
def test_src_that_is_no_list_of_directories_is_an_error(task: Task, src: t.Any) -> None:
    task.args = {"src": src}
    made = task.action()
    made._find_needle = lambda _folder, path: path
    result = made.run(task_vars={})
    assert result["failed"] is True
    assert "src" in result["msg"]


def test_a_second_run_of_the_task_has_the_same_objects(task: Task) -> None:
    task.write("device_groups.yml", "- path: Shops\n")
    made = task.action()
    made._preparation = made._prepare()
    assert made._prepare().positions["device_groups[0]"] == f"{task.root}/device_groups.yml:1"
    assert made._task.args["device_groups"] == [{"path": "Shops"}]


# --- with a tenant ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulator() -> t.Iterator[Simulator]:
    with Simulator(devices=2, groups=3, tags=1, seed=7) as running:
        yield running


@pytest.fixture
def in_tenant(task: Task, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setenv("ANSIBLE_INJECT_INVOCATION", "true")
    task.args = {"api_url": simulator.url, "api_key": simulator.key}
    return task


def test_errors_and_records_have_positions(in_tenant: Task, simulator: Simulator) -> None:
    in_tenant.write("device_groups.yml", "- path: Shops\n")
    in_tenant.write(
        "blueprints/kiosk.yml",
        "name: Kiosks\nsettings:\n  android:\n    files:\n"
        "      - content: lost.html\n        destination_path: /sdcard/lost.html\n",
    )
    in_tenant.write(
        "blueprints/wifi.yml", "name: Wi-Fi\nsettings:\n  android:\n    wifi_settings:\n      allow_wifi: true\n"
    )
    simulator.clear_journal()
    result = in_tenant.action().run(task_vars={})
    file = f"{in_tenant.root}/blueprints/kiosk.yml"
    assert f"{file}:5: " in result["msg"]
    assert "lost.html" in result["msg"]
    wifi = f"{in_tenant.root}/blueprints/wifi.yml"
    # The dict that lacks an option.
    assert f"{wifi}:4: blueprints[1] 'Wi-Fi': Invalid parameters: settings.android.wifi_settings." in result["msg"]
    assert [each["file"] for each in result["objects"]] == [
        f"{file}:1",
        f"{wifi}:1",
        f"{in_tenant.root}/device_groups.yml:1",
    ]
    assert {entry["method"] for entry in simulator.journal()} == {"GET"}


def test_a_file_that_neither_the_tree_nor_the_tenant_has_is_an_error_with_its_position(
    in_tenant: Task, simulator: Simulator
) -> None:
    checksum = "9e107d9d372bb6826bd81d3542a419d6"
    in_tenant.write("contents/lost.yml", f"name: lost.txt\nsrc: files/lost.txt\nchecksum: {checksum}\n")
    in_tenant.write("device_groups.yml", "- path: Shops\n")
    simulator.clear_journal()
    result = in_tenant.action().run(task_vars={})
    assert f"{in_tenant.root}/contents/lost.yml:1: contents[0] 'lost.txt': The file of the content" in result["msg"]
    assert f"with the checksum {checksum} is missing: neither Esper nor the task has it." in result["msg"]
    assert {entry["method"] for entry in simulator.journal()} == {"GET"}


def test_results_have_no_encrypted_values(in_tenant: Task) -> None:
    lines = "\n  ".join(in_tenant.encrypted(PASSWORD).splitlines())
    in_tenant.write("roles/guest.yml", f"name: Guest\ndescription: !vault |\n  {lines}\n")
    in_tenant.keywords = {"check_mode": True, "diff": True}
    result = in_tenant.action().run(task_vars={})
    assert result["changed"] is True, result["msg"]
    assert PASSWORD not in str(result)
    assert result["invocation"]["module_args"]["src"] == [str(in_tenant.root)]
    assert result["invocation"]["module_args"]["roles"] is None


def test_a_secret_without_a_value_is_not_managed(in_tenant: Task) -> None:
    in_tenant.write("device_groups.yml", '- path: Shops\n  description: "{{ esper_secret_shops | default(omit) }}"\n')
    in_tenant.keywords = {"check_mode": True}
    result = in_tenant.action().run(task_vars={})
    assert result["warnings"] == [
        "These variables are not set, so the secrets that they contain are not managed: esper_secret_shops."
    ]


def test_invalid_files_cause_no_request(in_tenant: Task, simulator: Simulator) -> None:
    in_tenant.write("device_groups.yml", "- path: Shops\n  descripton: Unknown\n- path: [1]\n")
    simulator.clear_journal()
    result = in_tenant.action().run(task_vars={})
    assert len(result["errors"]) == 2
    assert result["msg"].startswith("The files have 2 errors. ")
    assert simulator.journal() == []


def test_the_result_of_the_module_has_the_warnings_and_no_encrypted_values(
    in_tenant: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "\n  ".join(in_tenant.encrypted(PASSWORD).splitlines())
    in_tenant.write(
        "roles/guest.yml",
        'name: "{{ shop }}"\nscopes: "{{ esper_secret_x | default(omit) }}"\n'
        f"description: !vault |\n  {lines}\n",
    )
    in_tenant.keywords = {"async_val": 60}
    made = in_tenant.action()
    given: list[Row] = []

    def run(action: t.Any, _tmp: t.Any, _variables: t.Any) -> Row:
        given.append(action._task.args)
        return {"changed": True, "warnings": ["Other"], "msg": f"With {PASSWORD}"}

    monkeypatch.setattr(NormalAction, "run", run)
    made._display.vvv = lambda _text, host: None
    result = made.run(task_vars={})
    assert given[0]["roles"] == [{"name": "Berlin", "description": PASSWORD}]
    assert "src" not in given[0]
    assert result["msg"] == "With ********"
    assert [warning.partition(":")[0] for warning in result["warnings"]] == [
        "These variables are not set, so the secrets that they contain are not managed",
        "Other",
    ]
