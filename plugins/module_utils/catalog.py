# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a module by the name of the module. Other definitions are not imported.

A module imports its definition directly, so Ansible packs no other definition with it.
"""

from __future__ import annotations

import importlib

from .index import MODULES
from .task import ModuleDefinition, define_info_module, define_module


def definition_of(module: str) -> ModuleDefinition:
    """Return the definition of a module, the same object that the module itself runs."""
    file, name = MODULES[module]
    found = getattr(importlib.import_module(f".{file}", __package__), name)
    if isinstance(found, ModuleDefinition):
        return found
    return define_info_module(found) if module.endswith("_info") else define_module(found)
