# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the connection options, written from the one table that defines them."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.connection import OPTIONS, Option


def _documentation(option: Option, *, for_plugin: bool) -> dict[str, t.Any]:
    described: dict[str, t.Any] = {"description": list(option.description), "type": option.type}
    if option.default is not None:
        described["default"] = option.default
    if for_plugin:
        described["env"] = [{"name": name} for name in option.env]
    else:
        names = " or ".join(f"E({name})" for name in option.env)
        described["description"].append(f"Without it, the environment variable {names} is used.")
    return described


def _render(*, for_plugin: bool) -> str:
    options = {option.name: _documentation(option, for_plugin=for_plugin) for option in OPTIONS}
    requirements = ["requests >= 2.28"]
    # JSON is YAML, and needs no library for it.
    return json.dumps({"options": options, "requirements": requirements})


class ModuleDocFragment:
    """``esper.cloud.connection`` for modules, ``esper.cloud.connection.plugin`` for plugins."""

    DOCUMENTATION = _render(for_plugin=False)
    PLUGIN = _render(for_plugin=True)
