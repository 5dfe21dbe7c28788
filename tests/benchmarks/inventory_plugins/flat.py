# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor once more, with the variables of a host written at once: as near to nothing as it gets."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.plugins.inventory import BaseInventoryPlugin


class InventoryModule(BaseInventoryPlugin):
    NAME = "flat"

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        groups = json.loads(Path(path).read_text())
        hosts = groups.pop("_meta")["hostvars"]
        for group in groups:
            inventory.add_group(group)
        for host in hosts:
            inventory.hosts[inventory.add_host(host)].vars.update(hosts[host])
        for group, content in groups.items():
            inventory.groups[group].vars.update(content.get("vars", {}))
            for child in [*content.get("children", []), *content.get("hosts", [])]:
                inventory.add_child(group, child)
