# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: what it takes to hand hosts, variables and groups that lie in a file to ansible-core, as its guide for
developers shows it. The file is what `ansible-inventory --list --export` prints."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible.plugins.inventory import BaseInventoryPlugin


class InventoryModule(BaseInventoryPlugin):
    NAME = "floor"
    # Without it, ansible-inventory would write each text in another, longer form than for the plugin.
    trusted_by_default = True

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        groups = json.loads(Path(path).read_text())
        hosts = groups.pop("_meta")["hostvars"]
        for group in groups:
            inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host)
            for name, value in hosts[host].items():
                inventory.set_variable(host, name, value)
        for group, content in groups.items():
            for name, value in content.get("vars", {}).items():
                inventory.set_variable(group, name, value)
            for child in [*content.get("children", []), *content.get("hosts", [])]:
                inventory.add_child(group, child)
