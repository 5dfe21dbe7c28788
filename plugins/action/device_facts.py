# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the variables that the inventory has of a device into facts. It sends no request."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.esper.cloud.plugins.module_utils.tasks.fleet import VARIABLES


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _valid, arguments = self.validate_argument_spec({"vars_prefix": {"type": "str", "default": "esper_"}})
        prefix = arguments["vars_prefix"]
        known = {name: variables[f"{prefix}{name}"] for name in VARIABLES if f"{prefix}{name}" in variables}
        if "id" not in known:
            message = (
                f"The host '{variables.get('inventory_hostname')}' is not an Esper device: the variable {prefix}id is"
                " not defined. Use the inventory esper.cloud.devices, or set vars_prefix to the prefix that it uses."
            )
            return {**result, "failed": True, "msg": message}
        return {**result, "changed": False, "ansible_facts": {"esper": self._templar.template(known)}}
