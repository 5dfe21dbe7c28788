# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No output and no file contains a secret, also after failures."""

from __future__ import annotations

import base64
import html
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from controller import Controller, MakeController
from simulated import Simulator

# With characters that JSON, URLs and HTML write differently. No secret is part of another or of other output.
SECRETS = {
    name: f'{name[:3]}-Grüß "{number}7" & <Gött>/+ {number}'
    for number, name in enumerate(("policy", "admin", "wifi", "screen", "cert", "data", "point"))
}
PARTS = ["Grüß", "Gr\\u00fc", "Gr%C3%BC", '"7" &', "<Gött>", "&lt;G"]
# Responses of a server or a proxy that repeat the request.
FAULTS: list[dict[str, Any]] = [
    {"path": "/policy/", "kind": "status", "status": 400, "body": '{"message": "@request@", "errors": ["@request@"]}'},
    {"path": "/blueprints/", "kind": "html", "status": 502, "body": "<title>Sorry for @request@</title>"},
    {"path": "/commands/", "kind": "status", "status": 500, "body": '{"errors": {"@request@": ["@request@"]}}'},
    {"path": "/commands/", "kind": "not_json", "status": 409, "body": "@request@"},
    {"path": "/commands/", "kind": "redirect", "location": "http://elsewhere.invalid/?KEY"},
]
# A response that has a secret of another response.
REPEATED: dict[str, Any] = {
    "kind": "status",
    "status": 400,
    "body": '{"message": "No @issued@", "errors": ["@issued@"]}',
}
# A defect whose message contains all arguments.
DEFECT = """
import requests


def request(self, *arguments, **options):
    raise RuntimeError(f"{arguments} {options} {vars(self.auth)} {options['data']!r}")


requests.Session.request = request
"""
ALWAYS = {"update_password": "always"}
POLICY = {**ALWAYS, "name": "Counter", "settings": {"settings_app_password": "{{ policy }}", "kiosk_mode": True}}
BLUEPRINT = {
    **ALWAYS,
    "name": "Canteen",
    "settings": {
        "android": {
            "esper_settings_apps_settings": {
                "admin_mode_password": "{{ admin }}",
                "settings": {"wifi": "ADMIN"},
            },
            "wifi_networks": [{"wifi_network_id": "7", "certificate_file_password": "{{ wifi }}"}],
        }
    },
}
TENANT = {"enterprise_policies": [POLICY], "blueprints": [BLUEPRINT]}
COMMANDS: dict[str, dict[str, Any]] = {
    "RESET_LOCKSCREEN_PASSWORD": {"new_lockscreen_password": "{{ screen }}"},
    "INSTALL_CERTIFICATE": {
        "cert_alias_name": "till",
        "cert_data_base64": "{{ data }}",
        "cert_file_type": "pkcs12",
        "cert_password": "{{ cert }}",
        "cert_storage_type": "system",
    },
    "ADD_WIFI_AP": {"wifi_access_points": [{"wifiSsid": "Till", "wifiPhrase": "{{ point }}"}]},
}


def uses(device: str) -> Iterator[dict[str, Any]]:
    """Yield tasks with secrets in their options."""
    yield {"esper.cloud.enterprise_policy": POLICY}
    yield {"esper.cloud.blueprint": BLUEPRINT}
    yield {"esper.cloud.tenant": TENANT}
    for command, args in COMMANDS.items():
        yield {"esper.cloud.device_command": {"devices": [device], "command": command, "args": args, "wait": False}}


def spellings(secret: str) -> set[bytes]:
    ways = (
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        quote(secret),
        quote(secret, safe=""),
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
    )
    return {way.encode() for way in ways}


def leaks(text: bytes, secrets: list[str]) -> list[bytes]:
    """Return the parts of a text that contain secrets."""
    found = []
    for way in {way for secret in secrets for way in spellings(secret)} | {part.encode() for part in PARTS}:
        place = text.find(way)
        if place >= 0:
            found.append(text[max(place - 300, 0) : place + 100])
    return found


