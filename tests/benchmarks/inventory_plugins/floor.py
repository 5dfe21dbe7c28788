# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: the least that a plugin does to make hosts of the same devices, with the same variables and groups.

It fetches all pages with eight connections, parses them, calls ``add_host`` and gives each host one dict. It validates
no names, handles no errors, and caches nothing. The source is a JSON file with the URL and the key of the simulator.
"""

from __future__ import annotations

import http.client
import json
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from ansible.plugins.inventory import BaseInventoryPlugin, to_safe_group_name
from ansible_collections.esper.cloud.plugins.module_utils.base.names import group_names
from ansible_collections.esper.cloud.plugins.module_utils.kinds.device import STATES

_CONNECTIONS = 8
_PAGE_SIZE = 1000
_PARTS = ("blueprint_info", "hardware_info", "network_stats", "network_info", "software_info")

Row = dict[str, t.Any]


class InventoryModule(BaseInventoryPlugin):
    NAME = "floor"

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._api = _Api(**json.loads(Path(path).read_text()))
        enterprise = self._api.get("/v1/token-info/")["enterprise"]
        groups = {row["id"]: row for row in self._api.list_all(f"/enterprise/{enterprise}/devicegroup/", 250)}
        tags = {row["id"]: row["tag"] for row in self._api.list_all(f"/enterprise/{enterprise}/tags/", 250)}
        blueprints = {row["id"]: row["name"] for row in self._api.list_all("/v2/blueprints/", 20)}
        inventory.add_group("esper")
        inventory.groups["esper"].vars.update(
            ansible_connection="esper.cloud.device",
            ansible_facts_modules=[],
            ansible_python_interpreter="{{ ansible_playbook_python }}",
        )
        paths = {key: row["path"].removeprefix("All devices/") for key, row in groups.items()}
        names = {
            "group": self._add_groups("group", paths),
            "tag": self._add_groups("tag", tags),
            "blueprint": self._add_groups("blueprint", blueprints),
            "platform": {},
            "state": {},
        }
        for key, row in groups.items():
            parent = (row.get("parent") or "").rstrip("/").rpartition("/")[2]
            inventory.add_child(names["group"].get(parent, "esper"), names["group"][key])
        for row in self._api.list_all("/v2/devices/", _PAGE_SIZE):
            self._add_device(row, groups, tags, blueprints, names)

    def _add_groups(self, kind: str, objects: dict[str, str]) -> dict[str, str]:
        names, shared = group_names(kind, objects, to_safe_group_name)
        for name in (*names.values(), *shared):
            self.inventory.add_group(name)
        for name, keys in shared.items():
            for key in keys:
                self.inventory.add_child(name, names[key])
        return names

    def _add_device(
        self, row: Row, groups: Row, tags: dict[str, str], blueprints: dict[str, str], names: dict[str, dict[str, str]]
    ) -> None:
        blueprint, hardware, network, interfaces, software = (row.get(part) or {} for part in _PARTS)
        state, group, assigned = STATES[row["state"]], row["group_id"], blueprint.get("assigned_blueprint_id")
        if state == "disabled":
            return
        host = self.inventory.add_host(row["name"])
        self.inventory.hosts[host].vars.update(
            esper_id=row["id"],
            esper_name=row["name"],
            esper_alias=row.get("alias") or None,
            esper_serial=row.get("serial"),
            esper_platform=row["platform"],
            esper_state=state,
            esper_state_code=row["state"],
            esper_enterprise_id=row["tenant_id"],
            esper_group_id=group,
            esper_tag_ids=row["tags"],
            esper_blueprint_id=assigned,
            esper_os=row.get("os"),
            esper_os_version=row.get("os_version"),
            esper_agent_version=row.get("dpc_version") or software.get("esper_agent_info", {}).get("version_name"),
            esper_current_blueprint_id=blueprint.get("current_blueprint_id"),
            esper_current_blueprint_version_id=blueprint.get("current_blueprint_version_id"),
            esper_blueprint_status=blueprint.get("blueprint_upgrade_status"),
            esper_last_seen=row.get("last_seen"),
            esper_battery_level=(row.get("battery_stats") or {}).get("battery_level"),
            esper_hardware={
                "manufacturer": hardware.get("manufacturer"),
                "brand": hardware.get("brand"),
                "model": hardware.get("model"),
                "model_number": hardware.get("model_number"),
            },
            esper_network={
                "active_connection": network.get("current_active_connection"),
                "ip_addresses": network.get("ip_address") or [],
                "wifi_ssid": (network.get("wifi_network_info") or {}).get("wifi_ssid"),
                "wifi_mac_address": interfaces.get("wifi_mac_address"),
                "ethernet_mac_address": interfaces.get("ethernet_mac_address"),
            },
            esper_group=groups[group]["path"] if group else None,
            esper_tags=[tags[tag] for tag in row["tags"]],
            esper_blueprint=blueprints.get(assigned or ""),
            esper_current_blueprint=blueprints.get(blueprint.get("current_blueprint_id", "")),
        )
        for kind, value in (("platform", row["platform"]), ("state", state)):
            if value not in names[kind]:
                names[kind][value] = self.inventory.add_group(f"{kind}_{value.lower()}")
            self.inventory.add_child(names[kind][value], host)
        self.inventory.add_child(names["group"].get(group, "esper"), host)
        if assigned:
            self.inventory.add_child(names["blueprint"][assigned], host)
        for tag in row["tags"]:
            self.inventory.add_child(names["tag"][tag], host)


class _Api:
    """GET requests with one connection per thread."""

    def __init__(self, url: str, key: str) -> None:
        self._base = urlsplit(url)
        self._headers = {"Authorization": f"Bearer {key}"}
        self._local = threading.local()

    def get(self, path: str) -> t.Any:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection(self._base.netloc)
        connection = self._local.connection
        connection.request("GET", f"{self._base.path}{path}", headers=self._headers)
        body = json.loads(connection.getresponse().read())
        return body.get("content", body)

    def list_all(self, path: str, size: int) -> t.Iterator[Row]:
        """Yield the objects of a list. At most eight pages are in memory."""
        first = self.get(f"{path}?limit={size}")
        yield from first["results"]
        pages = [f"{path}?limit={size}&offset={offset}" for offset in range(size, first["count"], size)]
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            for start in range(0, len(pages), _CONNECTIONS):
                for page in pool.map(self.get, pages[start : start + _CONNECTIONS]):
                    yield from page["results"]
