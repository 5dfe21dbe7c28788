# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that select or limit devices, with the value of an undefined variable, for each module that changes
devices."""

from __future__ import annotations

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.task import unknown_result

NAMES = ("devices", "groups", "filters", "device_query", "blueprints", "max_devices", "max_percent")
# Modules with the suffix only read, and those of tenant are objects.
_SPECS = {name: definition_of(name).options for name in MODULES if not name.endswith("_info") and name != "tenant"}
FOUND = [(module, name) for module, spec in _SPECS.items() for name in NAMES if name in spec]


@pytest.mark.parametrize(("module", "name"), FOUND)
def test_null_is_an_error(module: str, name: str) -> None:
    task = definition_of(module)
    found = unknown_result(task, task.visit({name: None}), check_mode=False)
    assert found is not None
    assert found.result == {"failed": True, "msg": f"The option {name} is null. Set a value, or omit it."}


def test_the_options_are_those_of_several_modules() -> None:
    assert {name for _module, name in FOUND} == set(NAMES)