def scan(controller: Controller, secrets: list[str], *outputs: str) -> dict[Path, list[bytes]]:
    """Return the outputs and files that contain secrets, with the parts that do."""
    given = {controller.folder / "secrets.yml", controller.folder / "key.esper.yml"}
    files = [path for path in controller.folder.rglob("*") if path.is_file() and path not in given]
    texts = {path.relative_to(controller.folder): path.read_bytes() for path in files}
    texts |= {Path(f"output {number}"): output.encode() for number, output in enumerate(outputs)}
    found = {path: leaks(text, secrets) for path, text in texts.items()}
    return {path: each for path, each in found.items() if each}


def check(controller: Controller, simulator: Simulator, *outputs: str) -> None:
    """Fail if an output or a file contains a secret, also one that only responses had."""
    secrets = [simulator.key, *SECRETS.values(), *simulator.state()["issued"]]
    assert scan(controller, secrets, *outputs) == {}


def settings(place: Path) -> dict[str, str | Path]:
    """Return settings with which ansible-core shows and stores as much as possible."""
    return {
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,ansible.builtin.tree",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": place / "facts",
        "ANSIBLE_CALLBACK_TREE_DIR": place / "tree",
        "ANSIBLE_INJECT_INVOCATION": "true",
        "ANSIBLE_LOG_PATH": place / "ansible.log",
        "ANSIBLE_SHOW_CUSTOM_STATS": "true",
        "JUNIT_OUTPUT_DIR": place / "junit",
    }


def prepared(controller: Controller, simulator: Simulator, twice: bool = False) -> None:
    """Write a playbook that uses each secret."""
    tasks = list(uses(simulator.state(devices=True)["devices"][0]["id"])) * (1 + twice)
    write_playbook(controller, simulator, tasks)


def write_playbook(controller: Controller, simulator: Simulator, tasks: list[dict[str, Any]]) -> None:
    """Write a playbook that ignores failures, and shows and stores all results that Ansible shows."""
    controller.environment |= {name: str(value) for name, value in settings(controller.folder).items()}
    controller.write("secrets.yml", {**SECRETS, "key": simulator.key})
    registered: list[dict[str, Any]] = [
        {"register": f"task_{number}", **task, "ignore_errors": True} for number, task in enumerate(tasks)
    ]
    results = [f"{{{{ {task['register']} }}}}" for task in registered if not task.get("no_log")]
    controller.playbook(
        *registered,
        {"ansible.builtin.debug": {"msg": results}},
        {"ansible.builtin.set_fact": {"results": results, "cacheable": True}},
        {"ansible.builtin.set_stats": {"data": {"results": results}}},
        vars_files=["secrets.yml"],
    )


def test_successful_tasks_show_no_secret(make_controller: MakeController, simulator: Simulator) -> None:
    controller = make_controller()
    prepared(controller, simulator, twice=True)
    played = controller.play("-vvvv", "--diff")
    assert (played.code, played.recap["ignored"]) == (0, 0), played.output
    sent = json.dumps([entry["body"] for entry in simulator.writes()], ensure_ascii=False)
    assert [name for name, secret in SECRETS.items() if json.dumps(secret, ensure_ascii=False) not in sent] == []
    check(controller, simulator, played.output)


def test_a_response_that_repeats_the_request_shows_no_secret(
    make_controller: MakeController, simulator: Simulator
) -> None:
    controller = make_controller(ESPER_RETRIES="0")
    # As an option, the key is in the arguments of each task.
    del controller.environment["ESPER_API_KEY"]
    prepared(controller, simulator)
    play = json.loads((controller.folder / "site.yml").read_text())
    play[0]["module_defaults"] = {"group/esper.cloud.esper": {"api_key": "{{ key }}"}}
    controller.write("site.yml", play)
    for fault in FAULTS:
        times = None if "blueprints" in fault["path"] or "policy" in fault["path"] else 1
        where = fault.get("location", "").replace("KEY", simulator.key)
        for method in ("POST", "PUT", "PATCH"):
            simulator.fault(**{**fault, "location": where}, method=method, times=times)
    played = controller.play("-vvvv", "--diff")
    assert (played.code, played.recap["ignored"]) == (0, 6), played.output
    assert {entry["fault"] for entry in simulator.writes()} == {fault["kind"] for fault in FAULTS}
    check(controller, simulator, played.output)


