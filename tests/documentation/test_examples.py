# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML on the pages runs against the simulator, and commands print the output that the pages show.

A block that does not run has a reason: ``<!-- not run: REASON -->``.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import typing as t
from collections import Counter
from pathlib import Path

import pytest
import yaml
from ansible_collections.esper.cloud.tests.documentation.pages import ROOT, Block, blocks
from ansible_collections.esper.cloud.tests.documentation.provoke import Ansible

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

import apple_files
from apk import unreadable
from process import FOLDER

if t.TYPE_CHECKING:
    from process import Simulator


class _Loader(yaml.SafeLoader):
    """Loads the tags of Ansible, too."""


_Loader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(t.cast(yaml.ScalarNode, node)))

RETAILER = "docs/retailer.md"
EXAMPLES = [block for block in blocks() if block.language == "yaml"]
RUN = [block for block in EXAMPLES if block.mark != "not run"]
PAGES = sorted({block.page for block in RUN})


def _parsed(block: Block) -> t.Any:
    return yaml.load(block.text, Loader=_Loader)  # a SafeLoader


def _is_inventory(block: Block) -> bool:
    parsed = _parsed(block)
    return isinstance(parsed, dict) and parsed.get("plugin") == "esper.cloud.devices"


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_examples_are_valid_yaml(block: Block) -> None:
    assert _parsed(block)


@pytest.mark.parametrize("page", PAGES)
def test_plays_and_tasks_run(page: str, simulator: Simulator, tmp_path: Path) -> None:
    """All plays and tasks of a page run in their order, in a tenant of their own."""
    plays: list[t.Any] = []
    for block in (block for block in RUN if block.page == page and not _is_inventory(block)):
        parsed = _parsed(block)
        assert isinstance(parsed, list), f"{block} is neither a play, nor tasks, nor an inventory file"
        plays += parsed if "hosts" in parsed[0] else [{"hosts": "localhost", "gather_facts": False, "tasks": parsed}]
    if not plays:
        pytest.skip("The page has inventory files only.")
    ansible = _in_new_tenant(simulator, tmp_path)
    text = yaml.safe_dump(plays, sort_keys=False).replace("http://127.0.0.1:8899/api", simulator.url)
    text = text.replace("http://127.0.0.1:8899", simulator.url.removesuffix("/api"))
    (tmp_path / "page.yml").write_text(text, encoding="utf-8")
    inventory = ansible.inventory("fleet")
    variables = {
        "production_url": simulator.url,
        # The file is no APK file, so the role cannot read these from it.
        "app_release_package_name": "com.example.pos",
        "app_release_version_name": "2.1.0",
        # The lists of the tasks with the module tenant.
        "store_groups": [{"path": "Stores"}, {"path": "Stores/Hamburg"}],
        "north_menus": [{"src": "menu.html"}],
        "blueprints": [{"name": "Menu boards"}],
    }
    keys = dict.fromkeys(("PRODUCTION_KEY", "ACME_EU_KEY", "ACME_US_KEY"), simulator.key)
    # Like a shell, because roles write files to the current directory.
    keys["PWD"] = str(tmp_path)
    ran = ansible.run("ansible-playbook", "-i", inventory, "page.yml", "-e", json.dumps(variables), **keys)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    # A pattern that matches no host is only a warning.
    assert "no hosts matched" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("block", [block for block in RUN if _is_inventory(block)], ids=str)
def test_inventory_files_are_read(block: Block, simulator: Simulator, tmp_path: Path) -> None:
    ansible = _in_new_tenant(simulator, tmp_path)
    (tmp_path / "page.esper.yml").write_text(block.text, encoding="utf-8")
    ran = ansible.run("ansible-inventory", "-i", "page.esper.yml", "--graph")
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.splitlines()) > 1


def _examples(path: str) -> list[t.Any]:
    """Return the documents in the EXAMPLES of a plugin. A test target runs those of modules."""
    (text,) = re.findall(
        r'^EXAMPLES = r"""\n(.*?)^"""', (ROOT / "plugins" / path).read_text(encoding="utf-8"), re.M | re.S
    )
    return list(yaml.safe_load_all(text))


