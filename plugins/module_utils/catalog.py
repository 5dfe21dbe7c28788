# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of each module, by the module's name. Only what is asked for is imported.

For what serves all modules at once. A module itself imports its own kind, so that Ansible sends along no other.
"""

from __future__ import annotations

import importlib

from .task import Task, informing, managing

# Where a module's task or resource is: the file below module_utils, and the name in it.
_PLACES = {
    "api": ("tasks.api", "CALL"),
    "app": ("kinds.app", "APP_VERSION"),
    "app_info": ("kinds.app", "APP"),
    "blueprint": ("kinds.blueprint", "BLUEPRINT"),
    "blueprint_info": ("kinds.blueprint", "BLUEPRINT"),
    "content": ("kinds.content", "CONTENT"),
    "content_info": ("kinds.content", "CONTENT"),
    "converge": ("tasks.converge", "CONVERGE"),
    "device": ("tasks.device", "DEVICE"),
    "device_command": ("tasks.device_command", "DEVICE_COMMAND"),
    "device_group": ("kinds.device_group", "DEVICE_GROUP"),
    "device_group_info": ("kinds.device_group", "DEVICE_GROUP"),
    "device_info": ("tasks.device_info", "DEVICE_INFO"),
    "enterprise_policy": ("kinds.enterprise_policy", "ENTERPRISE_POLICY"),
    "enterprise_policy_info": ("kinds.enterprise_policy", "ENTERPRISE_POLICY"),
    "operation": ("tasks.operation", "OPERATION_TASK"),
    "operation_info": ("tasks.operation_info", "OPERATION_INFO"),
    "tenant": ("tasks.tenant", "TENANT"),
}

MODULES = tuple(_PLACES)


def task_of(module: str) -> Task:
    """The task of a module, which is the very one that the module runs."""
    file, name = _PLACES[module]
    found = getattr(importlib.import_module(f".{file}", __package__), name)
    if isinstance(found, Task):
        return found
    return informing(found) if module.endswith("_info") else managing(found)
