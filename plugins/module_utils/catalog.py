# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of a module, by the name of the module. Only its own definition is imported.

A module does not use this file: it imports its definition, so that Ansible packs no other with it.
"""

from __future__ import annotations

import importlib

from .index import MODULES
from .task import ModuleDefinition, info_module_of, manage_module


def task_of(module: str) -> ModuleDefinition:
    """The task of a module, which is the very one that the module runs."""
    file, name = MODULES[module]
    found = getattr(importlib.import_module(f".{file}", __package__), name)
    if isinstance(found, ModuleDefinition):
        return found
    return info_module_of(found) if module.endswith("_info") else manage_module(found)