def test_the_examples_of_the_lookup_and_of_the_inventory_run(simulator: Simulator, tmp_path: Path) -> None:
    ansible = _in_new_tenant(simulator, tmp_path)
    # The groups and the tag in the examples of the inventory.
    prepare: list[t.Any] = [{"esper.cloud.device_group": {"path": path}} for path in ("Stores/Hamburg", "Lab")]
    prepare.append({"esper.cloud.device": {"devices": ["OUW-MDJ-00001"], "tags": ["retired"]}})
    play = {"hosts": "localhost", "gather_facts": False, "tasks": prepare + _examples("lookup/id.py")[0]}
    (tmp_path / "lookup.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    ran = ansible.run("ansible-playbook", "lookup.yml")
    assert ran.returncode == 0, ran.stdout + ran.stderr

    (tmp_path / "acme.key").write_text(simulator.key, encoding="utf-8")
    documents = _examples("inventory/devices.py")
    assert any(each.pop("tenant", "") for each in documents)  # The simulator has an address only.
    sources = [ansible.inventory(f"example-{index}", **each) for index, each in enumerate(documents)]
    ran = ansible.run("ansible-inventory", *(f"-i{name}" for name in sources), "--list", HOME=str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    groups = json.loads(ran.stdout)
    assert any(name.startswith("model_") for name in groups)
    assert groups["low_battery"]["hosts"]


@pytest.mark.parametrize("page", sorted({block.page for block in blocks() if block.mark == "output"} - {RETAILER}))
def test_commands_show_the_output(page: str, simulator: Simulator, tmp_path: Path) -> None:
    """The commands of a page run in their order. Their output contains the lines of the page in the same order."""
    _run_commands(page, _in_new_tenant(simulator, tmp_path))


def test_the_retailer_has_the_stores_and_the_app_of_the_page(simulator: Simulator, tmp_path: Path) -> None:
    """After the commands of the page, each device is in its store, and the rollback has reached the online devices."""
    variables = {"SIMULATOR": str(FOLDER), "ANSIBLE_CALLBACKS_ENABLED": "esper.cloud.summary"}
    _run_commands(RETAILER, _in_new_tenant(simulator, tmp_path, devices=560), **variables)
    sent = Counter(
        (each["method"], re.sub(r"[0-9a-f-]{36}", "ID", each["path"]).rstrip("/")) for each in simulator.writes()
    )
    assert sent == {
        # The device groups of the regions and stores, the devices of each store, and the alias of each device.
        ("POST", "/enterprise/ID/devicegroup"): 64,
        ("PATCH", "/enterprise/ID/devicegroup/ID"): 60,
        # The pilot, the other stores, and the rollback are commands, too.
        ("POST", "/commands/v0/commands"): 500 + 3,
        ("POST", "/enterprise/ID/application/upload"): 1,
        ("PUT", "/v2/blueprints/ID"): 2,
    }
    state = simulator.state(devices=True)
    groups = {each["id"]: each["name"] for each in state["groups"]}
    published = {each["name"]: each["latest_published_version_id"] for each in state["blueprints"]}["Point of Sale"]
    lines = csv.DictReader((tmp_path / "fleet.csv").read_text(encoding="utf-8").splitlines())
    stores = {line["Serial number"]: line for line in lines}
    devices = [each for each in state["devices"] if each["serial"] in stores]
    assert len(devices) == 500
    for device in devices:
        line = stores[device["serial"]]
        assert line["Store"].endswith(f"/{groups[device['group_id']]}")
        # Offline devices get their aliases later.
        assert device["state"] != 1 or device["alias"] == line["Name"]
    versions = [each["blueprint_info"]["current_blueprint_version_id"] for each in devices if each["state"] == 1]
    assert versions.count(published) == 63


def _run_commands(page: str, ansible: Ansible, **environment: str) -> None:
    for block in (block for block in EXAMPLES if block.page == page and block.text.startswith("# ")):
        (ansible.folder / block.text.split()[1]).write_text(block.text, encoding="utf-8")
    (ansible.folder / "fleet.esper.yml").write_text("plugin: esper.cloud.devices\n", encoding="utf-8")
    for block in (block for block in blocks() if block.page == page and block.mark == "output"):
        ran = ansible.run("sh", "-c", block.value, **environment)
        printed = iter([_without_duration(line) for line in ran.stdout.splitlines()])
        shown = [_without_duration(line) for line in block.text.splitlines() if line not in ("", "...")]
        assert [line for line in shown if line not in printed] == [], f"{block}: {ran.stdout}{ran.stderr}"


def _without_duration(line: str) -> str:
    return re.sub(r"in \d+ ms", "in 1 ms", line.rstrip())


def _in_new_tenant(simulator: Simulator, folder: Path, **sizes: int) -> Ansible:
    simulator.reset(**sizes)
    simulator.clear_faults()
    # Commands succeed as soon as their status is read.
    simulator.conduct(polls=1)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return Ansible(simulator, folder)


# The files that the examples upload or read. The simulator reads the package of an APK file from its name.
APK = unreadable()
FILES: dict[str, str | bytes] = {
    "menu.html": "<h1>Menu</h1>\n",
    "stores.csv": 'device,alias,group,tags\nOUW-MDJ-00001,Till 1,Stores/Berlin,"kiosk,berlin"\n',
    "inventory-2027.csv": "Serial number;Store;City\nOUW-MDJ-00001;Stores/Hamburg;Hamburg\n",
    "codes.csv": "serial,code\nELO00000001,4711-0815\n",
    "com.example.kiosk-1.3.0-130.apk": APK,
    "build/com.example.pos-2.1.0-210.apk": APK,
    "apns-2027.pem": apple_files.certificate(),
    "retail.p7m": apple_files.dep_token(),
    "retail.vpptoken": apple_files.vpp_token(),
    "retail-2027.vpptoken": apple_files.vpp_token(),
    "base/device_groups.yml": "- path: Shops\n",
    "production/device_groups.yml": '- "Shops/{{ inventory_hostname }}"\n',
    "stores-tasks.yml": "- esper.cloud.device_group_info:\n",
}