def test_a_defect_shows_no_secret(make_controller: MakeController, simulator: Simulator, in_process: bool) -> None:
    # With this setting ansible-core shows the arguments of each module that it starts.
    controller = make_controller(ANSIBLE_DEBUG=str(in_process).lower())
    controller.write("defect/sitecustomize.py", DEFECT)
    path = [str(controller.folder / "defect"), controller.environment.get("PYTHONPATH")]
    controller.environment["PYTHONPATH"] = ":".join(filter(None, path))
    prepared(controller, simulator)
    played = controller.play("-vvvv", "--diff")
    assert (played.code, played.recap["ignored"]) == (0, 6), played.output
    # The output can have a line break in a long message.
    message = "please report it at https://github.com/ansible-collections/esper.cloud/issues: RuntimeError"
    assert message in " ".join(played.output.split())
    check(controller, simulator, played.output)


TOKEN = {"name": "report", "expires": "2099-01-01T00:00:00Z"}
PERSON = {"email": "anna@example.com", "role": "Viewer"}


def rotating(dest: Path, simulator: Simulator) -> Iterator[dict[str, Any]]:
    """Yield tasks that create, renew and use a token, and invite a person. One of them fails."""
    stored = {**TOKEN, "dest": str(dest)}
    yield {"esper.cloud.personal_access_token": stored}
    simulator.fault(**REPEATED, method="PUT", path="/personal-access-token/")
    yield {"esper.cloud.personal_access_token": {**stored, "renew": "always"}}
    returned = {**TOKEN, "renew": "always", "return_token": True}
    yield {"esper.cloud.personal_access_token": returned, "no_log": True, "register": "renewed"}
    yield {"esper.cloud.token_info": {"api_key": "{{ renewed.token }}"}}
    yield {"esper.cloud.user": PERSON}


def issuing(dest: Path, simulator: Simulator) -> Iterator[dict[str, Any]]:
    """Yield all other tasks whose responses have secrets. One of them fails."""
    stored = {**TOKEN, "dest": str(dest)}
    yield {"esper.cloud.personal_access_token": stored}
    yield {"esper.cloud.personal_access_token": stored}
    yield {"esper.cloud.personal_access_token": {**stored, "renew": "always"}}
    yield {"esper.cloud.token_info": {"api_key": f"{{{{ lookup('ansible.builtin.file', '{dest}') }}}}"}}
    yield {"esper.cloud.personal_access_token_info": {}}
    simulator.fault(kind="drop_after", method="POST", path="/personal-access-token/", after=1)
    yield {"esper.cloud.personal_access_token": {**stored, "name": "lost"}}
    yield {"esper.cloud.personal_access_token": {"name": "lost", "state": "absent"}}
    yield {"esper.cloud.token_info": {}}
    yield {"esper.cloud.api": {"path": "/authn2/v0/personal-access-token/"}}
    body = {"name": "api", "description": "", "expiry_at": -1}
    yield {"esper.cloud.api": {"method": "POST", "path": "/authn2/v0/personal-access-token/", "body": body}}
    yield {"esper.cloud.api": {"path": "/user_info/"}}
    profile = {"role": "Viewer", "enterprise": simulator.enterprise_id}
    invitation = {"email": "api@example.com", "meta": {"email": "api@example.com", "profile": profile}}
    path = "/authn2/v0/tenant/{enterprise_id}/invite"
    yield {"esper.cloud.api": {"method": "POST", "path": path, "body": invitation}}
    yield {"esper.cloud.user": PERSON}
    yield {"esper.cloud.user": {**PERSON, "reinvite": True}}
    yield {"esper.cloud.user": {**PERSON, "reinvite": True, "show_invitation_url": True}, "no_log": True}
    account = {"email": "kiosk@example.com", "role": "Viewer", "onboarding": "direct", "password": "{{ admin }}"}
    yield {"esper.cloud.user": account}
    yield {"esper.cloud.user": {**account, "active": False}}
    yield {"esper.cloud.tenant": {"users": [{**PERSON, "reinvite": True}, account]}}
    yield {"esper.cloud.user_info": {}}


