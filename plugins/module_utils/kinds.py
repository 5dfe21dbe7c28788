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
    "api": ("call", "CALL"),
    "app": ("resources.app", "APP_VERSION"),
    "app_info": ("resources.app", "APP"),
    "blueprint": ("resources.blueprint", "BLUEPRINT"),
    "blueprint_info": ("resources.blueprint", "BLUEPRINT"),
    "content": ("resources.content", "CONTENT"),
    "content_info": ("resources.content", "CONTENT"),
    "converge": ("resources.converge", "CONVERGE"),
    "device": ("resources.device_change", "DEVICE"),
    "device_command": ("resources.device_command", "DEVICE_COMMAND"),
    "device_group": ("resources.device_group", "DEVICE_GROUP"),
    "device_group_info": ("resources.device_group", "DEVICE_GROUP"),
    "device_info": ("resources.device_details", "DEVICE_INFO"),
    "enterprise_policy": ("resources.enterprise_policy", "ENTERPRISE_POLICY"),
    "enterprise_policy_info": ("resources.enterprise_policy", "ENTERPRISE_POLICY"),
    "operation": ("resources.operation_change", "OPERATION_TASK"),
    "operation_info": ("resources.operation_details", "OPERATION_INFO"),
    "tenant": ("tenant", "TENANT"),
}

MODULES = tuple(_PLACES)


def task_of(module: str) -> Task:
    """The task of a module, which is the very one that the module runs."""
    file, name = _PLACES[module]
    found = getattr(importlib.import_module(f".{file}", __package__), name)
    if isinstance(found, Task):
        return found
    return informing(found) if module.endswith("_info") else managing(found)
