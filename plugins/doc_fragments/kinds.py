# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of lists of objects, made from that of the module of each kind, which has all that there is to say
of one object."""

from __future__ import annotations

import importlib
import re
import typing as t

import yaml
from ansible_collections.esper.cloud.plugins.module_utils.engine.resource import Resource
from ansible_collections.esper.cloud.plugins.module_utils.kinds.registry import KINDS

Options = dict[str, dict[str, t.Any]]

_PACKAGE = "ansible_collections.esper.cloud.plugins.modules"
# An option of the module itself, in the markup of a description.
_OPTION = re.compile(r"\bO\((\w+)([^#()]*)\)")
_RETURN_VALUE = re.compile(r"\bRV\(([\w.\[\]]+)\)")


def _documentation() -> str:
    return yaml.safe_dump({"options": dict(map(_list_of, KINDS))}, sort_keys=False, width=1000)


def _list_of(resource: Resource) -> tuple[str, dict[str, t.Any]]:
    """The option that takes a list of objects of a kind, by its name."""
    module, name = resource.kind, resource.plural
    text = importlib.import_module(f"{_PACKAGE}.{module}").DOCUMENTATION
    return name, {
        "description": [
            f"Objects as the module M(esper.cloud.{module}) takes them, each with the options of that module."
        ],
        "type": "list",
        "elements": "dict",
        "suboptions": _moved(yaml.safe_load(text)["options"], name, module),
    }


def _moved(options: Options, name: str, module: str) -> Options:
    """Options as those of each object in a list."""

    def option(found: re.Match[str]) -> str:
        # The connection's options are not those of an object.
        return f"O({name}[].{found[1]}{found[2]})" if found[1] in options else found[0]

    def text(value: str) -> str:
        value = _OPTION.sub(option, value)
        return _RETURN_VALUE.sub(rf"RV(esper.cloud.{module}#module:\1)", value)

    def moved(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: moved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [moved(item) for item in value]
        return text(value) if isinstance(value, str) else value

    return t.cast(Options, moved(options))


class ModuleDocFragment:
    """``esper.cloud.kinds`` for a module that takes lists of objects."""

    # The type is said, since the sanity test of YAML wants text where it is not.
    DOCUMENTATION: t.ClassVar[str] = _documentation()