def tokens_of_users(simulator: Simulator) -> list[str]:
    """Return the tokens in the list of users."""
    url = f"{simulator.url}/user/?exclude_google_roles=true&exclude_enterprise_device_role=true"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {simulator.key}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as response:
        return [user["token"] for user in json.load(response)["results"]]


def test_a_secret_of_a_response_is_shown_nowhere(
    make_controller: MakeController, simulator: Simulator, tmp_path: Path
) -> None:
    controller, dest = make_controller(), tmp_path / "values" / "token"
    write_playbook(controller, simulator, list(rotating(dest, simulator)))
    played = controller.play("-vvvv", "--diff")
    assert (played.code, played.recap["ignored"]) == (0, 1), played.output
    assert "No ********" in played.output
    issued = simulator.state()["issued"]
    assert len(issued) == 3
    assert dest.read_text() == issued[0]
    check(controller, simulator, played.output)


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
def test_all_tasks_whose_responses_have_secrets_show_none(
    make_controller: MakeController, simulator: Simulator, tmp_path: Path
) -> None:
    controller, dest = make_controller(ESPER_RETRIES="1"), tmp_path / "values" / "token"
    write_playbook(controller, simulator, list(issuing(dest, simulator)))
    played = controller.play("-vvvv", "--diff")
    assert (played.code, played.recap["ignored"]) == (0, 1), played.output
    assert "drop_after" in {entry["fault"] for entry in simulator.writes()}
    issued = simulator.state()["issued"]
    assert len(issued) == 9
    assert [path.name for path in dest.parent.iterdir()] == ["token"]
    assert dest.read_text() == issued[1]
    assert json.dumps(SECRETS["admin"]) in json.dumps([entry["body"] for entry in simulator.writes()])
    tokens = tokens_of_users(simulator)
    assert len({simulator.key, *tokens}) == 2
    assert scan(controller, tokens, played.output) == {}
    check(controller, simulator, played.output)


def test_the_scan_finds_a_secret_in_each_output(make_controller: MakeController, simulator: Simulator) -> None:
    controller = make_controller()
    token = {"name": "report", "expires": "never", "return_token": True}
    person = {**PERSON, "show_invitation_url": True}
    tasks = [{"esper.cloud.personal_access_token": token}, {"esper.cloud.user": person}]
    write_playbook(controller, simulator, tasks)
    played = controller.play("-vvvv", "--diff")
    issued = simulator.state()["issued"]
    assert len(issued) == 2
    for secret in issued:
        found = {path.parts[0] for path in scan(controller, [secret], played.output)}
        assert found >= {"output 0", "ansible.log", "facts", "junit", "tree"}


@pytest.mark.parametrize("in_process", ["in_process"], indirect=True)
def test_an_inventory_and_its_cache_show_no_secret(make_controller: MakeController, simulator: Simulator) -> None:
    controller = make_controller(ESPER_RETRIES="0")
    controller.environment |= {name: str(value) for name, value in settings(controller.folder).items()}
    controller.write(
        "key.yml",
        {
            "plugin": "esper.cloud.devices",
            "api_key": simulator.key,
            "detail_level": "full",
            "cache": True,
            "cache_plugin": "ansible.builtin.jsonfile",
            "cache_connection": str(controller.folder / "cache"),
        },
    ).rename(controller.folder / "key.esper.yml")
    command = ("ansible-inventory", "-vvvv", "-i", "key.esper.yml", "--list")
    good = controller.run(*command)
    assert good.code == 0, good.output
    assert "esper_serial" in good.output
    (cached,) = (controller.folder / "cache").iterdir()
    body = json.dumps({"message": f"No {simulator.key}", "errors": [simulator.key]})
    simulator.fault(kind="status", status=400, body=body, times=None)
    cached.rename(controller.folder / "cached")
    bad = controller.run(*command)
    assert "returned HTTP 400" in bad.output
    check(controller, simulator, good.output, bad.output)
