# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Ansible against the simulator and return the messages that it prints."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import typing as t
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml
from ansible_collections.esper.cloud.tests.unit.authority import Authority

if t.TYPE_CHECKING:
    from process import Simulator

Case = dict[str, t.Any]

CASES = Path(__file__).parent / "messages.yml"
_CONFIGURATION = """\
[defaults]
localhost_warning = false
[inventory]
enable_plugins = esper.cloud.devices, host_list, script, auto, yaml
any_unparsed_is_failed = true
"""


@dataclass(frozen=True)
class Ansible:
    """Runs the programs of ansible-core in a directory, with the simulator as the tenant."""

    simulator: Simulator
    folder: Path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Return the result of a program, whether it failed or not."""
        (self.folder / "ansible.cfg").write_text(_CONFIGURATION, encoding="utf-8")
        known = {name: value for name, value in os.environ.items() if not name.startswith(("ESPER_", "ANSIBLE_"))}
        paths = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(Path(__file__).resolve().parents[5]))
        own = {
            "ANSIBLE_COLLECTIONS_PATH": paths,
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ESPER_API_KEY": self.simulator.key,
            "ESPER_API_URL": self.simulator.url,
            "ESPER_RETRIES": "0",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "no_proxy": "127.0.0.1",
        }
        return subprocess.run(
            command, cwd=self.folder, env={**known, **own, **environment}, capture_output=True, text=True, check=False
        )

    def inventory(self, name: str, **source: t.Any) -> str:
        """Write an inventory file and return its name."""
        path = self.folder / f"{name}.esper.yml"
        path.write_text(yaml.safe_dump({"plugin": "esper.cloud.devices", **source}), encoding="utf-8")
        return path.name


def cases() -> dict[str, Case]:
    """Return the ways to provoke messages by their names, see messages.yml."""
    return t.cast(dict[str, Case], yaml.safe_load(CASES.read_text(encoding="utf-8")))


def provoke(ansible: Ansible) -> dict[str, str]:
    """Return the message of each case, without the parts that differ in each run."""
    devices = ansible.simulator.state(devices=True)["devices"]
    with _untrusted_server(ansible.folder) as secure_url:
        values = {
            "URL": ansible.simulator.url,
            "HOST": ansible.simulator.url.split("/")[2],
            "SECURE_URL": secure_url,
            "CONTROL": ansible.simulator.url.removesuffix("/api") + "/_simulator",
            "BARE_PYTHON": _bare_python(ansible.folder),
            "FOLDER": str(ansible.folder),
            "DEVICES": [each["id"] for each in devices],
            "DEVICE": next(each["name"] for each in devices if each["state"] == 1),
        }
        filled = {name: _filled(case, values) for name, case in cases().items()}
        messages = _task_messages(ansible, {name: case for name, case in filled.items() if "task" in case})
    for name, case in filled.items():
        if "inventory" in case:
            messages[name] = _inventory_message(ansible, name, case)
    return {name: _stable(message, values) for name, message in messages.items()}


def _task_messages(ansible: Ansible, tasks: dict[str, Case]) -> dict[str, str]:
    """Run all tasks in one play and return their errors, or their warnings."""
    control = {"api_url": ansible.simulator.url.removesuffix("/api") + "/_simulator", "path": "/faults"}
    steps: list[Case] = []
    for name, case in tasks.items():
        steps += case.get("prepare", ())
        if faults := case.get("faults"):
            # Unlike ansible.builtin.uri, it starts no process.
            steps.append({"esper.cloud.api": {**control, "method": "POST", "body": faults}})
        steps.append({"name": name, "ignore_errors": True, "register": "result", **case["task"]})
        steps.append({"ansible.builtin.set_fact": {"results": f"{{{{ results | combine({{'{name}': result}}) }}}}"}})
        if faults:
            steps.append({"esper.cloud.api": {**control, "method": "DELETE"}})
    file = ansible.folder / "results.json"
    steps.append({"ansible.builtin.copy": {"content": "{{ results | to_json }}", "dest": str(file)}})
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"results": {}},
        "module_defaults": {
            "group/esper.cloud.esper": {
                "api_url": ansible.simulator.url,
                "api_key": ansible.simulator.key,
            }
        },
        "tasks": steps,
    }
    (ansible.folder / "provoke.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    ran = ansible.run("ansible-playbook", "provoke.yml")
    assert file.exists(), ran.stdout + ran.stderr
    results: dict[str, t.Any] = json.loads(file.read_text(encoding="utf-8"))
    quiet = [name for name, case in tasks.items() if not (results[name].get("warnings") or results[name]["failed"])]
    assert not quiet, f"These tasks neither fail nor warn: {', '.join(quiet)}"
    return {
        name: results[name]["warnings"][0] if case.get("warning") else results[name]["msg"]
        for name, case in tasks.items()
    }


def _inventory_message(ansible: Ansible, name: str, case: Case) -> str:
    """Return the first warning or error of an inventory."""
    source = ansible.inventory(name, **case["inventory"])
    first = []
    if hosts := case.get("first"):
        (ansible.folder / "first.yml").write_text(yaml.safe_dump({"all": {"hosts": dict.fromkeys(hosts)}}))
        first = ["-i", "first.yml"]
    command = ("ansible-inventory", *first, "-i", source, "--list")
    if case.get("expired"):
        ansible.run(*command)
        for path in (ansible.folder / "cache").iterdir():
            os.utime(path, (0, 0))
    for fault in case.get("faults", ()):
        ansible.simulator.fault(**fault)
    ran = ansible.run(*command, **case.get("environment", {}))
    ansible.simulator.clear_faults()
    found = re.search(r"^\[(?:WARNING|ERROR)\]: (.+)$", ran.stderr, re.M)
    assert found, ran.stderr
    # ansible-core names the plugin first.
    return (
        found[1].partition("inventory plugin: ")[2] or found[1].partition("inventory.devices' plugin: ")[2] or found[1]
    )


def _stable(message: str, values: t.Mapping[str, t.Any]) -> str:
    """Return a message without the parts that differ in each run, and without what ansible-core puts before it."""
    message = message.removeprefix("Task failed: ")
    for name, shown in (("HOST", "127.0.0.1:8899"), ("BARE_PYTHON", "/usr/bin/python3"), ("FOLDER", "/home/ops")):
        message = message.replace(values[name], shown)
    message = message.replace(values["SECURE_URL"].split("/")[2], "acme-api.esper.cloud")
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "2026-01-08T10:47:18+00:00", " ".join(message.split()))


def _filled(value: t.Any, values: t.Mapping[str, t.Any]) -> t.Any:
    """Return a case with values for the names that start with a dollar sign."""
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if isinstance(value, str) and value.removeprefix("$") in values and value.startswith("$"):
        return values[value[1:]]
    if isinstance(value, str):
        return re.sub(r"\$([A-Z_]+)", lambda found: str(values[found[1]]), value)
    return value


def _bare_python(folder: Path) -> str:
    """Return a Python without libraries."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "bare")], check=True)
    return str(folder / "bare" / "bin" / "python")


@contextlib.contextmanager
def _untrusted_server(folder: Path) -> t.Iterator[str]:
    """Run a server with a certificate of an unknown CA, and return its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = Authority(folder).context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()
